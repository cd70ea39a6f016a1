"""What one row of one learner contributes to the sums of all: the one place that says so.

Knows which sums are kept of a context's row and how each follows from it. Must never know how they are merged, sent or
read. The sums of a partition are those of its rows, whatever happened in between: each time a row changes, its former
contribution goes out and its new one comes in, and a row that is erased takes everything of its own along. So every sum
is an integer, and the learner is the unit.

Names of sums are ``PART.field``. Scales: counts and ``h`` in their own unit (``h`` in 10^-6), rewards and metrics in
10^-6, weights in 10^-6; a product has the product of its factors' scales.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import add, sub
from typing import Any, Final, TypeAlias

from fitly.core import shadows
from fitly.core.entries import EVIDENCE, TYPED, Evidence, Typed
from fitly.core.learner import ContextRow
from fitly.core.names import UserId
from fitly.core.numbers import ONE, mean
from fitly.core.packed import Layout
from fitly.core.partials import Kind
from fitly.core.vocabulary import ARM_VARIANTS, OUTCOME_TYPES, ArmCode, Context

Name: TypeAlias = tuple[Kind, str]
"""Which sums: their kind, and a name within it (a context)."""
Change: TypeAlias = tuple[str, int]
"""Name of a sum, and by how much it moves."""

ARM_SUMS: Final = (
    *("clusters", "learners", "w", "y", "w0", "y0"),
    *("ww", "wy", "yy", "w0w0", "w0y0", "y0y0", "ww0", "wy0", "yw0", "yy0"),
    *("pairs", "h", "hh", "hd", "hdd"),
)
"""Of one arm, over learners: ``clusters`` with any weight, ``learners`` with weight on both sides; w and y a learner's
sums of weights and of weight times centred reward, w0 and y0 those of decisions not to apply; products of these;
``pairs`` with two decisions on both sides, h half their harmonic mean size (10^-6), d the difference of their plain
means."""
MEASURES: Final = ("composite", "retention", "performance", "completion", "engagement")
GROUPS: Final = ("APPLIED", "CONTROL", "HOLDOUT", "OFFERED")
"""Whose decisions a learner's mean is over: applied ones, control ones, those of a learner held out, and all of one who
is not held out (applied, control and fallback: what being offered personalization leads to)."""
PAIRED: Final = "PAIRED"
"""Of the learners who have both: each one's applied mean less their own control mean."""
_ENOUGH_OF_BOTH: Final = 2


def contribution(row: ContextRow) -> dict[Name, dict[str, int]]:
    """Give everything one row contributes, by kind and name; what is 0 is left out."""
    return {name: added_up(moved) for name, moved in differences(None, row)}


def added_up(moved: Iterable[Change]) -> dict[str, int]:
    """Add up changes by name; a name may come more than once.

    >>> added_up([("n", 2), ("x", 1), ("n", 3)])
    {'n': 5, 'x': 1}
    """
    total: dict[str, int] = {}
    for name, change in moved:
        total[name] = total.get(name, 0) + change
    return total


def differences(before: ContextRow | None, after: ContextRow | None) -> Iterator[tuple[Name, list[Change]]]:
    """Give which sums move, and how, when a row becomes another; None stands for no row.

    >>> list(differences(None, None))
    []
    """
    row = after or before
    if row is None:
        return
    old, new = before or _NO_ROW, after or _NO_ROW
    if moved := _priors(old, new):
        yield (Kind.PRIORS, row.context.value), moved
    if old.shadows or old.shadow_sums or new.shadows or new.shadow_sums:
        yield from _shadows(old, new)


_NO_ROW: Final = ContextRow(user_id=UserId(""), context=Context.MISSION)


def _priors(before: ContextRow, after: ContextRow) -> list[Change]:
    """Give what moves of all that `priors.estimated` reads; asked at every change of every row."""
    moved: list[Change] = []
    if before.typed != after.typed or before.own_sum != after.own_sum or before.own_n != after.own_n:
        moved += _means(before, after)
    if before.evidence != after.evidence:
        moved += _effects(before.evidence, after.evidence)
        moved += _fared(before.evidence, after.evidence)
    return moved


# -- means: what a reward and a metric are on average ----------------------------------------------------------


def _means(before: ContextRow, after: ContextRow) -> Iterator[Change]:
    yield from _moved(("ALL.n", "ALL.sum"), (before.own_n, before.own_sum), (after.own_n, after.own_sum))
    for old, new in _changed(TYPED, before.typed, after.typed):
        names = _TYPED_NAMES[(new or old)[0]]
        yield from _moved(names, old[1:] if old else _NO_TYPE, new[1:] if new else _NO_TYPE)


_TYPED_NAMES: Final = {code: [f"{kind}.{f}" for f in Typed._fields[1:]] for code, kind in enumerate(OUTCOME_TYPES)}
_NO_TYPE: Final = (0,) * (len(Typed._fields) - 1)


# -- effects: what randomized decisions say of each arm ----------------------------------------------------------


def _effects(olds: bytes, news: bytes) -> Iterator[Change]:
    for old, new in _changed(EVIDENCE, olds, news):
        code = (new or old)[0]
        if code in ARM_VARIANTS:
            yield from _moved(_ARM_NAMES[code], of_arm(old) if old else _NO_ARM, of_arm(new) if new else _NO_ARM)
        yield from _moved(_SPREAD_NAMES, _within(old) if old else _NO_SPREAD, _within(new) if new else _NO_SPREAD)


