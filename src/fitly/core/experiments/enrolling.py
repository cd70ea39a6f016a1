"""Which experiment decides for a learner in a context: who is enrolled stays, and at most one enrols.

Knows the records of a row and the experiments in force. Must never know how a variant is carried out, nor what is
measured. Everybody who is asked and does not join keeps the reason; the newest stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from fitly.core.attributes import is_test
from fitly.core.experiments.assigning import admits, assigned, drawn, given_in, place_of, unit_of
from fitly.core.experiments.enrolment import ENROLMENTS, MOST_ENROLMENTS, Enrolment, How, Reason, State
from fitly.core.experiments.measuring import enrolled
from fitly.core.experiments.trial import Trial
from fitly.core.learner import ContextRow, LearnerRow
from fitly.core.numbers import Millis
from fitly.core.vocabulary import Mode

_GATES: Final = {
    Mode.OPTED_OUT: Reason.OPTED_OUT,
    Mode.HOLDOUT: Reason.HOLDOUT,
    Mode.PINNED: Reason.PINNED,
}
_PAST_HOLDOUT: Final = (How.GIVEN, How.FORCED)
_AFTER_END: Final = (How.ROLLED_OUT, How.HELD_BACK)


NOBODY: Final[frozenset[int]] = frozenset()


class Part(NamedTuple):
    """A learner's part in the experiment that decides for them."""

    trial: Trial
    enrolment: Enrolment


class _Book(NamedTuple):
    """A row's records, while they are gone through; numbers of experiments that go on, and that may not enrol here."""

    live: frozenset[int]
    barred: frozenset[int]
    records: list[Enrolment]

    def current(self) -> int:
        """Give the place of the newest enrolment in an experiment that goes on; -1 for none."""
        for place in range(len(self.records) - 1, -1, -1):
            record = self.records[place]
            if not record.reason and record.trial in self.live:
                return place
        return -1

    def reason_of(self, number: int) -> int:
        """Give the place of the record that says why a learner is not in an experiment; -1 for none."""
        return next((n for n, each in enumerate(self.records) if each.trial == number and each.reason), -1)


def barred_by(elsewhere: bytes, rivals: Mapping[int, frozenset[int]]) -> frozenset[int]:
    """Give the experiments whose layer has a learner already, in another context.

    Parameters
    ----------
    elsewhere : bytes
        `ENROLMENTS` of the learner's other contexts.
    rivals : mapping
        Number -> numbers of the experiments of the same layer that go on in other contexts.
    """
    inside = frozenset(record.trial for record in ENROLMENTS.all(elsewhere) if not record.reason)
    return frozenset(number for number, others in rivals.items() if others & inside)


class Met(NamedTuple):
    """The experiments of a context, as a learner meets them.

    Attributes
    ----------
    acting : tuple of Trial
        Those that enrol or decide.
    going_on : frozenset of int
        Of all experiments, the numbers of those that go on: `Trial.goes_on`.
    barred : frozenset of int
        Numbers of those whose layer has the learner already, in another context: see `barred_by`.
    birth : bytes
        Keys every draw.
    """

    acting: tuple[Trial, ...]
    going_on: frozenset[int]
    barred: frozenset[int]
    birth: bytes


def meet(
    row: ContextRow, learner: LearnerRow, experiments: Met, now: Millis, gate: Mode | None
) -> tuple[ContextRow, Part | None]:
    """Let a learner meet the experiments of a context, at a decision.

    Parameters
    ----------
    row : ContextRow
        Settled to ``now``.
    learner : LearnerRow
        Preferences, insights, attributes.
    experiments : Met
        Those in force.
    now : Millis
        The clock.
    gate : Mode or None
        The mode that goes before experiments, where one fits. A given assignment goes past the holdout, nothing past
        what the learner allows.

    Returns
    -------
    tuple of ContextRow and Part or None
        The row with what it keeps of them, and the part that decides; None where no experiment does.
    """
    acting, birth = experiments.acting, experiments.birth
    book = _Book(experiments.going_on, experiments.barred, [*ENROLMENTS.all(row.trials)])
    before = book.records.copy()
    if gate is not None and not (gate is Mode.HOLDOUT and _is_past_holdout(book, learner, acting, now)):
        _all_refused(book, acting, _GATES[gate], now)
        part = None
    else:
        part = _part(book, learner, acting, birth, now, held_out=gate is not None)
    if book.records != before:
        row = _written(row, before, book.records)
    return row, part


def _is_past_holdout(book: _Book, learner: LearnerRow, acting: tuple[Trial, ...], now: Millis) -> bool:
    place = book.current()
    if place >= 0 and book.records[place].how in _PAST_HOLDOUT:
        return True
    return any(given_in(trial.plan, learner, now) is not None for trial in acting)


