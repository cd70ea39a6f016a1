"""An experiment from its start to its last report, through both folds, held against numpy and scipy on the raw data."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from scipy import stats
from tests.core.partition import BIRTH, KEY, SURE, Partition, Told, replace
from tests.core.trials import CANCELLED, NAME, PLAN, begin, move
from tests.wire.words import arrived

from fitly.core.events import ExperimentCompleted
from fitly.core.experiments.enrolment import ENROLMENTS
from fitly.core.experiments.plan import Measure
from fitly.core.experiments.report import Report
from fitly.core.experiments.trial import Afterwards
from fitly.core.names import partition_of
from fitly.core.numbers import DAY
from fitly.core.partials import Kind, Look
from fitly.core.topics import PARTIALS, RESULTS
from fitly.wire.outgoing import Outgoing
from fitly.wire.partials import home_of
from fitly.wire.population import Population
from fitly.wire.results import decode_report

PARTITIONS = 2
DAYS = 2
ERASED_AT = 40
HOME = home_of(Kind.EXPERIMENTS, NAME, PARTITIONS)


class School:
    """Partitions of a log, and the table that their words are added up in."""

    def __init__(self) -> None:
        policy = replace(SURE, holdout_share=0.1)
        self.partitions = [Partition(policy, number=n, partitions=PARTITIONS) for n in range(PARTITIONS)]
        self.table = Population(HOME, KEY, BIRTH, "AS_OF", PARTITIONS)
        self.table.opened()
        self.reports: list[Report] = []

    def at(self, user: str) -> Partition:
        """Give the partition that a learner is in."""
        return self.partitions[partition_of(user.encode(), PARTITIONS)]

    def hear(self, *told: Told) -> None:
        """Let the second agent hear what partitions said of the experiment."""
        for one in told:
            for sent in one.to(PARTIALS):
                if sent.partition == HOME and (sent.key or b"").startswith(b"experiments|"):
                    self._absorb(sent)

    def _absorb(self, sent: Outgoing) -> None:
        batch = self.table.fold([arrived(self.table.position.offset + 1, sent)])
        self.table.adopt(batch)
        self.reports += [decode_report(out.value or b"") for out in batch.outputs if out.topic == RESULTS]

    @property
    def look(self) -> Look:
        """The last look at the experiment."""
        return self.table.looks[Kind.EXPERIMENTS, NAME]

    def later(self, hours: float) -> None:
        """Let time pass everywhere; a tick tells it."""
        for partition in self.partitions:
            partition.later(hours=hours)
            self.hear(partition.tick())


def lived(school: School, random: Random) -> dict[str, list[float]]:
    """Let learners come for five days, one be erased; give what came of each while they were measured."""
    users, raw, since = [f"learner-{n}" for n in range(120)], dict[str, list[float]](), dict[str, int]()
    for step in range(60):
        for user in random.sample(users, 12):
            partition = school.at(user)
            score = round(min(max(random.gauss(0.5, 0.2), 0), 1), 6)
            is_measured = user in since and partition.now < since[user] + DAYS * DAY
            school.hear(partition.outcome(user, score=score))
            if is_measured:
                raw[user].append(score)
            elif user not in since:  # the first outcome finds nothing standing: it brings the decision
                raw[user], since[user] = [], partition.now
        school.later(2)
        if step == ERASED_AT:
            gone = users.pop(0)
            school.hear(school.at(gone).say("learner.erased", gone, {"reason": "asked for"}))
            raw.pop(gone, None)
    return raw


def by_variant(school: School, raw: dict[str, list[float]]) -> list[list[list[float]]]:
    """Give the raw values of each learner enrolled, by variant."""
    found: list[list[list[float]]] = [[], []]
    for user, values in raw.items():
        for each in ENROLMENTS.all(school.at(user).row(user).trials):
            if not each.reason:
                found[each.variant].append(values)
    return found


def test_the_last_report_is_what_the_raw_data_give() -> None:
    school = School()
    for partition in school.partitions:
        begin(partition, replace(PLAN, measurement_days=DAYS))
    raw = lived(school, Random(5))
    school.later(24 * DAYS)
    for partition in school.partitions:
        move(partition, CANCELLED)
    school.later(24)
    last, learners = school.reports[-1], by_variant(school, raw)
    arms = [[float(np.mean(values)) for values in variant if values] for variant in learners]
    assert [(arm.enrolled, arm.measured) for arm in last.arms] == [(len(each), len(each)) for each in learners]
    for values, arm in zip(arms, last.arms, strict=True):
        figure = arm.measures[Measure.PERFORMANCE]
        assert figure.n == len(values)
        assert figure.mean == pytest.approx(np.mean(values), rel=1e-5)
        assert figure.sd == pytest.approx(np.std(values, ddof=1), rel=1e-5)
    (compared,) = [each for each in last.comparisons if each.measure is Measure.PERFORMANCE]
    assert compared.fixed is not None
    assert compared.fixed.p_value == pytest.approx(stats.ttest_ind(*reversed(arms), equal_var=False).pvalue, rel=1e-4)
    assert last.not_enrolled["HOLDOUT"] > 0
    looks = [each.look for each in school.reports]
    assert looks == [1, 2, 3, 4, 5, 7, 8], "a look for each close; one stands for two that nobody said anything between"
    school.later(50)
    assert school.reports[-1] is last, "it is over"


def test_what_was_compared_at_the_end_stays_while_the_winner_is_rolled_out() -> None:
    school = School()
    for partition in school.partitions:
        begin(partition, replace(PLAN, measurement_days=DAYS))
    users = [f"learner-{n}" for n in range(60)]
    for user in users:
        school.hear(school.at(user).request(user), school.at(user).outcome(user, score=len(user) / 20))
    for user in users[:20]:
        school.hear(school.at(user).prefer(user, level="NONE"))
    school.later(12)
    given = ExperimentCompleted(experiment_name=NAME, afterwards=Afterwards.ROLL_OUT, winner="balanced", hold_back=0.2)
    for partition in school.partitions:
        school.hear(move(partition, given))
    school.later(24)
    end = school.reports[-1]
    assert sum(arm.open for arm in end.arms) > 0, "who has opted out is not counted yet"
    for _ in range(3):
        for user in (*users, *(f"new-{len(school.reports)}-{n}" for n in range(20))):
            school.hear(school.at(user).request(user), school.at(user).outcome(user, score=0.9))
        school.later(24)
    last = school.reports[-1]
    assert last.look > end.look
    assert (last.arms, last.comparisons, last.checks, last.verdict) == (
        end.arms,
        end.comparisons,
        end.checks,
        end.verdict,
    )
    joined = {name: value for name, value in school.look.sums.items() if ".r." in name}
    assert joined["1.r.enrolled"] > joined["0.r.enrolled"] > 0
    assert joined["1.r.measured"] > 0, "the roll-out goes on"
