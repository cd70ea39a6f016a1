"""What one row of one learner contributes to the sums of all: the one place that says so.

Knows which sums are kept of a context's row and how each follows from it. Must never know how they are merged, sent or
read. The sums of a partition are those of its rows, whatever happened in between: each time a row changes, its former
contribution goes out and its new one comes in, and a row that is erased takes everything of its own along. So every sum
is an integer, and the learner is the unit.

Names of sums are ``PART.field``. Scales: counts and ``h`` in their own unit (``h`` in 10^-6), rewards and metrics in
10^-6, weights in 10^-6; a product has the product of its factors' scales.

What `priors.estimated` reads moves with nearly every record, so its sums are a list in the order of `NAMES` and what
moves is added in place; names are for rest and for words to others.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import add, sub
from typing import Any, Final, TypeAlias

from fitly.core import shadows
from fitly.core.entries import EVIDENCE, TYPED, Evidence, Typed
from fitly.core.learner import ContextRow
from fitly.core.names import UserId
from fitly.core.numbers import ONE, mean
from fitly.core.partials import Kind
from fitly.core.vocabulary import ARM_VARIANTS, OUTCOME_TYPES, ArmCode, Context

Name: TypeAlias = tuple[Kind, str]
"""Which sums: their kind, and a name within it (a context)."""
Changed: TypeAlias = tuple[int, int, int]
"""A packed record that is not the same before and after: its code, and where it begins on each side, -1 for nowhere."""

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

# -- where each sum stands ----------------------------------------------------------------------------------------

_OWN_NAMES: Final = ("ALL.n", "ALL.sum")
_TYPED_NAMES: Final = tuple(f"{kind}.{f}" for kind in OUTCOME_TYPES for f in Typed._fields[1:])
_ARM_NAMES: Final = tuple(f"{variant}.{name}" for variant in ARM_VARIANTS.values() for name in ARM_SUMS)
_SPREAD_NAMES: Final = ("WITHIN.squares", "WITHIN.free")
_GROUP_NAMES: Final = tuple(
    f"{group}.{m}_{p}" for group in (*GROUPS, PAIRED) for m in MEASURES for p in ("n", "sum", "squares")
)
NAMES: Final = (*_OWN_NAMES, *_TYPED_NAMES, *_ARM_NAMES, *_SPREAD_NAMES, *_GROUP_NAMES)
"""Every sum of the kind `Kind.PRIORS`, in the order in which a list keeps them."""
_PLACES: Final = {name: place for place, name in enumerate(NAMES)}
_IN_ORDER: Final = sorted(_PLACES.items())

_TYPED_AT: Final = {code: _PLACES[f"{kind}.n_retention"] for code, kind in enumerate(OUTCOME_TYPES)}
_ARM_AT: Final = {code: _PLACES[f"{variant}.clusters"] for code, variant in ARM_VARIANTS.items()}
_SPREAD_AT: Final = _PLACES["WITHIN.squares"]
_APPLIED_AT, _CONTROL_AT, _HOLDOUT_AT, _OFFERED_AT, _PAIRED_AT = (
    _PLACES[f"{group}.composite_n"] for group in (*GROUPS, PAIRED)
)


def named(sums: list[int]) -> dict[str, int]:
    """Give sums by their names, in the order of these; what is 0 is left out."""
    return {name: value for name, place in _IN_ORDER if (value := sums[place])}


def listed(sums: Mapping[str, int]) -> list[int]:
    """Give the list of named sums; the inverse of `named`.

    >>> named(listed({"ALL.sum": 7, "ALL.n": 2}))
    {'ALL.n': 2, 'ALL.sum': 7}
    """
    return [sums.get(name, 0) for name in NAMES]


def contribution(row: ContextRow) -> dict[Name, dict[str, int]]:
    """Give everything one row contributes, by kind and name; what is 0 is left out."""
    told: dict[Name, dict[str, int]] = {}
    if row.left_out:
        return told
    sums = listed({})
    if move(sums, NO_ROW, row):
        told[Kind.PRIORS, row.context.value] = named(sums)
    for name, scores in shadows.differences(NO_ROW, row):
        told[Kind.SHADOWS, name] = dict(scores)
    return told


NO_ROW: Final = ContextRow(user_id=UserId(""), context=Context.MISSION)
"""Stands for a row that is not there: it contributes nothing."""


def move(sums: list[int], before: ContextRow, after: ContextRow) -> bool:
    """Take what a row contributed to all that `priors.estimated` reads out of its sums, put in what it does now.

    Parameters
    ----------
    sums : list of int
        In the order of `NAMES`; changed in place.
    before, after : ContextRow
        The row; asked at every change of every row, so what is the same on both sides must cost nothing.

    Returns
    -------
    bool
        Whether anything moved.
    """
    has_moved = False
    by_n, by_sum = after.own_n - before.own_n, after.own_sum - before.own_sum
    if by_n or by_sum:
        sums[0] += by_n
        sums[1] += by_sum
        has_moved = True
    olds, news = before.typed, after.typed
    if olds != news:
        has_moved |= _move_types(sums, olds, news)
    olds, news = before.evidence, after.evidence
    if olds != news:
        has_moved |= _move_evidence(sums, olds, news)
    return has_moved


def _changed(width: int, olds: bytes, news: bytes) -> list[Changed]:
    """Give the records, each beginning with its code, that are not the same on both sides."""
    old_codes, new_codes = olds[::width], news[::width]
    found: list[Changed] = []
    new_at = 0
    for code in new_codes:
        old_at = old_codes.find(code) * width
        if old_at < 0:
            found.append((code, -1, new_at))
        elif olds[old_at : old_at + width] != news[new_at : new_at + width]:
            found.append((code, old_at, new_at))
        new_at += width
    old_at = 0
    for code in old_codes:
        if code not in new_codes:
            found.append((code, old_at, -1))
        old_at += width
    return found


# -- means: what a metric is on average, by type of outcome --------------------------------------------------------


def _move_types(sums: list[int], olds: bytes, news: bytes) -> bool:
    has_moved = False
    for code, old_at, new_at in _changed(TYPED.width, olds, news):
        old = _NO_TYPE if old_at < 0 else _TYPE(olds, old_at)
        new = _NO_TYPE if new_at < 0 else _TYPE(news, new_at)
        at = _TYPED_AT[code]
        for was, value in zip(old, new, strict=True):
            if was != value:
                sums[at] += value - was
                has_moved = True
            at += 1
    return has_moved


_TYPE: Final = TYPED.columns(*range(1, len(Typed._fields))).unpack_from
_NO_TYPE: Final[tuple[Any, ...]] = (0,) * (len(Typed._fields) - 1)


# -- effects: what randomized decisions say of each arm ----------------------------------------------------------


def _move_evidence(sums: list[int], olds: bytes, news: bytes) -> bool:
    has_moved = False
    fared: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = []
    for code, old_at, new_at in _changed(EVIDENCE.width, olds, news):
        old = _NO_EVIDENCE if old_at < 0 else _SAID(olds, old_at)
        new = _NO_EVIDENCE if new_at < 0 else _SAID(news, new_at)
        was, now = old[_MEASURED:], new[_MEASURED:]
        if was != now:  # else an outcome came late: it is measured, and teaches nothing
            at = _ARM_AT.get(code, -1)
            if at >= 0:
                has_moved |= _move_arm(sums, at, was, now)
            has_moved |= _move_spread(sums, was, now)
        was, now = old[1:_MEASURED], new[1:_MEASURED]
        if was != now:
            fared.append((code, was, now))
    return has_moved | _move_groups(sums, olds, fared) if fared else has_moved


def _move_arm(sums: list[int], at: int, old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Move the sums of an arm, in the order of `ARM_SUMS` from ``at`` on; a learner without weight is no part of it."""
    n, x, _, w, _, y, m, x0, w0, _, y0 = old if old[_W] or old[_W0] else _NOT_SAID
    n1, x1, _, w1, _, y1, m1, x01, w01, _, y01 = new if new[_W] or new[_W0] else _NOT_SAID
    mine, beside = w != w1 or y != y1, w0 != w01 or y0 != y01
    if mine:
        sums[at + 2] += w1 - w
        sums[at + 3] += y1 - y
        sums[at + 6] += w1 * w1 - w * w
        sums[at + 7] += w1 * y1 - w * y
        sums[at + 8] += y1 * y1 - y * y
    if beside:
        sums[at + 4] += w01 - w0
        sums[at + 5] += y01 - y0
        sums[at + 9] += w01 * w01 - w0 * w0
        sums[at + 10] += w01 * y01 - w0 * y0
        sums[at + 11] += y01 * y01 - y0 * y0
    if mine or beside:
        sums[at] += int(bool(w1 or w01)) - int(bool(w or w0))
        sums[at + 1] += int(bool(w1 and w01)) - int(bool(w and w0))
        sums[at + 12] += w1 * w01 - w * w0
        sums[at + 13] += w1 * y01 - w * y0
        sums[at + 14] += y1 * w01 - y * w0
        sums[at + 15] += y1 * y01 - y * y0
    return _move_pair(sums, at + 16, _pair(n, x, m, x0), _pair(n1, x1, m1, x01)) or mine or beside


