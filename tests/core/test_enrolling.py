"""What a learner's rows keep of experiments, and which of them decides: through the whole fold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.partition import SURE, Partition, Told
from tests.core.trials import BANDIT, CANCELLED, NAME, PAUSED, PLAN, RELEASED, RESUMED, STOPPED, begin, move

from fitly.core.entries import EVIDENCE
from fitly.core.events import ExperimentCompleted, ExperimentDefined, ExperimentPayload, ExperimentReweighted
from fitly.core.experiments.assigning import AFTERWARDS
from fitly.core.experiments.assignments import assignment_records
from fitly.core.experiments.enrolling import NOBODY, Met, meet
from fitly.core.experiments.enrolment import ENROLMENTS, MOST_ENROLMENTS, Enrolment, How, Reason, State
from fitly.core.experiments.plan import ExperimentType, ExperimentVariant, Plan, Segments, Treatment
from fitly.core.experiments.trial import Afterwards
from fitly.core.explaining import explain
from fitly.core.numbers import CERTAIN, DAY, Millis, Nano, to_datetime
from fitly.core.partials import Kind
from fitly.core.rules import Policy, Switches
from fitly.core.topics import SELECTED
from fitly.core.vocabulary import Algorithm, ArmCode, Context, Feature, Level, Mode, Unit, Variant
from fitly.wire.selected import decode_selected

BOTH = {"none": None, "balanced": Variant.BALANCED}
KEPT = ExperimentCompleted(experiment_name=NAME, afterwards=Afterwards.KEEP)


def rolled_out(winner: str = "balanced", hold_back: float = 0.0) -> ExperimentCompleted:
    return ExperimentCompleted(experiment_name=NAME, afterwards=Afterwards.ROLL_OUT, winner=winner, hold_back=hold_back)


def enrolments(partition: Partition, user: str = "ada") -> list[Enrolment]:
    return list(ENROLMENTS.all(partition.row(user).trials))


def running(plan: Plan = PLAN, policy: Policy = SURE) -> Partition:
    partition = Partition(policy)
    begin(partition, plan)
    return partition


def asked(partition: Partition, user: str = "ada", days: float = 1) -> Told:
    """Let the dwell pass and ask again; what comes out has to follow from its own record."""
    partition.later(days=days)
    told = partition.request(user)
    assert explain(told.selected).contradictions == ()
    return told


def users_of(partition: Partition, variant: str, many: int = 2) -> list[str]:
    """Find learners who are drawn into a variant."""
    found = []
    for n in range(60):
        told = asked(partition, f"learner-{n}", days=0)
        enrolled = told.selected.enrolled
        if enrolled is not None and enrolled.variant == variant:
            found.append(f"learner-{n}")
        if len(found) == many:
            return found
    raise AssertionError(variant)


def test_whoever_is_enrolled_gets_their_variant_for_good() -> None:
    partition = running()
    seen = set()
    for n in range(20):
        selected = asked(partition, f"learner-{n}", days=0).selected
        assert selected.enrolled is not None
        assert (selected.mode, selected.unit, selected.experiment) == (Mode.EXPERIMENT, Unit.LEARNER, NAME)
        assert selected.strategy_variant == BOTH[selected.enrolled.variant]
        assert selected.propensities == {selected.strategy_variant or "NONE": CERTAIN}
        assert selected.assignment_probability == CERTAIN // 2
        again = asked(partition, f"learner-{n}", days=3).selected
        assert again.enrolled == selected.enrolled
        seen.add(selected.enrolled.variant)
    assert seen == set(BOTH)


def test_the_assignment_is_as_likely_as_the_variant_and_not_being_held_out_together() -> None:
    partition = running(policy=replace(SURE, holdout_share=0.2))
    modes = {}
    for n in range(30):
        selected = asked(partition, f"learner-{n}", days=0).selected
        modes[selected.mode] = selected.assignment_probability
        (record,) = enrolments(partition, f"learner-{n}")
        if selected.mode is Mode.HOLDOUT:
            assert record == Enrolment(1, reason=Reason.HOLDOUT, since=partition.now)
    assert modes == {Mode.EXPERIMENT: Nano(400_000_000), Mode.HOLDOUT: Nano(200_000_000)}


def test_an_enrolment_is_measured_from_the_first_decision_on() -> None:
    partition = running()
    partition.outcome(score=0.25)
    partition.later(days=1)
    partition.outcome(score=0.75)
    (record,) = enrolments(partition)
    assert (record.state, record.decisions, record.joined, record.n) == (State.OPEN, 2, 1, 1)
    assert (record.before_n, record.until - record.since) == (0, 14 * DAY)
    partition.later(days=14)
    partition.tick()
    assert enrolments(partition)[0].state == State.MEASURED
    assert partition.shard.sums.totals[Kind.EXPERIMENTS, NAME][f"{record.variant}.a.measured"] == 1


def test_nothing_of_a_variant_that_does_nothing_teaches_an_arm_but_it_is_a_baseline() -> None:
    partition = running()
    none, applied = users_of(partition, "none", 1)[0], users_of(partition, "balanced", 1)[0]
    for user in (none, applied):
        partition.outcome(user)
    partition.later(days=8)
    partition.tick()
    taught = {user: {each.arm for each in EVIDENCE.all(partition.row(user).evidence)} for user in (none, applied)}
    assert taught == {none: {ArmCode.HOLDOUT}, applied: {ArmCode.BALANCED}}
    sums = partition.shard.sums.totals[Kind.PRIORS, "ASSESSMENT"]
    assert "BALANCED.w" not in sums


def test_who_does_not_join_keeps_the_newest_reason_and_the_policy_decides() -> None:
    partition = running(replace(PLAN, segments=Segments(levels=(Level.HIGH,)), traffic_share=0.0))
    assert asked(partition).selected.mode is Mode.EXPLOIT
    first = partition.now
    assert enrolments(partition) == [Enrolment(1, reason=Reason.LEVEL, since=first)]
    asked(partition)
    assert enrolments(partition) == [Enrolment(1, reason=Reason.LEVEL, since=first)]
    partition.prefer(level="HIGH")
    asked(partition)
    assert enrolments(partition) == [Enrolment(1, reason=Reason.NOT_IN_TRAFFIC, since=partition.now)]
    partition.prefer(auto_adapt_enabled=False)
    assert asked(partition).selected.mode is Mode.PINNED
    assert enrolments(partition)[0].reason == Reason.PINNED
    partition.prefer(level="NONE")
    assert partition.decisions()[-1].mode == 0
    assert enrolments(partition)[0].reason == Reason.OPTED_OUT
    partition.prefer(level="HIGH", auto_adapt_enabled=True)
    raised = replace(PLAN, segments=Segments(levels=(Level.HIGH,)), traffic_share=1.0)
    move(partition, ExperimentDefined(plan=raised))
    assert asked(partition).selected.mode is Mode.EXPERIMENT
    (record,) = enrolments(partition)
    assert (record.reason, record.state) == (Reason.ENROLLED, State.OPEN)


def test_opting_out_ends_the_measuring_and_the_variant_waits() -> None:
    partition = running()
    before = asked(partition).selected
    partition.prefer(level="NONE")
    (record,) = enrolments(partition)
    assert (record.state, record.reason) == (State.LEFT, Reason.ENROLLED)
    partition.prefer(level="MEDIUM")
    assert asked(partition).selected.enrolled == before.enrolled
    assert enrolments(partition) == [record]


def test_a_level_that_the_experiment_does_not_admit_is_respected_at_once() -> None:
    partition = running()
    asked(partition)
    told = partition.prefer(level="LOW")
    assert told.selected.mode is Mode.FALLBACK
    assert (told.selected.experiment, told.selected.enrolled) == (None, None)
    assert enrolments(partition)[0].state == State.OPEN
    partition.prefer(level="HIGH")
    assert asked(partition).selected.mode is Mode.EXPERIMENT


def test_one_experiment_of_a_context_enrols_and_the_other_keeps_the_reason() -> None:
    partition = running(replace(PLAN, traffic_share=0.5))
    second = replace(PLAN, experiment_name="second")
    begin(partition, second)
    found = set()
    for n in range(20):
        selected = asked(partition, f"learner-{n}", days=0).selected
        records = {each.trial: Reason(each.reason) for each in enrolments(partition, f"learner-{n}")}
        found.add((selected.experiment, records[1], records[2]))
    assert found == {
        (NAME, Reason.ENROLLED, Reason.OTHER_EXPERIMENT),
        ("second", Reason.OTHER_EXPERIMENT, Reason.ENROLLED),
    }
    move(partition, ExperimentDefined(plan=replace(PLAN, traffic_share=1.0)))
    for n in range(20):
        before = partition.row(f"learner-{n}").standing
        assert before is not None
        assert asked(partition, f"learner-{n}").selected.experiment == before.open().experiment


def test_another_context_does_not_meet_it() -> None:
    partition = running()
    assert partition.request(context="MISSION").selected.experiment is None
    assert partition.row(context=Context.MISSION).trials == b""


def test_a_paused_experiment_goes_on_for_whoever_is_in_and_takes_nobody() -> None:
    partition = running()
    before = asked(partition).selected
    move(partition, PAUSED)
    assert asked(partition).selected.enrolled == before.enrolled
    assert asked(partition, "bob").selected.mode is Mode.EXPLOIT
    assert partition.row("bob").trials == b""
    told = move(partition, STOPPED)
    assert told.selected.mode is Mode.EXPLOIT
    other = replace(PLAN, experiment_name="other")
    begin(partition, other)
    assert asked(partition).selected.mode is Mode.EXPLOIT
    assert {each.trial: Reason(each.reason) for each in enrolments(partition)}[2] == Reason.OTHER_EXPERIMENT
    move(partition, RESUMED)
    assert asked(partition).selected.enrolled == before.enrolled


@pytest.mark.parametrize("end", [CANCELLED, RELEASED])
def test_after_its_end_the_policy_decides_and_another_experiment_may_enrol(end: ExperimentPayload) -> None:
    partition = running()
    asked(partition)
    assert move(partition, end).selected.mode is Mode.EXPLOIT
    begin(partition, replace(PLAN, experiment_name="next"))
    assert asked(partition).selected.experiment == "next"
    assert [each.trial for each in enrolments(partition)] == [1, 2]


def test_kept_variants_stay_and_nobody_joins() -> None:
    partition = running()
    before = asked(partition).selected
    move(partition, KEPT)
    assert asked(partition).selected.enrolled == before.enrolled
    assert asked(partition, "bob").selected.mode is Mode.EXPLOIT


def test_a_roll_out_gives_the_winner_to_all_but_those_held_back() -> None:
    partition = running(replace(PLAN, traffic_share=0.5))
    users = [f"learner-{n}" for n in range(24)]
    modes = [asked(partition, user, days=0).selected.mode for user in users]
    partition.later(hours=1)
    told = move(partition, rolled_out(hold_back=0.3))
    again = [decode_selected(sent.value or b"") for sent in told.to(SELECTED)]
    assert len(again) == modes.count(Mode.EXPERIMENT) > 5
    assert {each.enrolled.epoch for each in again if each.enrolled is not None} == {AFTERWARDS}
    partition.later(days=1)
    seen = set()
    for user in [*users, "new"]:
        selected = asked(partition, user, days=0).selected
        assert selected.enrolled is not None
        seen.add((selected.enrolled.how, selected.enrolled.variant))
        newest = enrolments(partition, user)[-1]
        assert (newest.how, newest.state, newest.epoch) == (selected.enrolled.how, State.OPEN, AFTERWARDS)
    assert seen == {(How.ROLLED_OUT, "balanced"), (How.HELD_BACK, "none")}
    assert len(enrolments(partition, "new")) == 1


def test_a_bandits_next_epoch_draws_anew_and_keeps_a_record_of_each() -> None:
    partition = running(BANDIT)
    before = asked(partition).selected
    assert before.enrolled is not None
    partition.later(days=4)
    assert asked(partition, "bob").selected.enrolled is not None
    assert asked(partition, "late").selected.mode is Mode.EXPLOIT
    assert enrolments(partition, "late")[0].reason == Reason.BETWEEN_EPOCHS
    other = {"none": 0.01, "balanced": 0.99}
    move(partition, ExperimentReweighted(experiment_name=NAME, epoch=1, weights=other))
    selected = asked(partition).selected
    assert selected.enrolled is not None
    first, second = enrolments(partition)
    assert (first.epoch, first.state, second.epoch, second.state) == (0, State.MEASURED, 1, State.OPEN)
    assert selected.enrolled.epoch == 1
    move(partition, STOPPED)
    assert asked(partition).selected.mode is Mode.EXPLOIT


POLICIES = replace(
    PLAN,
    variants=(
        ExperimentVariant(
            variant_id="off",
            config=Treatment(policy=Policy(switches=Switches(everything=True))),
            weight=0.3,
        ),
        ExperimentVariant(
            variant_id="uniform",
            config=Treatment(policy=Policy(algorithm=Algorithm.UNIFORM, control_share=0.3)),
            weight=0.4,
        ),
        ExperimentVariant(
            variant_id="doubtful",
            config=Treatment(policy=Policy(initial_confidence=0.2, probe_share=0.4)),
            weight=0.3,
        ),
    ),
    experiment_type=ExperimentType.MULTIVARIATE,
)  # fmt: skip


def test_a_variant_with_a_policy_of_its_own_draws_by_it() -> None:
    partition = running(POLICIES)
    seen: dict[str, set[tuple[Mode | None, Unit]]] = {}
    for n in range(150):
        selected = asked(partition, f"learner-{n}", days=0).selected
        enrolled = selected.enrolled
        assert enrolled is not None
        assert (selected.mode, selected.experiment) == (Mode.EXPERIMENT, NAME)
        seen.setdefault(enrolled.variant, set()).add((enrolled.mode, selected.unit))
        if enrolled.variant == "uniform":
            assert selected.propensities["NONE"] == 300_000_000
            assert selected.propensities["BALANCED"] == 175_000_000
    assert seen == {
        "off": {(None, Unit.LEARNER)},
        "uniform": {(Mode.CONTROL, Unit.DECISION), (Mode.EXPLORE, Unit.DECISION)},
        "doubtful": {(Mode.PROBE, Unit.DECISION), (Mode.FALLBACK, Unit.DECISION)},
    }
    assert partition.tick().bin == "SYSTEM"


def test_what_a_variants_policy_draws_teaches_as_drawn() -> None:
    partition = running(POLICIES)
    wanted = {"off": {ArmCode.HOLDOUT}, "doubtful": {ArmCode.FALLBACK}}
    for n in range(60):
        user = f"learner-{n}"
        selected = asked(partition, user, days=0).selected
        assert selected.enrolled is not None
        partition.outcome(user)
        if selected.enrolled.mode in {None, Mode.FALLBACK}:
            entry = partition.decisions(user)[-1]
            assert {entry.arm} == wanted[selected.enrolled.variant]
        if selected.enrolled.mode is Mode.CONTROL:
            assert partition.decisions(user)[-1].arm == ArmCode.CONTROL


def test_an_arm_that_is_switched_off_is_given_to_nobody() -> None:
    partition = running()
    (user,) = users_of(partition, "balanced", 1)
    told = partition.revise(replace(SURE, switches=Switches(arms=(Variant.BALANCED,))))
    selected = told.selected if told.decided else asked(partition, user).selected
    assert (selected.mode, selected.experiment) == (Mode.EXPLOIT, None)
    assert enrolments(partition, user)[0].state == State.OPEN
    partition.revise(SURE)
    assert asked(partition, user).selected.mode is Mode.EXPERIMENT


def test_what_is_switched_off_is_so_for_a_variants_policy_too() -> None:
    partition = running(POLICIES)
    partition.revise(replace(SURE, switches=Switches(arms=(Variant.BALANCED,))))
    for n in range(20):
        assert "BALANCED" not in asked(partition, f"learner-{n}", days=0).selected.propensities


FREQUENT = replace(
    PLAN,
    variants=(
        ExperimentVariant(
            variant_id="often",
            config=Treatment(
                strategy_variant=Variant.BALANCED,
                parameters={Feature.ASSESSMENT_FREQUENCY: 7, Feature.ASSESSMENT_DIFFICULTY: 5},
            ),
            weight=0.5,
        ),
        ExperimentVariant(variant_id="usual", config=Treatment(strategy_variant=Variant.BALANCED), weight=0.5),
    ),
)


def test_a_variant_sets_parameters_but_not_those_that_the_learner_disabled_and_too_much_load_caps() -> None:
    partition = running(FREQUENT)
    (user,) = users_of(partition, "often", 1)
    selected = asked(partition, user).selected
    frequency = selected.parameters[Feature.ASSESSMENT_FREQUENCY]
    assert (frequency.value, frequency.because) == (7, "EXPERIMENT")
    assert selected.parameters[Feature.ASSESSMENT_QUESTION_TYPES].because == "DEFAULT"
    told = partition.observe(user, "COGNITIVE_LOAD", load=100, load_tolerance=20)
    again = told.selected
    assert again.decision_id == selected.decision_id
    assert again.parameters[Feature.ASSESSMENT_DIFFICULTY].because == "CAPPED_BY_LOAD"
    told = partition.prefer(user, disabled_features=["assessment.frequency"])
    assert told.selected.parameters[Feature.ASSESSMENT_FREQUENCY].because == "DISABLED"


def test_a_given_variant_goes_past_the_holdout_and_stays() -> None:
    partition = running(policy=replace(SURE, holdout_share=1))
    partition.describe(attributes={"experiment:any": "balanced"})
    selected = asked(partition).selected
    assert (selected.mode, selected.strategy_variant) == (Mode.EXPERIMENT, Variant.BALANCED)
    assert selected.enrolled is not None
    assert (selected.enrolled.how, selected.assignment_probability) == (How.GIVEN, CERTAIN // 2)
    partition.describe(attributes={"experiment:any": "none"}, time=partition.now + 1)
    assert asked(partition).selected.enrolled == selected.enrolled
    second = replace(PLAN, experiment_name="second")
    begin(partition, second)
    partition.describe("bob", attributes={"experiment:second": "none"})
    assert asked(partition, "bob").selected.experiment == "second"
    assert {each.trial: Reason(each.reason) for each in enrolments(partition, "bob")} == {
        1: Reason.OTHER_EXPERIMENT,
        2: Reason.ENROLLED,
    }


def test_whoever_is_held_out_and_was_given_a_variant_is_drawn_for_nothing_later() -> None:
    """Drawn, they would be held out again: in the sums of a variant, of which they never see anything."""
    partition = running(BANDIT, replace(SURE, holdout_share=1))
    partition.describe(attributes={"experiment:any": "balanced"})
    asked(partition)
    partition.later(days=7)
    move(partition, ExperimentReweighted(experiment_name=NAME, epoch=1, weights={"none": 0.99, "balanced": 0.01}))
    assert asked(partition).selected.strategy_variant is Variant.BALANCED
    assert [(each.epoch, How(each.how)) for each in enrolments(partition)] == [(0, How.GIVEN), (1, How.GIVEN)]
    partition.describe(attributes={"experiment:any": None}, time=partition.now + 1)
    partition.later(days=7)
    move(partition, ExperimentReweighted(experiment_name=NAME, epoch=2, weights={"none": 0.99, "balanced": 0.01}))
    asked(partition)
    move(partition, rolled_out("none"))
    asked(partition)
    assert [How(each.how) for each in enrolments(partition)] == [How.GIVEN, How.GIVEN]


def test_who_is_held_out_later_leaves_the_variant() -> None:
    partition = running()
    asked(partition)
    partition.revise(replace(SURE, holdout_share=1))
    assert asked(partition).selected.mode is Mode.HOLDOUT
    assert enrolments(partition)[0].reason == Reason.ENROLLED
    begin(partition, replace(PLAN, experiment_name="second"))
    partition.describe(attributes={"experiment:second": "none"})
    assert asked(partition).selected.mode is Mode.HOLDOUT


def test_a_test_learner_is_sent_from_one_variant_to_the_other_at_once_and_is_in_no_sum() -> None:
    partition = running(replace(PLAN, traffic_share=0.0), replace(SURE, holdout_share=1))
    partition.describe(attributes={"test": "true", "experiment:any": "none"})
    assert asked(partition).selected.apply is False
    told = partition.describe(attributes={"experiment:any": "balanced"})
    assert told.selected.strategy_variant is Variant.BALANCED
    assert [(each.variant, each.how) for each in enrolments(partition)] == [(1, How.FORCED)]
    partition.describe(attributes={"experiment:any": "gone"}, time=partition.now + 1)
    assert asked(partition).selected.strategy_variant is Variant.BALANCED
    partition.outcome()
    sums = partition.shard.sums.totals
    assert not any(any(found.values()) for found in sums.values())


def test_an_erased_learner_takes_their_part_in_the_sums_along() -> None:
    partition = running()
    asked(partition)
    partition.outcome()
    assert any(partition.shard.sums.totals[Kind.EXPERIMENTS, NAME].values())
    partition.say("learner.erased", "ada", {})
    assert not any(partition.shard.sums.totals[Kind.EXPERIMENTS, NAME].values())


def test_a_row_that_is_full_of_experiments_that_go_on_takes_nobody_in() -> None:
    partition = running()
    trial = partition.shard.force.acting[Context.ASSESSMENT]
    asked(partition, "bob")
    row, learner = partition.row("bob"), partition.learner("bob")
    going_on = frozenset(range(1, 200))
    refused = [Enrolment(100 + n, reason=Reason.LEVEL) for n in range(MOST_ENROLMENTS)]
    full = row._replace(trials=ENROLMENTS.join(refused))
    birth = partition.shard.force.birth
    after, part = meet(full, learner, Met(trial, going_on, NOBODY, birth), partition.now, None)
    assert (after, part) == (full, None)
    over = frozenset({1})
    enrolled_once = [*refused[:-1], Enrolment(190, state=State.MEASURED)]
    full = row._replace(trials=ENROLMENTS.join(enrolled_once))
    after, part = meet(full, learner, Met(trial, over, NOBODY, birth), partition.now, None)
    assert part is not None
    records = list(ENROLMENTS.all(after.trials))
    assert (len(records), records[-1].trial, records[-2].trial) == (MOST_ENROLMENTS, 1, 190)


LAYERED = replace(PLAN, layer="study time")
IN_MISSION = replace(LAYERED, experiment_name="in-mission", context=Context.MISSION)


def inside(partition: Partition, user: str) -> list[str | None]:
    """Give the experiments whose variants decide for a learner, in both contexts."""
    found = []
    for context in ("ASSESSMENT", "MISSION"):
        selected = partition.request(user, context).selected
        found.append(selected.experiment)
    return found


def test_one_layer_enrols_a_learner_once_whatever_the_contexts() -> None:
    partition = running(replace(LAYERED, traffic_share=0.5))
    begin(partition, IN_MISSION)
    found = {tuple(inside(partition, f"learner-{n}")) for n in range(20)}
    assert found == {(NAME, None), (None, "in-mission")}
    row = partition.row("learner-0", Context.MISSION)
    assert {Reason(each.reason) for each in ENROLMENTS.all(row.trials)} <= {Reason.ENROLLED, Reason.OTHER_EXPERIMENT}


def test_without_a_common_layer_contexts_do_not_matter_to_each_other() -> None:
    partition = running(LAYERED)
    begin(partition, replace(IN_MISSION, layer="other"))
    assert inside(partition, "ada") == [NAME, "in-mission"]
    assert partition.shard.force.rivals == {}


def test_decisions_of_one_event_and_of_one_withdrawal_keep_the_layer_too() -> None:
    partition = running(LAYERED, replace(SURE, switches=Switches(everything=True)))
    begin(partition, IN_MISSION)
    for context in ("ASSESSMENT", "MISSION"):
        assert partition.request(context=context).selected.mode is Mode.OPTED_OUT
    told = partition.revise(SURE)
    decided = [decode_selected(sent.value or b"").experiment for sent in told.to(SELECTED)]
    assert sorted(decided, key=str) == [None, NAME] or sorted(decided, key=str) == [None, "in-mission"]
    partition.prefer("bob", level="NONE")
    for context in ("ASSESSMENT", "MISSION"):
        partition.request("bob", context)
    told = partition.prefer("bob", level="HIGH")
    decided = [decode_selected(sent.value or b"").experiment for sent in told.to(SELECTED)]
    assert len([name for name in decided if name is not None]) == 1


def test_when_an_experiment_ends_its_layer_is_free() -> None:
    partition = running(LAYERED)
    begin(partition, IN_MISSION)
    assert inside(partition, "ada") == [NAME, None]
    move(partition, CANCELLED)
    partition.later(days=1)
    assert inside(partition, "ada") == [None, "in-mission"]


def test_a_row_says_who_is_in_which_variant_or_why_not() -> None:
    partition = running()
    begin(partition, replace(PLAN, experiment_name="second"))
    asked(partition)
    partition.later(days=14)
    partition.tick()
    first, second = assignment_records(partition.row())
    (record,) = (each for each in enrolments(partition) if not each.reason)
    assert (first.experiment_number, first.variant_place, first.enrolment_probability) == (1, record.variant, 0.5)
    assert (first.enrolled_at, first.measured_at) == (
        to_datetime(Millis(record.since)),
        to_datetime(Millis(record.until)),
    )
    assert (second.variant_place, second.not_enrolled_reason) == (None, "OTHER_EXPERIMENT")
    assert (first.user_id, first.context, first.not_enrolled_reason) == ("ada", "ASSESSMENT", None)


def test_of_a_bandit_the_newest_epoch_is_told_and_an_open_one_is_not_measured() -> None:
    records = [Enrolment(1, epoch=0, state=State.MEASURED), Enrolment(1, epoch=1, variant=1, state=State.OPEN)]
    partition = running()
    asked(partition)
    told = assignment_records(partition.row()._replace(trials=ENROLMENTS.join(records)))
    assert [(each.variant_place, each.measured_at) for each in told] == [(1, None)]
    again = [Enrolment(1, reason=Reason.LEVEL), *records[:1], Enrolment(1, reason=Reason.PINNED)]
    (kept,) = assignment_records(partition.row()._replace(trials=ENROLMENTS.join(again)))
    assert kept.variant_place == 0


def test_a_roll_out_hides_nobodys_variant_and_is_told_of_who_was_in_none() -> None:
    partition = running()
    asked(partition)
    row = partition.row()
    was, rolled = Enrolment(1, variant=0, state=State.MEASURED), Enrolment(1, variant=1, how=How.ROLLED_OUT)
    for records, place in (([was, rolled], 0), ([Enrolment(1, reason=Reason.LEVEL), rolled], 1), ([rolled], 1)):
        (told,) = assignment_records(row._replace(trials=ENROLMENTS.join(records)))
        assert told.variant_place == place
    again = Enrolment(1, variant=0, how=How.HELD_BACK)
    (told,) = assignment_records(row._replace(trials=ENROLMENTS.join([rolled, again])))
    assert told.variant_place == 0


def test_a_record_that_lacks_a_draw_of_the_variants_policy_contradicts_itself() -> None:
    partition = running(POLICIES)
    for n in range(40):
        selected = asked(partition, f"learner-{n}", days=0).selected
        if selected.enrolled is not None and selected.enrolled.variant == "doubtful":
            without = {purpose: draw for purpose, draw in selected.draws.items() if purpose != "probe"}
            (said, *_) = explain(selected._replace(draws=without)).contradictions
            assert "'probe'" in said
            other = selected._replace(enrolled=selected.enrolled._replace(low=Nano(0), high=Nano(1)))
            assert any("own draw" in each for each in explain(other).contradictions)
            wrong = selected._replace(enrolled=selected.enrolled._replace(mode=Mode.CONTROL))
            assert explain(wrong).contradictions
            return
    raise AssertionError
