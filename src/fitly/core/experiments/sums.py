"""What one row of one learner contributes to the sums of its experiments: the one place that says so.

Knows the enrolments of a row and the name of every sum. Must never know how they are merged, sent or judged. The sums
of a partition are those of its rows, whatever happened in between; so an erased learner takes everything of their own
along, and nothing else.

Names. ``V`` is a variant's place in the plan, from 0. ``S`` is a slice: ``a`` who was assigned by the epoch's weights
(everybody, where there is no bandit), ``u`` a bandit's uniform slice, ``r`` who joined in a roll-out or was held back
from it. ``E`` is the number of an epoch; ``M`` is a `Measure`; ``HEX`` names a group. What is 0 is left out. Counts
are plain, values are learners' means in 10^-6, products of two values in 10^-12. One *unit* is one learner, in a bandit
one learner in one epoch; a unit is *measured* when its days are complete, whether or not the learner has opted out in
the meantime, and *open* until then. A unit that was cut off (`State.ENDED`) is enrolled, and neither open nor measured.

================================ ==============================================================================
``V.S.enrolled``                 units enrolled; ``given`` those of them whom an attribute assigned
``V.S.open``, ``V.S.measured``   of them; ``opted_out`` those of both who opted out before their days were complete
``V.S.with_outcome``             measured units with an outcome; ``V.S.exposed`` with a decision that was applied
``V.S.outcomes``                 outcomes of measured units; ``V.S.M.outcomes`` those that had the metric
``V.S.decisions``                decisions of measured units, ``joined`` those with an outcome, ``applied`` those
                                 applied; over units also the products ``dd``, ``jj``, ``aa``, ``dj``, ``da``
``V.S.M.n``, ``sum``, ``squares``  units that have the measure, their means, the squares of these
``V.S.M.filled.n`` ...           the same of means in which a decision without an outcome counts as one outcome of 0
``V.S.M.exposed.n`` ...          the same of units with a decision that was applied
``V.S.M.before.n``, ``x``, ``y``, ``xx``, ``xy``, ``yy``
                                 units with the measure and with outcomes before: x is their mean reward before, y
                                 their measure
``V.S.E.enrolled``               units of one epoch, ``given`` those of them whom an attribute assigned; and
                                 ``V.S.E.M.n``, ``sum``, ``squares``
``V.u.M.learners``               learners with units in the variant that have the measure; over these ``nn``, ``ns``,
                                 ``ss``: n how many units, s the sum of their means
``V.u.W.M.nn``, ``ns``, ``sn``, ``ss``  products of a learner's n or s in V and in W, V < W
``cluster.HEX.V.enrolled``       units of a group; also ``given``, ``opted_out``, ``measured``, ``M.n``, ``M.sum``,
                                 ``M.filled.n`` and ``M.filled.sum`` of them; of a roll-out
                                 ``cluster.HEX.V.r.enrolled`` ...
``open.V.S.with_outcome``        of units that are still open, which is provisional; also ``M.n``, ``sum``,
                                 ``squares`` and ``M.filled.n`` ...
``reason.R``                     learners who are not enrolled, by code of `Reason`
``forced``                       enrolments of test learners: they are in no other sum
================================ ==============================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

from fitly.core.experiments.enrolment import ENROLMENTS, Enrolment, How, State
from fitly.core.experiments.plan import Measure
from fitly.core.numbers import mean
from fitly.core.statistics.sums import Sums

Change: TypeAlias = tuple[str, int]
"""Which sum moves, and by how much."""

ASSIGNED: Final = "a"
UNIFORM: Final = "u"
ROLLED_OUT: Final = "r"
NO_CLUSTER: Final = bytes(8)
_AFTERWARDS: Final = (How.ROLLED_OUT, How.HELD_BACK)
_OPEN: Final = State.OPEN
_RUNS: Final = (State.OPEN, State.LEFT)
_DONE: Final = (State.MEASURED, State.OPTED_OUT)
_GONE: Final = (State.LEFT, State.OPTED_OUT)
_COMPOSITE: Final = Measure.COMPOSITE.value
_METRICS: Final = tuple(measure.value for measure in Measure)


def total(sums: Mapping[str, int], name: str) -> int:
    """Give one sum; what is not there is 0."""
    return sums.get(name, 0)


def is_of_roll_out(name: str) -> bool:
    """Tell whether a sum is of those who joined after the end.

    >>> [is_of_roll_out(name) for name in ("1.r.enrolled", "open.1.r.with_outcome", "cluster.0a.1.r.measured", "1.a.n")]
    [True, True, True, False]
    """
    return ROLLED_OUT in name.split(".")[1:4]


def sample(sums: Mapping[str, int], name: str) -> Sums:
    """Give the count, sum and squares that stand under a name.

    >>> sample({"0.a.composite.n": 2, "0.a.composite.sum": 9, "0.a.composite.squares": 41}, "0.a.composite")
    Sums(n=2, total=9, squares=41)
    """
    return Sums(*(sums.get(f"{name}.{part}", 0) for part in ("n", "sum", "squares")))


def contribution(trials: bytes) -> dict[int, dict[str, int]]:
    """Give what a row adds to the sums of its experiments, by the experiment's number.

    Parameters
    ----------
    trials : bytes
        `ENROLMENTS` of a row.

    Examples
    --------
    >>> ada = Enrolment(7, variant=1, state=State.MEASURED, decisions=3, joined=2, applied=3, n=2, composite=1_500_000)
    >>> sums = contribution(ENROLMENTS.pack(*ada))[7]
    >>> sums["1.a.enrolled"], sums["1.a.composite.sum"], sums["1.a.composite.filled.sum"]
    (1, 750000, 500000)
    >>> contribution(ENROLMENTS.pack(*Enrolment(7, reason=2)))
    {7: {'reason.2': 1}}
    """
    told: dict[int, dict[str, int]] = {}
    uniform: dict[int, dict[int, list[Enrolment]]] = {}
    for each in ENROLMENTS.all(trials):
        sums = told.setdefault(each.trial, {})
        if each.reason:
            _add(sums, f"reason.{each.reason}", 1)
        elif each.how == How.FORCED:
            _add(sums, "forced", 1)
        else:
            _enrolled(sums, each)
            if each.uniform and each.state in _DONE:
                uniform.setdefault(each.trial, {}).setdefault(each.variant, []).append(each)
    for number, variants in uniform.items():
        _products_by_learner(told[number], variants)
    return {number: {name: value for name, value in sorted(sums.items()) if value} for number, sums in told.items()}


def differences(before: bytes, after: bytes) -> Iterator[tuple[int, list[Change]]]:
    """Give which sums of which experiments move when a row's enrolments become others, in the order of their numbers.

    Asked only where there are enrolments; experiments of which nothing changed cost little.
    """
    if before == after:
        return
    olds, news = _apart(before), _apart(after)
    for number in sorted(olds.keys() | news.keys()):
        was, now = olds.get(number, b""), news.get(number, b"")
        if was != now and (moved := _moved(number, was, now)):
            yield number, moved


def _moved(number: int, was: bytes, now: bytes) -> list[Change]:
    """Give what moves of one experiment, in the order of the names."""
    if (place := _of_open(was, now)) >= 0:
        return sorted(_moved_of_open(ENROLMENTS.at(was, place), ENROLMENTS.at(now, place)))
    old, new = contribution(was).get(number, {}), contribution(now).get(number, {})
    moved = [(name, new.get(name, 0) - old.get(name, 0)) for name in sorted(old.keys() | new.keys())]
    return [(name, by) for name, by in moved if by]


def _of_open(was: bytes, now: bytes) -> int:
    """Give the last record's place if it alone changed, in what is measured of an open unit and nothing else; else -1.

    So it is at nearly every outcome of who is enrolled; to add up all that they contribute twice would cost as much as
    the rest of the fold.
    """
    start = len(now) - ENROLMENTS.width
    if len(was) != len(now) or was[: start + _COUNTS] != now[: start + _COUNTS]:
        return -1
    last = ENROLMENTS.at(now, -1)
    is_open = last.state == _OPEN and not last.reason and last.how != How.FORCED
    return start // ENROLMENTS.width if is_open else -1


def _moved_of_open(old: Enrolment, new: Enrolment) -> Iterator[Change]:
    with_outcome, measures = _open_names(new.variant, _slice(new))
    if by := int(new.n > 0) - int(old.n > 0):
        yield with_outcome, by
    empty, empty1 = old.decisions - old.joined, new.decisions - new.joined
    sums: tuple[Any, ...] = old[_SUMS:]
    sums1: tuple[Any, ...] = new[_SUMS:]
    for k, (plain, as_zero) in enumerate(measures):
        n, total_, n1, total1 = sums[2 * k], sums[2 * k + 1], sums1[2 * k], sums1[2 * k + 1]
        if n != n1 or total_ != total1:
            yield from _moved_mean(plain, n, total_, n1, total1)
        if n + empty != n1 + empty1 or total_ != total1:
            yield from _moved_mean(as_zero, n + empty, total_, n1 + empty1, total1)


def _moved_mean(names: tuple[str, str, str], n: int, total_: int, n1: int, total1: int) -> Iterator[Change]:
    value, value1 = mean(total_, n) if n else 0, mean(total1, n1) if n1 else 0
    changes = (int(n1 > 0) - int(n > 0), value1 - value, value1 * value1 - value * value)
    return ((name, by) for name, by in zip(names, changes, strict=True) if by)


@lru_cache(maxsize=64)
def _open_names(variant: int, slice_: str) -> tuple[str, tuple[tuple[tuple[str, str, str], tuple[str, str, str]], ...]]:
    """Name the sums of open units: who has an outcome, and of each measure the plain triple and the filled one."""
    place = f"open.{variant}.{slice_}"
    measures = tuple((_triple(f"{place}.{each}"), _triple(f"{place}.{each}.filled")) for each in _METRICS)
    return f"{place}.with_outcome", measures


def _triple(name: str) -> tuple[str, str, str]:
    return f"{name}.n", f"{name}.sum", f"{name}.squares"


def _apart(trials: bytes) -> dict[int, bytes]:
    """Give the records of each experiment."""
    found: dict[int, bytes] = {}
    for start in range(0, len(trials), ENROLMENTS.width):
        number = int.from_bytes(trials[start : start + 4], "little")
        found[number] = found.get(number, b"") + trials[start : start + ENROLMENTS.width]
    return found


def _add(sums: dict[str, int], name: str, value: int) -> None:
    sums[name] = sums.get(name, 0) + value


def _add_value(sums: dict[str, int], name: str, value: int) -> None:
    """Add one unit's mean to a count, a sum and a sum of squares."""
    _add(sums, f"{name}.n", 1)
    _add(sums, f"{name}.sum", value)
    _add(sums, f"{name}.squares", value * value)