def _move_pair(sums: list[int], at: int, old: tuple[int, int, int], new: tuple[int, int, int]) -> bool:
    if old == new:
        return False
    (pairs, size, d), (pairs1, size1, d1) = old, new
    sums[at] += pairs1 - pairs
    sums[at + 1] += size1 - size
    sums[at + 2] += size1 * size1 - size * size
    sums[at + 3] += size1 * d1 - size * d
    sums[at + 4] += size1 * d1 * d1 - size * d * d
    return True


def _pair(n: int, x: int, n0: int, x0: int) -> tuple[int, int, int]:
    """Give 1, and size and difference of a learner's own pair, once there are two decisions on both sides."""
    if n < _ENOUGH_OF_BOTH or n0 < _ENOUGH_OF_BOTH:
        return _NO_PAIR
    return 1, mean(n * n0 * ONE, n + n0), mean(x, n) - mean(x0, n0)


def _move_spread(sums: list[int], old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Move the squares of randomized decisions around their mean within a learner and arm, and how many are free."""
    n, x, x2 = old[:3]
    n1, x1, x21 = new[:3]
    squares = x2 - mean(x * x, n) if n >= _ENOUGH_OF_BOTH else 0
    squares1 = x21 - mean(x1 * x1, n1) if n1 >= _ENOUGH_OF_BOTH else 0
    by_free = max(n1, 1) - max(n, 1)
    sums[_SPREAD_AT] += squares1 - squares
    sums[_SPREAD_AT + 1] += by_free
    return squares1 != squares or by_free != 0


_MEASURED: Final = Evidence._fields.index("drawn")
_SAID: Final = EVIDENCE.columns(*range(len(Evidence._fields))).unpack_from
_NO_EVIDENCE: Final[tuple[Any, ...]] = (0,) * len(Evidence._fields)
_NOT_SAID: Final = _NO_EVIDENCE[_MEASURED:]
_W: Final = Evidence._fields.index("w") - _MEASURED
_W0: Final = Evidence._fields.index("w0") - _MEASURED
_NO_PAIR: Final = (0, 0, 0)


# -- effectiveness: how learners fare, one mean each -------------------------------------------------------------


def _move_groups(sums: list[int], olds: bytes, fared: list[tuple[int, tuple[int, ...], tuple[int, ...]]]) -> bool:
    """Move the groups whose decisions say something else; one not to apply says nothing of most arms."""
    was = [_NONE, _NONE, _NONE, _NONE]
    for code, said in zip(olds[:: EVIDENCE.width], _TOLD(olds), strict=True):
        part = _PART_OF[code]
        was[part] = _both(was[part], said)
    now = was.copy()
    for code, old, new in fared:
        part = _PART_OF[code]
        now[part] = tuple(map(add, now[part], map(sub, new, old)))
    applied, control, fallback, holdout = was
    applied1, control1, fallback1, holdout1 = now
    has_moved = _move_means(sums, _HOLDOUT_AT, holdout, holdout1)
    if applied != applied1 or control != control1:
        has_moved |= _move_means(sums, _APPLIED_AT, applied, applied1)
        has_moved |= _move_means(sums, _CONTROL_AT, control, control1)
        if control is not _NONE or control1 is not _NONE:
            has_moved |= _move_paired(sums, applied, control, applied1, control1)
    elif fallback == fallback1:
        return has_moved
    offered, offered1 = _both(_both(applied, control), fallback), _both(_both(applied1, control1), fallback1)
    return _move_means(sums, _OFFERED_AT, offered, offered1) or has_moved


def _both(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """Add up two parts; most learners have nothing in most of them."""
    if one is _NONE:
        return other
    return one if other is _NONE else tuple(map(add, one, other))


def _move_means(sums: list[int], at: int, old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Move count, mean and squared mean of each measure, a learner's one each."""
    has_moved = False
    if old != new:
        for k in range(0, _WIDTH, 2):
            n, total, n1, total1 = old[k], old[k + 1], new[k], new[k + 1]
            if n != n1 or total != total1:
                # Of one decision, or of none, the sum is the mean.
                value, value1 = mean(total, n) if n > 1 else total, mean(total1, n1) if n1 > 1 else total1
                by_learners = (1 if n1 else 0) - (1 if n else 0)
                if value != value1 or by_learners:
                    sums[at] += by_learners
                    sums[at + 1] += value1 - value
                    sums[at + 2] += value1 * value1 - value * value
                    has_moved = True
            at += 3
    return has_moved


def _move_paired(
    sums: list[int], old: tuple[int, ...], old0: tuple[int, ...], new: tuple[int, ...], new0: tuple[int, ...]
) -> bool:
    """Move the difference of a learner's applied and control means of each measure that has both, and its square."""
    has_moved = False
    at = _PAIRED_AT
    for k in range(0, _WIDTH, 2):
        n, n0, n1, n01 = old[k], old0[k], new[k], new0[k]
        was, now = bool(n and n0), bool(n1 and n01)
        if was or now:
            value = mean(old[k + 1], n) - mean(old0[k + 1], n0) if was else 0
            value1 = mean(new[k + 1], n1) - mean(new0[k + 1], n01) if now else 0
            if value != value1 or was != now:
                sums[at] += int(now) - int(was)
                sums[at + 1] += value1 - value
                sums[at + 2] += value1 * value1 - value * value
                has_moved = True
        at += 3
    return has_moved


_TOLD: Final = EVIDENCE.columns(*range(1, _MEASURED)).iter_unpack
_WIDTH: Final = _MEASURED - 1
_NONE: Final[tuple[Any, ...]] = (0,) * _WIDTH
_PART_OF: Final[dict[int, int]] = {
    **dict.fromkeys(ARM_VARIANTS, 0),
    ArmCode.CONTROL: 1,
    ArmCode.FALLBACK: 2,
    ArmCode.HOLDOUT: 3,
}