def of_arm(said: Evidence) -> tuple[int, ...]:
    """Give one learner's contribution to the sums of an arm, in the order of `ARM_SUMS`."""
    w, y, w0, y0 = said.w, said.wx, said.w0, said.wx0
    if not (w or w0):
        return _NO_ARM
    products = (w * w, w * y, y * y, w0 * w0, w0 * y0, y0 * y0, w * w0, w * y0, y * w0, y * y0)
    return (1, int(bool(w and w0)), w, y, w0, y0, *products, *_pair(said))


def _pair(said: Evidence) -> tuple[int, ...]:
    """Give a learner's own difference and its size, once there are two decisions on both sides."""
    n, n0 = said.drawn, said.n0
    if n < _ENOUGH_OF_BOTH or n0 < _ENOUGH_OF_BOTH:
        return 0, 0, 0, 0, 0
    size, d = mean(n * n0 * ONE, n + n0), mean(said.x, n) - mean(said.x0, n0)
    return 1, size, size * size, size * d, size * d * d


def _within(said: Evidence) -> tuple[int, int]:
    """Give the squares of randomized decisions around their mean within a learner and arm, and how many are free."""
    n = said.drawn
    return (said.x2 - mean(said.x * said.x, n), n - 1) if n >= _ENOUGH_OF_BOTH else _NO_SPREAD


_ARM_NAMES: Final = {code: [f"{variant}.{name}" for name in ARM_SUMS] for code, variant in ARM_VARIANTS.items()}
_NO_ARM: Final = (0,) * len(ARM_SUMS)
_SPREAD_NAMES: Final = ("WITHIN.squares", "WITHIN.free")
_NO_SPREAD: Final = (0, 0)


# -- effectiveness: how learners fare, one mean each -------------------------------------------------------------


def _fared(olds: bytes, news: bytes) -> Iterator[Change]:
    old, new = _groups(olds), _groups(news)
    for group in GROUPS:
        if old[group] != new[group]:
            yield from _moved(_GROUP_NAMES[group], _fares(old[group]), _fares(new[group]))
    if old != new:
        yield from _moved(_PAIR_NAMES, _paired(old), _paired(new))


def _groups(evidence: bytes) -> dict[str, tuple[int, ...]]:
    """Add a learner's decisions up by group: per measure, how many and their sum."""
    sums = dict.fromkeys(GROUPS, _NONE)
    for said in EVIDENCE.all(evidence):
        part: tuple[int, ...] = said[1:_MEASURED]
        for group in _GROUPS_OF[said.arm]:
            sums[group] = tuple(map(add, sums[group], part))
    return sums


def _fares(sums: tuple[int, ...]) -> tuple[int, ...]:
    """Give one learner's count, mean and squared mean of each measure."""
    parts: list[int] = []
    for n, total in zip(sums[::2], sums[1::2], strict=True):
        value = mean(total, n) if n else 0
        parts += (1, value, value * value) if n else (0, 0, 0)
    return tuple(parts)


def _paired(sums: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Give the difference of a learner's applied and control means of each measure that has both, and its square."""
    parts: list[int] = []
    applied, control = sums["APPLIED"], sums["CONTROL"]
    for n, total, n0, total0 in zip(applied[::2], applied[1::2], control[::2], control[1::2], strict=True):
        value = mean(total, n) - mean(total0, n0) if n and n0 else 0
        parts += (1, value, value * value) if n and n0 else (0, 0, 0)
    return tuple(parts)


_MEASURED: Final = Evidence._fields.index("drawn")
_NONE: Final = (0,) * (_MEASURED - 1)
_GROUPS_OF: Final[dict[int, tuple[str, ...]]] = {
    **dict.fromkeys(ARM_VARIANTS, ("APPLIED", "OFFERED")),
    ArmCode.CONTROL: ("CONTROL", "OFFERED"),
    ArmCode.FALLBACK: ("OFFERED",),
    ArmCode.HOLDOUT: ("HOLDOUT",),
}
_GROUP_NAMES: Final = {
    group: [f"{group}.{m}_{p}" for m in MEASURES for p in ("n", "sum", "squares")] for group in (*GROUPS, PAIRED)
}
_PAIR_NAMES: Final = _GROUP_NAMES[PAIRED]


# -- shadows: what came of what others would have done ------------------------------------------------------------


def _shadows(before: ContextRow, after: ContextRow) -> Iterator[tuple[Name, list[Change]]]:
    old, new = shadows.contribution(before), shadows.contribution(after)
    for name in sorted(old.keys() | new.keys()):
        one, other = old.get(name, {}), new.get(name, {})
        changes = ((each, other.get(each, 0) - one.get(each, 0)) for each in sorted(one.keys() | other.keys()))
        if moved := [(each, change) for each, change in changes if change]:
            yield (Kind.SHADOWS, name), moved


# -- what all kinds use ------------------------------------------------------------------------------------------


def _moved(names: Any, old: tuple[int, ...], new: tuple[int, ...]) -> Iterator[Change]:  # noqa: ANN401 - a sequence
    for name, change in zip(names, map(sub, new, old), strict=True):
        if change:
            yield name, change


def _changed(layout: Layout[Any], olds: bytes, news: bytes) -> Iterator[tuple[Any, Any]]:
    """Give the records of a code that are not the same on both sides, None where one side has none."""
    old = {each[0]: each for each in layout.all(olds)}
    new = {each[0]: each for each in layout.all(news)}
    for code in sorted(old.keys() | new.keys()):
        if (one := old.get(code)) != (other := new.get(code)):
            yield one, other