def _enrolled(sums: dict[str, int], each: Enrolment) -> None:
    """Add one unit."""
    place = f"{each.variant}.{_slice(each)}"
    _add(sums, f"{place}.enrolled", 1)
    _add(sums, f"{place}.given", int(each.how == How.GIVEN))
    _add(sums, f"{place}.{each.epoch}.enrolled", 1)
    _add(sums, f"{place}.{each.epoch}.given", int(each.how == How.GIVEN))
    _add(sums, f"{place}.opted_out", int(each.state in _GONE))
    if each.state in _RUNS:
        _add(sums, f"{place}.open", 1)
        _fared(sums, f"open.{place}", each)
    elif each.state in _DONE:
        _add(sums, f"{place}.measured", 1)
        _fared(sums, place, each)
        _decided(sums, place, each)
        _compared(sums, place, each)
    if each.cluster != NO_CLUSTER:
        behind = f".{ROLLED_OUT}" if each.how in _AFTERWARDS else ""
        _grouped(sums, f"cluster.{each.cluster.hex()}.{each.variant}{behind}", each)


def _slice(each: Enrolment) -> str:
    return ROLLED_OUT if each.how in _AFTERWARDS else UNIFORM if each.uniform else ASSIGNED


def means(each: Enrolment) -> dict[str, int]:
    """Give a unit's mean (10^-6) of each measure that it has."""
    return {measure: mean(value, n) for measure, n, value in _measures(each) if n}


