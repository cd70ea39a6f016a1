"""What an insight does to a learner's rows, and to what stands: the same decision, rendered anew."""

from __future__ import annotations

import itertools

import pytest
from tests.core.partition import HOURS, START, SURE, UNSURE, Fact, Partition, Policy, Told, replace

from fitly.core.decisions import Because
from fitly.core.entries import DECISIONS
from fitly.core.insights import LIFETIME, NO_INSIGHTS
from fitly.core.learner import NEVER
from fitly.core.names import event_key, lapse_key
from fitly.core.numbers import DAY
from fitly.core.rules import Switches
from fitly.core.topics import SELECTED
from fitly.core.vocabulary import Bin, Context, Feature, InsightKind, Mode, Variant
from fitly.wire.selected import decode_selected

DIFFICULTY = Feature.ASSESSMENT_DIFFICULTY


def only(variant: Variant, **policy: object) -> Policy:
    """Everybody is personalized with one variant."""
    others = tuple(each for each in Variant if each is not variant)
    return replace(SURE, switches=Switches(arms=others), **policy)  # type: ignore[arg-type]


def predicted(policy: Policy | None = None) -> Partition:
    """A partition in which a prediction-heavy decision stands for ada's assessments."""
    partition = Partition(policy or only(Variant.PREDICTION_HEAVY))
    partition.request()
    return partition


def struggle(partition: Partition, probability: float = 0.9, **given: Fact) -> Told:
    return partition.observe("ada", "STRUGGLE_PREDICTION", probability=probability, **given)


def standing(partition: Partition, context: Context = Context.ASSESSMENT) -> dict[str, object]:
    """The parameters that stand."""
    sealed = partition.row(context=context).standing
    assert sealed is not None
    return {feature.value: parameter for feature, parameter in sealed.open().parameters.items()}


# -- what is kept --------------------------------------------------------------------------------------------


def test_the_newest_observation_of_a_kind_counts_whatever_the_order_of_arrival() -> None:
    told = [(0.9, 5.0), (0.7, 1.0), (0.8, 3.0)]
    kept = set()
    for order in itertools.permutations(told):
        partition = Partition(SURE)
        for probability, ago in order:
            partition.observe(
                "ada", "STRUGGLE_PREDICTION", event_id=f"{ago}", probability=probability, ago=ago, time=partition.now
            )
        kept.add(partition.learner().insights)
    (insights,) = kept
    assert insights.struggle_prediction is not None
    assert insights.struggle_prediction.payload.probability == 0.7
    assert insights.struggle_prediction.observed_at == START - HOURS


def test_of_two_observations_of_one_moment_the_order_of_arrival_decides_nothing() -> None:
    kept = set()
    for order in (("a", "b"), ("b", "a")):
        partition = Partition(SURE)
        for name in order:
            partition.observe("ada", "COGNITIVE_LOAD", event_id=name, load=ord(name))
        kept.add(partition.learner().insights)
    assert len(kept) == 1


def test_kinds_stand_beside_each_other() -> None:
    partition = Partition(SURE)
    struggle(partition)
    partition.observe("ada", "COGNITIVE_LOAD", load=80)
    insights = partition.learner().insights
    assert [held is not None for held in insights] == [False, True, False, True, False]


@pytest.mark.parametrize(("given", "days"), [({}, 30), ({"valid_days": 3}, 3), ({"valid_days": 300}, 30)])
def test_an_insight_lapses_after_thirty_days_or_when_its_producer_says(given: dict[str, float], days: int) -> None:
    partition = Partition(SURE)
    partition.observe("ada", "COGNITIVE_LOAD", load=80, **given)
    held = partition.learner().insights.cognitive_load
    assert held is not None
    assert held.lapses_at == START + days * DAY


def test_a_repeat_is_a_duplicate_and_one_of_tomorrow_is_refused() -> None:
    partition = Partition(SURE)
    told = partition.observe("ada", "COGNITIVE_LOAD", load=80)
    assert partition.again(told).bin == Bin.DUPLICATE
    assert partition.observe("ada", "COGNITIVE_LOAD", load=10, ago=-1.5).bin == Bin.FUTURE
    held = partition.learner().insights.cognitive_load
    assert held is not None
    assert held.payload.load == 80