def _part(
    book: _Book, learner: LearnerRow, acting: tuple[Trial, ...], birth: bytes, now: Millis, *, held_out: bool
) -> Part | None:
    """Find the experiment that a learner is in, or joins."""
    place = book.current()
    if held_out and place >= 0 and book.records[place].how not in _PAST_HOLDOUT:
        return None
    if place < 0:
        place = _joined(book, learner, acting, birth, now, held_out=held_out)
    else:
        place = _gone_on(book, place, learner, acting, birth, now, held_out=held_out)
    if place < 0:
        return None
    mine = book.records[place]
    for trial in acting:
        if trial.enrols and trial.number != mine.trial:
            _refused(book, trial, Reason.OTHER_EXPERIMENT, now)
    deciding = next((trial for trial in acting if trial.number == mine.trial and trial.applies), None)
    if deciding is None or not admits(deciding.plan.segments, learner.preferences.level):
        return None
    return Part(deciding, mine)


def _joined(
    book: _Book, learner: LearnerRow, acting: tuple[Trial, ...], birth: bytes, now: Millis, *, held_out: bool
) -> int:
    """Ask the experiments that enrol, in their order, until one takes the learner; give the place of the enrolment."""
    for trial in acting:
        if not trial.enrols:
            continue
        if trial.number in book.barred:
            _refused(book, trial, Reason.OTHER_EXPERIMENT, now)
            continue
        if held_out and given_in(trial.plan, learner, now) is None:
            _refused(book, trial, Reason.HOLDOUT, now)
            continue
        answer = assigned(trial, learner, birth, now)
        if answer.reason:
            _refused(book, trial, Reason(answer.reason), now)
        elif (place := _taken(book, answer)) >= 0:
            return place
        else:
            _refused(book, trial, Reason.FULL, now)
    return -1


def _gone_on(
    book: _Book, place: int, learner: LearnerRow, acting: tuple[Trial, ...], birth: bytes, now: Millis, *,
    held_out: bool,
) -> int:  # fmt: skip
    """Give the record in which an enrolled learner goes on: a bandit's next epoch and a roll-out begin one.

    A test goes where an attribute sends it, also later. Whom an attribute gave a variant keeps it while it says so; and
    nobody who is held out is drawn for, since the draw would count and never act.
    """
    record = book.records[place]
    trial = next((each for each in acting if each.number == record.trial and each.enrols), None)
    if trial is None:
        return place
    if is_test(learner.attributes) and (given := given_in(trial.plan, learner, now)) is not None:
        wanted = place_of(trial.plan, given)
        if wanted not in {-1, record.variant}:
            book.records[place] = record._replace(variant=wanted, how=How.FORCED)
        return place
    assert trial.epoch is not None  # noqa: S101 - it has started
    if trial.rolls_out:
        is_new = record.how not in _AFTER_END
    else:
        is_new = trial.plan.bandit is not None and record.epoch < trial.epoch.number
    unit = unit_of(trial.plan, learner, now)
    if not is_new or unit is None:
        return place
    given_anew = record.how == How.GIVEN and given_in(trial.plan, learner, now) is not None
    answer = assigned(trial, learner, birth, now) if given_anew else drawn(trial, learner, birth, unit, now)
    if answer.reason or (held_out and answer.how not in _PAST_HOLDOUT):
        return place
    taken = _taken(book, answer)
    return place if taken < 0 else taken


def _taken(book: _Book, enrolment: Enrolment) -> int:
    """Put an enrolment in, where the reason was if there was one; give its place, -1 where there is no room."""
    place = book.reason_of(enrolment.trial)
    if place >= 0:
        del book.records[place]
    elif len(book.records) >= MOST_ENROLMENTS and not _made_room(book):
        return -1
    book.records.append(enrolment)
    return len(book.records) - 1


def _refused(book: _Book, trial: Trial, reason: Reason, now: Millis) -> None:
    """Keep why a learner is not in an experiment; since when it is so stays, while it stays so."""
    if any(each.trial == trial.number and not each.reason for each in book.records):
        return
    record = Enrolment(trial=trial.number, reason=reason, since=now, state=State.NOT_ENROLLED)
    place = book.reason_of(trial.number)
    if place >= 0:
        if book.records[place].reason != reason:
            book.records[place] = record
    elif len(book.records) < MOST_ENROLMENTS or _made_room(book):
        book.records.append(record)


def _all_refused(book: _Book, acting: tuple[Trial, ...], reason: Reason, now: Millis) -> None:
    for trial in acting:
        if trial.enrols:
            _refused(book, trial, reason, now)


def _made_room(book: _Book) -> bool:
    """Let the oldest record go of an experiment that is over: reasons first, then enrolments; else there is no room."""
    over = [place for place, each in enumerate(book.records) if each.trial not in book.live]
    if not over:
        return False
    del book.records[min(over, key=lambda place: (not book.records[place].reason, place))]
    return True


def _written(row: ContextRow, before: list[Enrolment], records: list[Enrolment]) -> ContextRow:
    """Keep the records; whoever has joined is measured from here on."""
    joined = [each for each in records if each.state == State.OPEN and each not in before]
    row = row._replace(trials=ENROLMENTS.join([each for each in records if each not in joined]))
    for each in joined:
        row = enrolled(row, each)
    return row