def filled(each: Enrolment) -> dict[str, int]:
    """Give a unit's mean (10^-6) of each measure when a decision without an outcome counts as one outcome of 0."""
    empty = each.decisions - each.joined
    return {measure: mean(value, n + empty) for measure, n, value in _measures(each) if n + empty}


def _measures(each: Enrolment) -> Iterator[tuple[str, int, int]]:
    sums: tuple[Any, ...] = each[_SUMS:]
    return zip(_METRICS, sums[::2], sums[1::2], strict=True)


_SUMS: Final = Enrolment._fields.index("n")
_COUNTS: Final = ENROLMENTS.start_of(Enrolment._fields.index("decisions"))


def _fared(sums: dict[str, int], place: str, each: Enrolment) -> None:
    _add(sums, f"{place}.with_outcome", int(each.n > 0))
    for measure, value in means(each).items():
        _add_value(sums, f"{place}.{measure}", value)
    for measure, value in filled(each).items():
        _add_value(sums, f"{place}.{measure}.filled", value)


def _decided(sums: dict[str, int], place: str, each: Enrolment) -> None:
    """Add what became of a measured unit's decisions."""
    d, j, a = each.decisions, each.joined, each.applied
    _add(sums, f"{place}.exposed", int(a > 0))
    parts = {"decisions": d, "joined": j, "applied": a, "dd": d * d, "jj": j * j, "aa": a * a, "dj": d * j, "da": d * a}
    for name, value in parts.items():
        _add(sums, f"{place}.{name}", value)
    _add(sums, f"{place}.outcomes", each.n)
    for measure, n, _ in _measures(each):
        _add(sums, f"{place}.{measure}.outcomes", n)