def test_of_who_has_opted_out_nothing_is_kept() -> None:
    partition = predicted()
    struggle(partition)
    partition.prefer(level="NONE")
    assert partition.learner().insights == NO_INSIGHTS, "what was known is let go"
    told = struggle(partition)
    assert (told.bin, told.decided) == (Bin.OPTED_OUT, False)
    assert partition.learner().insights == NO_INSIGHTS
    assert partition.again(told).bin == Bin.DUPLICATE
    partition.prefer(level="MEDIUM")
    assert {parameter.because for parameter in partition.row().standing.open().parameters.values()} == {"DEFAULT"}  # type: ignore[union-attr]


def test_switching_every_context_off_is_opting_out_and_switching_off_some_is_not() -> None:
    partition = Partition(SURE)
    struggle(partition)
    partition.prefer(mission_enabled=False, content_enabled=False, session_enabled=False)
    assert partition.learner().insights.struggle_prediction is not None
    partition.prefer(assessment_enabled=False)
    assert partition.learner().insights == NO_INSIGHTS


def test_a_reset_of_what_was_learned_keeps_what_others_know() -> None:
    partition = predicted()
    struggle(partition)
    partition.reset(scope="LEARNED")
    assert partition.learner().insights.struggle_prediction is not None
    assert partition.row().standing.open().parameters[DIFFICULTY].value == 2  # type: ignore[union-attr]


def test_an_insight_about_someone_new_makes_their_row_and_waits_for_a_decision() -> None:
    partition = Partition(only(Variant.PREDICTION_HEAVY))
    told = struggle(partition)
    assert (told.bin, told.decided) == (Bin.APPLIED, False)
    assert partition.request().selected.parameters[DIFFICULTY].value == 2


# -- rendering anew ------------------------------------------------------------------------------------------


def test_what_stands_is_rendered_anew_and_stays_the_same_decision() -> None:
    partition = predicted()
    first = partition.row().standing.open()  # type: ignore[union-attr]
    entries, arms = partition.decisions(), partition.arms()
    partition.later(hours=2)
    told = struggle(partition)
    again = told.selected
    because = Because(InsightKind.STRUGGLE_PREDICTION, partition.now, 0.9)
    assert (again.parameters[DIFFICULTY].value, again.parameters[DIFFICULTY].because) == (2, because)
    assert again._replace(parameters=first.parameters, rendered_at=None) == first
    assert again.rendered_at == partition.now
    assert told.answers == event_key("lms", "e2")
    assert (partition.decisions(), partition.arms()) == (entries, arms), "nothing was drawn, nothing selected"
    assert partition.row().lapses_at == partition.now + LIFETIME


def test_outcomes_find_the_decision_as_before() -> None:
    partition = predicted()
    decision = partition.row().standing.open().decision_id  # type: ignore[union-attr]
    struggle(partition)
    assert partition.outcome(decision_id=decision).filed.decision_id == decision
    assert partition.outcome().filed.decision_id == decision


def test_what_does_not_change_the_parameters_is_not_said_again() -> None:
    partition = predicted()
    assert not partition.observe("ada", "MISSION_ANALYTICS", best_difficulty=5).decided, "the variant looks elsewhere"
    assert not struggle(partition, probability=0.5).decided, "nothing follows from it"
    assert not struggle(partition, ago=3).decided, "it is older than what is known"
    assert partition.row().lapses_at == START + LIFETIME


def test_a_later_request_is_answered_by_what_was_rendered_last() -> None:
    partition = predicted()
    again = struggle(partition).selected
    asked = partition.request()
    assert asked.selected == again
    assert asked.answers == event_key("lms", "e3")


def test_renderings_of_one_moment_follow_each_other() -> None:
    partition = predicted()
    told = [struggle(partition, probability, ago=ago) for probability, ago in ((0.9, 3), (0.1, 2), (0.7, 1))]
    moments = [each.selected.rendered_at for each in told]
    assert moments == [START + 1, START + 2, START + 3]


def test_a_disabled_feature_goes_back_to_its_default_at_once() -> None:
    partition = predicted()
    struggle(partition)
    told = partition.prefer(disabled_features=[DIFFICULTY.value])
    assert (told.selected.parameters[DIFFICULTY].value, told.selected.parameters[DIFFICULTY].because) == (3, "DISABLED")
    assert told.answers == event_key("lms", "e3")
    assert not partition.prefer(acted_by="guardian").decided


def test_a_lower_level_is_followed_by_the_parameters() -> None:
    partition = predicted(only(Variant.PREDICTION_HEAVY, initial_confidence=0.95))
    assert struggle(partition, confidence=0.8).selected.parameters[Feature.ASSESSMENT_FREQUENCY].value == 5
    told = partition.prefer(level="LOW").selected.parameters
    assert told[Feature.ASSESSMENT_FREQUENCY].because == "BELOW_THRESHOLD"


