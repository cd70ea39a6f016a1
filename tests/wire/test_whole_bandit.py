"""A bandit week by week, through both folds: when its weights move, and what they follow from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.partition import BIRTH, KEY, SURE, Partition, Told
from tests.core.trials import BANDIT, KINDS, NAME, begin, move, started
from tests.wire.words import arrived

from fitly.core.events import ControlEvent, ControlPayload, ExperimentDefined, ExperimentReweighted
from fitly.core.experiments.concluding import conclusions
from fitly.core.experiments.enrolment import ENROLMENTS, Enrolment, How, Reason, State
from fitly.core.experiments.plan import Bandit
from fitly.core.names import EventKey
from fitly.core.numbers import DAY, Millis, day_of
from fitly.core.partials import Kind
from fitly.core.topics import PARTIALS
from fitly.wire.partials import home_of
from fitly.wire.population import Population

MANY = 1_100
"""More than fall due at one tick and one control event."""


class Lab:
    """One partition with a bandit, and the second agent, which says what follows from its looks."""

    def __init__(self, epoch_days: int) -> None:
        self.partition = Partition(SURE)
        plan = replace(BANDIT, bandit=Bandit(epoch_days=epoch_days, uniform_share=0.5))
        self.trial = begin(self.partition, plan)
        self.table = Population(home_of(Kind.EXPERIMENTS, NAME, 1), KEY, BIRTH, "AS_OF", 1)
        self.table.opened()
        self.history: list[ControlEvent] = []
        self.weighed: list[ExperimentReweighted] = []
        for each in (ExperimentDefined(plan=plan), started(plan)):
            self._keep(each)

    def _keep(self, said: ControlPayload) -> None:
        number = len(self.history) + 1
        self.history.append(ControlEvent(number, EventKey(f"c{number}"), KINDS[type(said)], said, self.partition.now))

    def hear(self, told: Told) -> None:
        """Add up what the partition said, and write what follows."""
        for sent in told.to(PARTIALS):
            self.table.adopt(self.table.fold([arrived(self.table.position.offset + 1, sent)]))
        for said in conclusions(self.table.looks, self.history):
            self._keep(said)
            if isinstance(said, ExperimentReweighted):
                self.weighed.append(said)
                move(self.partition, said)

    def later(self, hours: float) -> None:
        """Let time pass in silence; a tick tells it."""
        self.partition.later(hours=hours)
        self.hear(self.partition.tick())

    def enrolments(self, user: str) -> list[Enrolment]:
        return list(ENROLMENTS.all(self.partition.row(user).trials))


@pytest.mark.parametrize("days", [1, 3, 7])
def test_weights_move_every_so_many_days_at_the_close_of_one(days: int) -> None:
    lab = Lab(days)
    for _ in range(24 * (3 * days + 1)):
        lab.later(hours=1)
    epochs = lab.partition.shard.trials[NAME].epochs
    begun = [day_of(each.since) - day_of(epochs[0].since) for each in epochs]
    assert begun[:4] == [0, days, 2 * days, 3 * days]
    assert all(each.since < (day_of(each.since) * DAY) + 2 * 3_600_000 for each in epochs[1:]), "the day they close"


def test_new_weights_follow_from_all_that_were_measured_in_the_epoch_however_many_fall_due_at_once() -> None:
    lab = Lab(2)
    for n in range(MANY):
        lab.partition.request(f"u{n}")
        lab.partition.outcome(f"u{n}", score=n % 7 / 10)
    while not lab.weighed:
        lab.later(hours=6)
    measured = [each for n in range(MANY) for each in lab.enrolments(f"u{n}")]
    assert sum(each.state == State.OPEN for each in measured) > 0, "some still wait for a tick"
    for place, name in enumerate(("none", "balanced")):
        values = [each.composite / 10**6 for each in measured if each.variant == place and each.how == How.DRAWN]
        mean = sum(values) / len(values)
        assert lab.weighed[0].means[name] == pytest.approx(mean, abs=2e-3), "but for the prior"
    lab.partition.request("u0")
    first, second = lab.enrolments("u0")
    assert (first.state, second.state, second.epoch) == (State.MEASURED, State.OPEN, 1)


def test_nobody_joins_between_the_end_of_an_epoch_and_the_next_weights() -> None:
    lab = Lab(3)
    (trial,) = lab.partition.shard.trials.values()
    assert trial.epoch_ends is not None
    lab.partition.now = Millis(trial.epoch_ends)
    told = lab.partition.request("late")
    assert [each.reason for each in lab.enrolments("late")] == [Reason.BETWEEN_EPOCHS]
    lab.hear(told)  # it passed the close
    lab.partition.later(days=1)
    lab.partition.request("late")
    assert [(each.reason, each.epoch) for each in lab.enrolments("late")] == [(Reason.ENROLLED, 1)]
