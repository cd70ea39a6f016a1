"""What is measured of who is enrolled, from the first decision to the last day, through the whole fold."""

from __future__ import annotations

from tests.core.partition import SURE, Partition, replace
from tests.core.trials import NAME, PLAN, begin, move

from fitly.core.events import ExperimentCompleted
from fitly.core.experiments.enrolment import ENROLMENTS, Enrolment, State
from fitly.core.experiments.plan import Plan
from fitly.core.experiments.trial import Afterwards
from fitly.core.learner import NEVER
from fitly.core.numbers import DAY
from fitly.core.partials import Kind

SHORT = replace(PLAN, measurement_days=2)
APPLIED = replace(
    PLAN, variants=tuple(replace(each, config=PLAN.variants[1].config) for each in PLAN.variants), measurement_days=2
)
"""Whatever is drawn is applied."""


def study(plan: Plan = APPLIED, *, dwell_days: float = 1) -> Partition:
    """A partition with an experiment that has started."""
    partition = Partition(replace(SURE, dwell_days=dwell_days))
    begin(partition, plan)
    return partition


def enrolment(partition: Partition, user: str = "ada") -> Enrolment:
    """The newest enrolment."""
    return ENROLMENTS.at(partition.row(user).trials, -1)


def sums(partition: Partition) -> dict[str, int]:
    return partition.shard.sums.totals[Kind.EXPERIMENTS, NAME]


def test_the_first_decision_enrols_and_counts() -> None:
    partition = study()
    partition.request()
    found = enrolment(partition)
    assert (found.state, found.decisions, found.applied, found.joined, found.n) == (State.OPEN, 1, 1, 0, 0)
    assert (found.since, found.until) == (partition.now, partition.now + 2 * DAY)
    assert partition.row().due_at == found.until, "its reward window is longer"


def test_what_comes_counts_until_the_days_are_complete_and_nothing_moves_afterwards() -> None:
    partition = study()
    partition.outcome(score=0.2, event_id="lost")  # nothing stood: an orphan, which brings the decision
    partition.later(hours=1)
    partition.outcome(score=0.6, event_id="o")
    partition.later(hours=30)
    partition.outcome(score=1.0)
    found = enrolment(partition)
    assert (found.decisions, found.joined, found.n, found.s_performance) == (2, 1, 2, 1_600_000)
    partition.correct("o", performance_score=0.8)
    partition.later(days=1)
    partition.outcome(score=0.9)
    done = enrolment(partition)
    assert (done.state, done.n, done.s_performance) == (State.MEASURED, 2, 1_800_000)
    partition.correct("o", withdrawn=True)
    partition.reset()
    partition.prefer(level="NONE")
    assert enrolment(partition) == done
    place = f"{done.variant}.a"
    assert sums(partition)[f"{place}.performance.sum"] == 900_000


def test_a_tick_completes_the_days_of_who_is_silent() -> None:
    partition = study()
    partition.request()
    partition.later(days=2)
    assert partition.shard.overdue() == 0, "the clock has not got there"
    partition.tick()
    assert enrolment(partition).state == State.MEASURED
    assert sums(partition)[f"{enrolment(partition).variant}.a.measured"] == 1
    partition.later(days=6)
    partition.tick()
    assert partition.row().closes_at == NEVER


def test_what_was_before_stands_apart() -> None:
    partition = Partition(replace(SURE, dwell_days=0))
    partition.request()
    partition.outcome(score=0.4)
    begin(partition, APPLIED)
    partition.later(hours=1)
    partition.request()
    partition.outcome(score=0.8)
    found = enrolment(partition)
    own = partition.row()
    assert (found.before_n, found.n) == (1, 1)
    assert found.before_sum + found.composite == own.own_sum


def test_a_decision_of_the_same_millisecond_belongs_to_what_follows() -> None:
    partition = Partition(replace(SURE, dwell_days=0))
    partition.request()
    partition.outcome(score=0.4, event_id="o")
    before = partition.decisions()
    begin(partition, APPLIED)
    partition.request()
    found = enrolment(partition)
    assert len(before) == 2
    assert (found.before_n, found.decisions, found.n, found.s_performance) == (0, 3, 1, 400_000)
    partition.correct("o", performance_score=0.5)
    assert enrolment(partition).s_performance == 500_000