def _compared(sums: dict[str, int], place: str, each: Enrolment) -> None:
    """Add a measured unit's means by epoch, where a decision was applied, and beside how the learner did before."""
    before = mean(each.before_sum, each.before_n) if each.before_n else None
    for measure, value in means(each).items():
        _add_value(sums, f"{place}.{each.epoch}.{measure}", value)
        if each.applied:
            _add_value(sums, f"{place}.{measure}.exposed", value)
        if before is not None:
            x, y = before, value
            parts = {"n": 1, "x": x, "y": y, "xx": x * x, "xy": x * y, "yy": y * y}
            for name, part in parts.items():
                _add(sums, f"{place}.{measure}.before.{name}", part)


def _grouped(sums: dict[str, int], place: str, each: Enrolment) -> None:
    """Add a unit to its group."""
    _add(sums, f"{place}.enrolled", 1)
    _add(sums, f"{place}.given", int(each.how == How.GIVEN))
    _add(sums, f"{place}.opted_out", int(each.state in _GONE))
    if each.state not in _DONE:
        return
    _add(sums, f"{place}.measured", 1)
    for behind, values in (("", means(each)), (".filled", filled(each))):
        for measure, value in values.items():
            _add(sums, f"{place}.{measure}{behind}.n", 1)
            _add(sums, f"{place}.{measure}{behind}.sum", value)


def _products_by_learner(sums: dict[str, int], variants: Mapping[int, list[Enrolment]]) -> None:
    """Add the products of what one learner's units sum to: in a bandit the learner is the cluster of its epochs."""
    totals: dict[str, dict[int, tuple[int, int]]] = {}
    for variant, units in variants.items():
        for unit in units:
            for measure, value in means(unit).items():
                n, s = totals.setdefault(measure, {}).get(variant, (0, 0))
                totals[measure][variant] = n + 1, s + value
    for measure, of in totals.items():
        for v, (n, s) in of.items():
            own = f"{v}.u.{measure}"
            parts = {f"{own}.learners": 1, f"{own}.nn": n * n, f"{own}.ns": n * s, f"{own}.ss": s * s}
            for w, (m, t) in of.items():
                if v < w:
                    pair = f"{v}.u.{w}.{measure}"
                    parts |= {f"{pair}.nn": n * m, f"{pair}.ns": n * t, f"{pair}.sn": s * m, f"{pair}.ss": s * t}
            for name, value in parts.items():
                _add(sums, name, value)
