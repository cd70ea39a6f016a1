"""What of the population's sums is kept from people's eyes: whatever is about fewer than five learners.

Knows how many learners stand behind each sum. Must never know how rows are laid out.

A sum over one learner is that learner's figure, and of two each can work out the other's. What would reveal a withheld
sum goes with it: one partition's word (the whole less the others' words), and the sums of an hour ago (the whole of now
less what was).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fitly.core.partials import Kind, Merged, Partial
from fitly.core.population import GROUPS, PAIRED
from fitly.core.statistics.population_baseline import informs
from fitly.core.vocabulary import ARM_VARIANTS, OUTCOME_TYPES

_ARMS: Final = frozenset(ARM_VARIANTS.values())
_TYPES: Final = frozenset(OUTCOME_TYPES)
_OF_GROUPS: Final = frozenset((*GROUPS, PAIRED))
_OF_PAIRS: Final = frozenset(("pairs", "h", "hh", "hd", "hdd"))


def without_few(row: object) -> tuple[object, int]:
    """Give a row of the table ``population`` as it may be shown, and how many of its sums are withheld.

    Parameters
    ----------
    row : object
        As it was decoded; one that holds no sums is given back as it is.

    Examples
    --------
    >>> few = Merged(Kind.PRIORS, "MISSION", "b", {}, {"CONTROL.composite_n": 4, "HOLDOUT.composite_n": 5})
    >>> shown, withheld = without_few(few)
    >>> shown.sums, withheld
    ({'HOLDOUT.composite_n': 5}, 1)
    """
    if isinstance(row, Partial):
        return row._replace(sums={}), len(row.sums)
    if not isinstance(row, Merged):
        return row, 0
    kept = {name: value for name, value in row.sums.items() if informs(_behind(row.kind, name, row.sums))}
    look = None if row.look is None else row.look._replace(sums={})
    earlier = 0 if row.look is None else len(row.look.sums)
    return row._replace(sums=kept, look=look), len(row.sums) - len(kept) + earlier


def _behind(kind: Kind, name: str, sums: Mapping[str, int]) -> int:
    """Give how many learners stand behind a sum, or at most stand behind it where that is not counted."""
    return _behind_prior(name, sums) if kind is Kind.PRIORS else _behind_shadow(name, sums)


def _behind_prior(name: str, sums: Mapping[str, int]) -> int:
    part, _, field = name.partition(".")
    if part in _ARMS:
        both = sums.get(f"{part}.learners", 0)
        return min(both, sums.get(f"{part}.pairs", 0)) if field in _OF_PAIRS else both
    if part in _OF_GROUPS:
        return sums.get(f"{part}.{field.rpartition('_')[0]}_n", 0)
    everybody = sums.get("OFFERED.composite_n", 0) + sums.get("HOLDOUT.composite_n", 0)
    if part in _TYPES:  # of a metric only its outcomes are counted: no more learners than these
        return min(everybody, sums.get(f"{part}.n_{field[2:]}", 0))
    return everybody


def _behind_shadow(name: str, sums: Mapping[str, int]) -> int:
    everybody = sums.get("learners0", 0)
    if name.startswith("largest."):
        return min(everybody, sums[name])
    return everybody if name.endswith("0") or name == "outside" else sums.get("learners", 0)