def test_whoever_opts_out_stays_as_measured_until_then() -> None:
    partition = study()
    partition.request()
    partition.outcome(score=0.6)
    partition.later(hours=1)
    partition.prefer(level="NONE")
    found = enrolment(partition)
    assert (found.state, found.n) == (State.LEFT, 1)
    assert partition.row().closes_at == found.until
    before = partition.row()._replace(standing=None)
    partition.later(hours=1)
    partition.prefer(level="NONE")
    assert partition.row()._replace(standing=None) == before, "to opt out once more changes nothing"
    partition.prefer(level="MEDIUM")
    partition.later(days=1)
    partition.outcome(score=0.1)
    assert enrolment(partition) == found
    assert sums(partition)[f"{found.variant}.a.opted_out"] == 1


def test_whoever_opts_out_counts_when_the_days_are_complete_as_all_who_were_enrolled_with_them() -> None:
    """Who counts at a look follows from the enrolment alone: who leaves is neither left out nor counted before."""
    left, stayed = study(), study()
    for partition in (left, stayed):
        partition.request()
        partition.outcome(score=0.6)
        partition.later(hours=1)
    left.prefer(level="NONE")
    place, counts = f"{enrolment(left).variant}.a", ("enrolled", "open", "measured", "performance.n")
    for _ in range(3):
        found, others = ([sums(one).get(f"{place}.{name}", 0) for name in counts] for one in (left, stayed))
        assert found == others
        assert sums(left)[f"{place}.opted_out"] == 1, "which is known at once"
        for partition in (left, stayed):
            partition.later(days=1)
            partition.tick()
    assert (enrolment(left).state, enrolment(stayed).state) == (State.OPTED_OUT, State.MEASURED)
    assert sums(left)[f"{place}.performance.sum"] == 600_000
    assert left.row().closes_at == NEVER


def test_who_opted_out_and_comes_back_to_a_roll_out_is_cut_off_as_the_others_are() -> None:
    partition = study(SHORT)
    partition.request()
    partition.prefer(level="NONE")
    partition.prefer(level="MEDIUM")
    partition.later(hours=1)
    move(partition, ExperimentCompleted(experiment_name=NAME, afterwards=Afterwards.ROLL_OUT, winner="balanced"))
    partition.later(days=1)
    partition.request()
    first, second = ENROLMENTS.all(partition.row().trials)
    assert (first.state, second.state) == (State.ENDED, State.OPEN)


def test_a_word_on_the_screen_and_a_reset_keep_what_was_measured() -> None:
    partition = study()
    decision = partition.request().selected
    partition.outcome(score=0.6)
    partition.applied(decision.decision_id, applied=False)
    assert enrolment(partition).applied == 0
    partition.reset()
    partition.outcome(score=0.7)
    found = enrolment(partition)
    assert (found.decisions, found.joined, found.n, found.s_performance) == (1, 1, 2, 1_300_000)
    assert partition.row().closes_at == found.until


def test_an_erased_learner_leaves_every_sum() -> None:
    partition = study()
    for user in ("ada", "bob"):
        partition.request(user)
        partition.outcome(user, score=0.6)
    with_ada = sums(partition)
    partition.say("learner.erased", "ada", {"reason": "asked for"})
    alone = study()
    alone.request("bob")
    alone.outcome("bob", score=0.6)
    assert sums(partition) == sums(alone) != with_ada
    partition.say("learner.erased", "bob", {"reason": "asked for"})
    assert sums(partition) == {}


def test_a_roll_out_cuts_off_what_was_not_complete() -> None:
    partition = study(SHORT)
    users = [f"u{n}" for n in range(8)]
    for user in users:
        partition.request(user)
    partition.later(hours=1)
    move(partition, ExperimentCompleted(experiment_name=NAME, afterwards=Afterwards.ROLL_OUT, winner="balanced"))
    partition.later(days=3)
    for user in users:
        partition.request(user)
    for _ in range(2):
        partition.tick()
    found = sums(partition)
    assert sum(found.get(f"{v}.a.enrolled", 0) for v in (0, 1)) == len(users)
    assert not any(found.get(f"{v}.a.{name}") for v in (0, 1) for name in ("open", "measured", "with_outcome"))
    assert sum(found.get(f"{v}.r.enrolled", 0) for v in (0, 1)) == len(users)


def test_memory_that_overflows_keeps_the_end_of_the_days_in_mind() -> None:
    partition = study(dwell_days=0)
    partition.request()
    until = enrolment(partition).until
    for _ in range(70):
        partition.later(hours=0.1)
        partition.request()
    assert partition.row().closes_at == until
    assert enrolment(partition).decisions == 71
