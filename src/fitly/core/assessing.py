"""When a learner's effectiveness is looked at anew, and what is said of it.

Knows a row before and after a record. Must never know which event came, nor batches: what is announced follows from
the log alone. It is looked at when a reward window closes, and when what was measured changes otherwise than by an
outcome in its window: a late outcome, a correction, a consumer's word, a reset. To look at every outcome of an open
decision would cost every outcome; they are heard at the next occasion, at the latest when their window closes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fitly.core.assessments import Assessed, BaselineKind, Direction, EffectivenessRecord, Flip, WindowKind
from fitly.core.effectiveness import config_identifier, effectiveness_records
from fitly.core.entries import DECISIONS, VERDICTS, DecisionEntry, Verdict
from fitly.core.learner import ContextRow
from fitly.core.lessons import DENIED, teaches
from fitly.core.names import ConfigId, DecisionId, named, unpacked_id
from fitly.core.numbers import Millis
from fitly.core.scene import Folded, Moment, Rows
from fitly.core.statistics.own_baseline import suffices
from fitly.core.vocabulary import ARM_VARIANTS, ArmCode
from fitly.core.windowed import own_counts
from fitly.core.windows import settle


def looked_at(rows: Rows, folded: Folded, at: Moment) -> Folded:
    """Look at the effectiveness of the rows that an event changed, where there is reason to; seldom there is.

    Parameters
    ----------
    rows : Rows
        The rows before the event.
    folded : Folded
        What it led to.
    at : Moment
        Where and when.
    """
    contexts: list[ContextRow] = []
    said: list[Assessed] = []
    for row in folded.contexts:
        before = rows.context(row.user_id, row.context)
        if before is None or (before.closes_at > at.now and not folded.reopens and before.overflowed == row.overflowed):
            contexts.append(row)
            continue
        anew, effects = looked_at_row(before, row, at, reopens=folded.reopens)
        contexts.append(anew)
        said += effects
    return folded._replace(contexts=tuple(contexts), effects=(*folded.effects, *said)) if said else folded


def looked_at_row(
    before: ContextRow, row: ContextRow, at: Moment, *, reopens: bool = False
) -> tuple[ContextRow, tuple[Assessed, ...]]:
    """Look at one row, where a window was over or what was assessed may have changed.

    Windows that are over are looked at as a tick would have found them, before the record changed anything; so what is
    said of them does not depend on whether a tick came first.
    """
    said: tuple[Assessed, ...] = ()
    if before.closes_at <= at.now:
        verdicts, said = when_over(before, at)
        before, row = with_verdicts(before, verdicts), with_verdicts(row, verdicts)
    if reopens or before.overflowed != row.overflowed:
        verdicts, more = _assessed(row, tuple(_shut(before, row, at.now)), at, "changed")
        row, said = with_verdicts(row, verdicts), (*said, *more)
    return row, said


def with_verdicts(row: ContextRow, verdicts: bytes) -> ContextRow:
    """Remember verdicts; nearly always they are what the row remembers already."""
    return row if row.assessed == verdicts else row._replace(assessed=verdicts)


def when_over(row: ContextRow, at: Moment) -> tuple[bytes, tuple[Assessed, ...]]:
    """Look at a row whose windows may be over.

    Parameters
    ----------
    row : ContextRow
        Not yet settled: to close a window changes no figure, but where there are figures their day may have come.
    at : Moment
        Where in the log, and when.

    Returns
    -------
    tuple of bytes and tuple of Assessed
        The verdicts to remember, and the announcement: none where no measured decision's window is over and no flag or
        direction is another than before.
    """
    closed = tuple(
        DecisionId(unpacked_id(identifier))
        for identifier, closes, arm, apply, shown, is_open, measured in _WINDOWS(row.decisions)
        if is_open and closes <= at.now and measured and arm in _COMPARED and not (apply and shown in DENIED)
    )
    return _assessed(row, closed, at, "closed")


_WINDOWS: Final = DECISIONS.columns(
    *map(DecisionEntry._fields.index, ("id", "closes", "arm", "apply", "shown", "is_open", "measured"))
).iter_unpack


def _assessed(
    row: ContextRow, closed: tuple[DecisionId, ...], at: Moment, why: str
) -> tuple[bytes, tuple[Assessed, ...]]:
    """Give the verdicts on a row and what is to be said; ``why`` tells two announcements of one record apart."""
    applied, control = own_counts(row)
    tested = _tested(settle(row, at.now)) if suffices(applied, control) else {}
    verdicts = VERDICTS.join([_verdict(key, record) for key, record in tested.items()])
    flips = () if verdicts == row.assessed else tuple(_flips(row, verdicts))
    if not closed and not flips:
        return verdicts, ()
    said = Assessed(
        named("assessed", row.user_id, row.context, f"{at.partition}-{at.offset}", why),
        row.user_id,
        row.context,
        closed,
        applied,
        control,
        flips,
        tuple(tested.values()),
        at.now,
    )
    return verdicts, (said,)


def _shut(before: ContextRow, after: ContextRow, now: Millis) -> Iterator[DecisionId]:
    """Give the measured decisions that were open, were not over, and are open no longer."""
    for index, (closes, is_open) in enumerate(_OPEN(before.decisions)):
        if is_open and closes > now:
            entry = DECISIONS.at(before.decisions, index)
            place = DECISIONS.find(after.decisions, entry.id)
            there = entry._replace(is_open=0) if place < 0 else DECISIONS.at(after.decisions, place)
            if not there.is_open and _counts(there):
                yield DecisionId(unpacked_id(entry.id))


_OPEN: Final = DECISIONS.columns(*map(DecisionEntry._fields.index, ("closes", "is_open"))).iter_unpack


def _counts(entry: DecisionEntry) -> bool:
    """Tell whether a decision is one of those that effectiveness compares."""
    return bool(entry.measured) and entry.arm in _COMPARED and teaches(entry)


def _tested(row: ContextRow) -> dict[tuple[int, int], EffectivenessRecord]:
    """Give the records that carry a test by arm and window, in their order."""
    arms: dict[str | None, int] = {
        config_identifier(row.user_id, row.context, variant): code for code, variant in ARM_VARIANTS.items()
    }
    found = {
        (int(arms.get(record.config_id, _POOLED)), int(record.window_kind == WindowKind.ROLLING)): record
        for record in effectiveness_records(row)
        if record.baseline_kind == BaselineKind.OWN
    }
    return dict(sorted(found.items()))


def _verdict(key: tuple[int, int], record: EffectivenessRecord) -> Verdict:
    direction = None if record.direction is None else Direction(record.direction)
    return Verdict(*key, int(record.is_statistically_significant), _DIRECTIONS.index(direction))


def _flips(row: ContextRow, verdicts: bytes) -> Iterator[Flip]:
    """Compare what was announced with what is to be, record by record."""
    before, now = ({each[:2]: each for each in VERDICTS.all(blob)} for blob in (row.assessed, verdicts))
    for key in sorted(before.keys() | now.keys()):
        arm, rolling = key
        untested = Verdict(arm, rolling, 0, _UNTESTED)
        was, is_ = before.get(key, untested), now.get(key, untested)
        if was != is_:
            yield Flip(
                None if arm == _POOLED else ConfigId(config_identifier(row.user_id, row.context, ARM_VARIANTS[arm])),
                WindowKind.ROLLING if rolling else WindowKind.CUMULATIVE,
                bool(was.significant),
                _DIRECTIONS[was.direction],
                bool(is_.significant),
                _DIRECTIONS[is_.direction],
            )


_POOLED: Final = ArmCode.NOTHING
_COMPARED: Final = frozenset((*ARM_VARIANTS, ArmCode.CONTROL))
_DIRECTIONS: Final = (Direction.NONE, Direction.POSITIVE, Direction.NEGATIVE, None)
"""By the codes of `Verdict.direction`."""
_UNTESTED: Final = _DIRECTIONS.index(None)
