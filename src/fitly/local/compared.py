"""A simulation's figures side by side with the truth: rows for people, one document for programs.

Knows what is worth comparing and in which words. Must never know where the figures were read, nor how
they are laid out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from fitly.core.rules import ContextPriors
from fitly.core.vocabulary import Bin, Context, Level, Variant
from fitly.local.found import BANDS, QUARTERS, Found, Tally, correlation
from fitly.local.worlds import World

WIDE: Final = 1.959963984540054
"""Standard errors on either side of a 95 % interval."""
ARRIVED: Final = (Bin.APPLIED, Bin.ORPHAN, Bin.OPTED_OUT)
"""Bins of what came once and in time."""


class Line(NamedTuple):
    """One row of the ledger's comparison: what was sent, and in which bins it should be."""

    what: str
    sent: int
    found: int

    @property
    def holds(self) -> bool:
        """Tell whether both are the same."""
        return self.sent == self.found


def effects(world: World, priors: Mapping[Context, ContextPriors]) -> list[dict[str, Any]]:
    """Hold the population's effects against the truth.

    Parameters
    ----------
    world : World
        What is true.
    priors : mapping
        What Fitly says of each context.

    Returns
    -------
    list of dict
        One per context and arm; an arm of which nothing is known has no figures.
    """
    rows: list[dict[str, Any]] = []
    for context in world.contexts:
        arms = priors[context].arms if context in priors else {}
        for variant in Variant:
            row: dict[str, Any] = {
                "context": context.value,
                "variant": variant.value,
                "truth": round(world.mean_effect(context, variant), 6),
                "effect": None,
                "interval": None,
                "covers": None,
                "learners": 0,
            }
            if (arm := arms.get(variant)) is not None:
                low, high = arm.effect - WIDE * arm.se, arm.effect + WIDE * arm.se
                row |= {
                    "effect": arm.effect,
                    "interval": [low, high],
                    "covers": low <= row["truth"] <= high,
                    "learners": arm.learners,
                }
            rows.append(row)
    return rows


def ledger(sent: Mapping[str, int], bins: Mapping[str, int]) -> list[Line]:
    """Hold the bins against what was sent.

    Parameters
    ----------
    sent : mapping
        Of `Life.sent`: events by what they are.
    bins : mapping
        By how much each bin grew meanwhile.

    Examples
    --------
    >>> [line.holds for line in ledger({"outcome": 3, "repeat": 1}, {"APPLIED": 2, "ORPHAN": 1, "DUPLICATE": 1})]
    [True, True, True, True]
    """
    once = sum(count for what, count in sent.items() if what not in ("repeat", "late"))
    other = sum(bins.get(bin_, 0) for bin_ in (Bin.FUTURE, Bin.INVALID, Bin.MISROUTED, Bin.ERASED))
    return [
        Line("once and in time: APPLIED, ORPHAN or OPTED_OUT", once, sum(bins.get(bin_, 0) for bin_ in ARRIVED)),
        Line("a second time: DUPLICATE", sent.get("repeat", 0), bins.get(Bin.DUPLICATE, 0)),
        Line("too late: LATE", sent.get("late", 0), bins.get(Bin.LATE, 0)),
        Line("never: FUTURE, INVALID, MISROUTED, ERASED", 0, other),
    ]


def document(found: Found, priors: Mapping[Context, ContextPriors], lines: list[Line]) -> dict[str, Any]:
    """Give everything that is compared, for programs and to be laid out for people."""
    pairs, ascent = found.pairs(), found.ascent()
    return {
        "world": found.people.world.name,
        "learners": found.people.size,
        "days": found.days,
        "seed": found.people.seed,
        "modes": {mode.value: count for mode, count in sorted(found.modes.items())},
        "effects": effects(found.people.world, priors),
        "levels": {level.value: _told(found.at_the_end(level)) for level in (Level.LOW, Level.MEDIUM, Level.HIGH)},
        "benefit": {_band(band): _told(found.by_benefit(band)) for band in range(len(BANDS) + 1)},
        "ability": [_told(found.by_ability(quarter)) for quarter in range(QUARTERS)],
        "all": _told(found.tally()),
        "confidence_and_ability": {"r": correlation(pairs), "n": len(pairs)},
        "below_threshold": ascent._asdict(),
        "ledger": [{"what": line.what, "sent": line.sent, "found": line.found, "holds": line.holds} for line in lines],
    }


def _told(tally: Tally) -> dict[str, Any]:
    return {
        "decisions": tally.decisions,
        "applied_share": _number(tally.applied_share),
        "best_arm_share": _number(tally.best_share),
        "regret": _number(tally.regret / tally.decisions if tally.decisions else math.nan),
        "regret_of_uniform": _number(tally.uniform / tally.decisions if tally.decisions else math.nan),
        "regret_ratio": _number(tally.regret_ratio),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def _band(band: int) -> str:
    """Name a band of true effects.

    >>> [_band(0), _band(1), _band(3)]
    ['at most 0', '0 to 0.05', 'over 0.1']
    """
    if band == 0:
        return f"at most {BANDS[0]:g}"
    return f"over {BANDS[-1]:g}" if band == len(BANDS) else f"{BANDS[band - 1]:g} to {BANDS[band]:g}"