def test_a_pinned_decision_follows_the_insights() -> None:
    partition = predicted()
    partition.prefer(auto_adapt_enabled=False)
    partition.later(days=2)
    struggle(partition)
    pinned = partition.request().selected
    assert (pinned.mode, pinned.parameters[DIFFICULTY].value) == (Mode.PINNED, 2)
    partition.later(hours=1)
    again = partition.observe("ada", "COGNITIVE_LOAD", load=20, load_tolerance=80).selected
    assert (again.decision_id, again.mode, again.parameters[DIFFICULTY].value) == (pinned.decision_id, Mode.PINNED, 3)


@pytest.mark.parametrize("policy", [UNSURE, replace(SURE, holdout_share=1)])
def test_what_is_not_applied_has_nothing_to_render(policy: Policy) -> None:
    partition = Partition(policy)
    partition.request()
    told = struggle(partition)
    assert (told.decided, partition.row().lapses_at) == (False, NEVER)


def test_what_the_policy_has_switched_off_is_not_said_again() -> None:
    partition = predicted()
    partition.revise(replace(SURE, switches=Switches(everything=True)))
    assert not struggle(partition).decided


def test_what_has_expired_is_not_said_again() -> None:
    partition = predicted()
    partition.later(days=31)
    assert not struggle(partition).decided


def test_every_context_is_rendered_anew() -> None:
    partition = Partition(only(Variant.PREDICTION_HEAVY))
    for context in Context:
        partition.request(context=context)
    told = struggle(partition)
    assert [decode_selected(sent.value or b"").context for sent in told.to(SELECTED)] == list(Context)


# -- lapses --------------------------------------------------------------------------------------------------


def test_at_a_lapse_the_next_tick_renders_anew() -> None:
    partition = predicted()
    struggle(partition, valid_days=3)
    lapse = partition.row().lapses_at
    assert lapse == START + 3 * DAY
    partition.later(days=2.9)
    assert not partition.tick().decided
    partition.later(days=0.2)
    told = partition.tick()
    again = told.selected
    assert {parameter.because for parameter in again.parameters.values()} == {"DEFAULT"}
    assert told.answers == lapse_key(again.decision_id, lapse)
    assert again.rendered_at == partition.now
    assert partition.row().lapses_at == NEVER
    assert not partition.tick().decided


def test_windows_close_at_their_time_whatever_lapses_when() -> None:
    partition = predicted()
    struggle(partition, valid_days=3)
    for days, is_open, decided in ((3.5, 1, True), (4, 0, False)):
        partition.later(days=days)
        assert partition.tick().decided == decided
        assert DECISIONS.at(partition.row().decisions, 0).is_open == is_open
    struggle(partition)
    partition.request()
    struggle(partition, valid_days=20, probability=0.7)
    partition.later(days=8)
    assert not partition.tick().decided
    assert DECISIONS.at(partition.row().decisions, -1).is_open == 0


def test_a_request_after_a_lapse_and_before_the_tick_is_answered_without_what_lapsed() -> None:
    partition = predicted(only(Variant.PREDICTION_HEAVY, dwell_days=10))
    struggle(partition, valid_days=3)
    partition.later(days=4)
    asked = partition.request()
    assert {parameter.because for parameter in asked.selected.parameters.values()} == {"DEFAULT"}
    assert asked.selected.rendered_at == partition.now
    assert not partition.tick().decided, "it has been said"


def test_a_lapse_that_changes_nothing_is_not_said() -> None:
    partition = predicted()
    partition.observe("ada", "COGNITIVE_LOAD", load=50, valid_days=1)
    partition.later(days=2)
    assert not partition.tick().decided
    assert partition.row().lapses_at == NEVER


def test_an_older_insight_does_not_come_back_when_a_newer_one_lapses() -> None:
    partition = predicted()
    struggle(partition)
    partition.later(hours=1)
    struggle(partition, valid_days=-0.01)
    assert standing(partition)[DIFFICULTY.value].because == "DEFAULT"  # type: ignore[attr-defined]


def test_whoever_keeps_ids_of_events_apart_sees_each_rendering() -> None:
    partition = predicted()
    told = [partition.request(), struggle(partition, ago=1), partition.request(), struggle(partition, 0.1)]
    ids = [(sent.value or b"").partition(b'"id":"')[2][:36] for each in told for sent in each.to(SELECTED)]
    assert ids[1] == ids[2], "a repeat is a repeat"
    assert len(set(ids)) == 3
    assert ids[0].decode() == str(told[0].selected.decision_id)
