"""What the rules make of a dozen learners, and what holds for every learner there could be."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.core.learners import (
    DOZEN,
    FRACTIONS,
    NOW,
    OVERLOADED,
    PLANNED,
    RESTED,
    STRONG,
    TIRED,
    VISUAL,
    WEAK,
    known,
    shown,
)

from fitly.core.decisions import Because, Parameter
from fitly.core.insights import NO_INSIGHTS, PAYLOADS, CognitiveLoad, Held, Insights, StrugglePrediction
from fitly.core.learner import NEVER, Preferences
from fitly.core.names import EventKey
from fitly.core.numbers import DAY, Millis
from fitly.core.parameters import OF_CONTEXT, UNMOVED, Rendered, render
from fitly.core.rulebook import CAPS, LEANS, READINGS, RULES
from fitly.core.scales import DEFAULTS, SCALES, Hours, Number, Weights, Words
from fitly.core.vocabulary import Context, Feature, InsightKind, Intervention, Level, Trend, Variant

PROFILE, STRUGGLE, LOAD, MISSIONS, ORCHESTRATION = (
    "LEARNING_PROFILE",
    "STRUGGLE_PREDICTION",
    "COGNITIVE_LOAD",
    "MISSION_ANALYTICS",
    "SESSION_ORCHESTRATION",
)

REVIEWED = {
    "Ada": {
        "timing": f"9 {PROFILE} 0.85",
        "duration": f"70 {MISSIONS} 0.9",
        "objectives": f"4 {MISSIONS} 0.9",
        "difficulty": f"5 {MISSIONS} 0.9",
        "intervention": "NONE DEFAULT",
    },
    "Bela": {
        "timing": "None DEFAULT",
        "duration": "45 CAPPED_BY_LOAD",
        "objectives": "3 CAPPED_BY_LOAD",
        "difficulty": "2 CAPPED_BY_LOAD",
        "intervention": "NONE DEFAULT",
    },
    "Chen": {
        "timing": "None DEFAULT",
        "duration": f"30 {STRUGGLE} 0.8",
        "objectives": f"2 {STRUGGLE} 0.8",
        "difficulty": f"2 {STRUGGLE} 0.8",
        "intervention": f"PREREQUISITE_REVIEW {STRUGGLE} 0.8",
    },
    "Dana": {
        "timing": "None DEFAULT",
        "duration": f"50 {MISSIONS} 0.9",
        "objectives": "3 DEFAULT",
        "difficulty": f"4 {MISSIONS} 0.9",
        "intervention": f"PREREQUISITE_REVIEW {STRUGGLE} 0.8",
    },
    "Emre": {
        "timing": f"9 {PROFILE} 0.85",
        "duration": f"60 {MISSIONS} 0.9",
        "objectives": f"4 {MISSIONS} 0.9",
        "difficulty": f"4 {MISSIONS} 0.9",
        "intervention": "NONE DEFAULT",
    },
    "Finn": {
        "break_timing": f"20 {LOAD} 0.9",
        "content_sequence": "BLOCKED BELOW_THRESHOLD",
        "intensity_modulation": f"0.8 {LOAD} 0.9",
    },
    "Gita": {
        "content_types": f"28/52/10/10 {PROFILE} 0.8",
        "learning_style": f"52/10/28/10 {PROFILE} 0.8",
        "topic_selection": f"SPACED_REVIEW {PROFILE} 0.8",
    },
    "Hana": {
        "content_types": f"24/41/25/10 {PROFILE} 0.8",
        "learning_style": f"39/18/26/17 {PROFILE} 0.8",
        "topic_selection": f"WEAKNESS_FIRST {STRUGGLE} 0.9",
    },
    "Ivo": {
        "frequency": f"4 {PROFILE} 0.8",
        "difficulty": f"5 {MISSIONS} 0.9",
        "question_types": f"28/22/28/22 {PROFILE} 0.8",
    },
    "Jo": {
        "frequency": f"2 {LOAD} 0.9",
        "difficulty": f"2 {LOAD} 0.9",
        "question_types": f"35/35/20/10 {LOAD} 0.9",
    },
    "Kim": {
        "break_timing": "25 DISABLED",
        "content_sequence": f"INTERLEAVED {ORCHESTRATION} 0.9",
        "intensity_modulation": "1.0 DEFAULT",
    },
    "Lea": {
        "break_timing": "25 DEFAULT",
        "content_sequence": "BLOCKED DEFAULT",
        "intensity_modulation": "1.0 DEFAULT",
    },
}
"""Looked at one by one, with a teacher's eyes; a rule that changes one of them is to be looked at again."""


@pytest.mark.parametrize("who", DOZEN)
def test_a_dozen_learners_get_what_was_found_sensible(who: str) -> None:
    assert shown(DOZEN[who]) == REVIEWED[who.partition(":")[0]]


def rendered(
    insights: Insights,
    variant: Variant = Variant.PREDICTION_HEAVY,
    context: Context = Context.MISSION,
    *,
    threshold: float | None = 0.7,
    now: int = NOW,
    **preferences: object,
) -> Rendered:
    return render(context, variant, Preferences(**preferences), threshold, insights, Millis(now))  # type: ignore[arg-type]


def test_without_insights_the_defaults_are_one_and_the_same_object() -> None:
    for context in Context:
        for variant in Variant:
            still = rendered(NO_INSIGHTS, variant, context)
            assert still.parameters is UNMOVED[context]
            assert still.lapses_at == NEVER


def test_insights_that_move_nothing_leave_that_object_in_place() -> None:
    still = rendered(known((CognitiveLoad(load=50), 1)), context=Context.SESSION)
    assert still.parameters is UNMOVED[Context.SESSION]
    assert still.lapses_at == NOW + 7 * DAY, "what it looks at lapses all the same"


def test_an_insight_counts_from_the_levels_threshold_on() -> None:
    for confidence, because in ((0.7, Because(InsightKind.STRUGGLE_PREDICTION, Millis(NOW - 3_600_000), 0.7)),):
        moved = rendered(known((FRACTIONS, confidence)))
        assert moved.parameters[Feature.MISSION_DIFFICULTY] == Parameter(2, because)
    unsure = rendered(known((FRACTIONS, 0.69))).parameters
    assert unsure[Feature.MISSION_DIFFICULTY] == Parameter(3, "BELOW_THRESHOLD")
    assert unsure[Feature.MISSION_TIMING] == Parameter(None, "DEFAULT"), "it has nothing to say about hours"


def test_an_unsure_insight_that_would_change_nothing_is_no_reason() -> None:
    usual = rendered(known((replace(STRONG, best_difficulty=3), 0.1)), Variant.PATTERN_HEAVY).parameters
    assert usual[Feature.MISSION_DIFFICULTY].because == "DEFAULT"
    assert usual[Feature.MISSION_DURATION].because == "BELOW_THRESHOLD"


def test_where_nothing_may_act_nothing_moves() -> None:
    moved = rendered(known((FRACTIONS, 1.0), (OVERLOADED, 1.0)), threshold=None).parameters
    assert {parameter.because for parameter in moved.values()} <= {"DEFAULT", "BELOW_THRESHOLD"}


def test_an_insight_counts_until_it_lapses() -> None:
    insights = known((FRACTIONS, 0.9))
    until = NOW + 7 * DAY
    before, after = rendered(insights, now=until - 1), rendered(insights, now=until)
    assert before.parameters[Feature.MISSION_DIFFICULTY].value == 2
    assert before.lapses_at == until
    assert after == Rendered(UNMOVED[Context.MISSION], NEVER)


def test_only_insights_that_the_variant_looks_at_are_waited_for() -> None:
    insights = known((FRACTIONS, 0.9))
    assert rendered(insights, Variant.PATTERN_HEAVY).lapses_at == NEVER
    assert rendered(insights, Variant.BALANCED).lapses_at == NOW + 7 * DAY
    assert rendered(known((OVERLOADED, 0.9)), Variant.PATTERN_HEAVY).lapses_at != NEVER, "load caps every variant"


def test_a_struggle_far_away_is_none_yet() -> None:
    far = rendered(known((replace(FRACTIONS, horizon=30), 0.9)))
    assert far.parameters == UNMOVED[Context.MISSION]


def test_advice_is_followed_where_trouble_is_likely_or_its_probability_is_not_known() -> None:
    advice = StrugglePrediction(intervention=Intervention.TUTOR_PROMPT)
    for probability, expected in ((None, "TUTOR_PROMPT"), (0.5, "TUTOR_PROMPT"), (0.4, "NONE")):
        said = replace(advice, probability=probability)
        assert rendered(known((said, 0.9))).parameters[Feature.MISSION_INTERVENTION].value == expected
    gently = rendered(known((advice, 0.9)), Variant.CONSERVATIVE).parameters
    assert gently[Feature.MISSION_INTERVENTION].value == "WORKED_EXAMPLES"


@pytest.mark.parametrize(
    ("probability", "expected"), [(0.9, "PREREQUISITE_REVIEW"), (0.6, "WORKED_EXAMPLES"), (0.5, "NONE")]
)
def test_without_advice_help_is_chosen_by_how_likely_trouble_is(probability: float, expected: str) -> None:
    said = StrugglePrediction(probability=probability)
    assert rendered(known((said, 0.9))).parameters[Feature.MISSION_INTERVENTION].value == expected


def test_rising_load_slows_down_before_it_is_too_much() -> None:
    said = known((CognitiveLoad(load=60, load_tolerance=70, trend=Trend.RISING), 0.9))
    moved = rendered(said, context=Context.SESSION).parameters
    assert (moved[Feature.SESSION_INTENSITY].value, moved[Feature.SESSION_BREAK_TIMING].value) == (0.9, 20)


def test_much_room_left_stretches() -> None:
    moved = rendered(known((RESTED, 0.9))).parameters
    assert moved[Feature.MISSION_DIFFICULTY].value == 4


def test_hours_of_several_insights_are_put_together_and_gently_only_the_first_is_kept() -> None:
    both = known((VISUAL, 0.9), (PLANNED, 0.9))
    assert rendered(both, Variant.PATTERN_HEAVY).parameters[Feature.MISSION_TIMING].value == (7, 16, 17)
    assert rendered(both, Variant.CONSERVATIVE).parameters[Feature.MISSION_TIMING].value == (17,)


# -- of any learner ------------------------------------------------------------------------------------------

shares = some.none() | some.floats(0, 1)


@some.composite
def insights(draw: some.DrawFn) -> Insights:
    """Give anything that can be known of a learner, by any subset of the kinds."""
    made: dict[str, Any] = {}
    for kind, payload in PAYLOADS.items():
        if draw(some.booleans()):
            value = draw(some.builds(payload, **{field.name: FIELDS[field.name] for field in fields(payload)}))
            lapses = Millis(NOW + draw(some.sampled_from([-1, 0, 1, 5])))
            made[kind.value.lower()] = Held(value, Millis(NOW - 5), lapses, draw(some.floats(0, 1)), EventKey("k"))
    return Insights(**made)


FIELDS = {
    "preferred_study_times": some.lists(some.integers(0, 23), min_size=1, max_size=3).map(tuple),
    "optimal_session_duration": some.none() | some.floats(1, 480),
    "learning_style_profile": some.none() | some.just(VISUAL.learning_style_profile),
    "personalized_forgetting_curve": some.none() | some.floats(0.01, 3_660),
    "topic": some.just("x"),
    "probability": shares,
    "indicators": some.none(),
    "intervention": some.none() | some.sampled_from(Intervention),
    "horizon": some.none() | some.floats(0, 366),
    "recommended_start": some.integers(0, 23),
    "attention_cycle_minutes": some.none() | some.floats(1, 480),
    "break_minutes": some.none(),
    "content_sequence": some.none() | some.just(PLANNED.content_sequence),
    "load": some.floats(0, 100),
    "load_tolerance": some.none() | some.floats(0, 100),
    "trend": some.none() | some.sampled_from(Trend),
    "burnout_risk": shares,
    "completion_rate": some.floats(0, 1),
    "best_difficulty": some.none() | some.integers(1, 5),
    "best_duration": some.none() | some.floats(1, 480),
}
everybody = given(
    insights=insights(),
    variant=some.sampled_from(Variant),
    context=some.sampled_from(Context),
    level=some.sampled_from([Level.LOW, Level.MEDIUM, Level.HIGH]),
    disabled=some.lists(some.sampled_from(Feature), max_size=3),
)


@everybody
def test_every_parameter_is_one_that_may_be_and_says_why(
    insights: Insights, variant: Variant, context: Context, level: Level, disabled: list[Feature]
) -> None:
    preferences = Preferences(level=level, disabled_features=tuple(disabled))
    parameters, lapses = render(context, variant, preferences, 0.7, insights, NOW)
    assert tuple(parameters) == OF_CONTEXT[context]
    assert lapses > NOW
    for feature, parameter in parameters.items():
        default = DEFAULTS[feature]
        assert may_be(feature, parameter.value)
        assert (parameter.because == "DISABLED") == (feature in disabled)
        if isinstance(parameter.because, Because):
            held = insights[list(InsightKind).index(parameter.because.kind)]
            assert held is not None
            assert held.lapses_at > NOW
            assert parameter.because[1:] == (held.observed_at, held.confidence)
            assert held.confidence >= 0.7
            assert LEANS[variant][parameter.because.kind] > 0
            assert parameter.value != default
        elif parameter.because != "CAPPED_BY_LOAD":
            assert parameter.value == default


def may_be(feature: Feature, value: object) -> bool:
    match SCALES[feature]:
        case Number(low=low, high=high) as scale:
            whole = isinstance(value, int) == (scale.unit >= 1)
            return whole and isinstance(value, int | float) and low <= value <= high
        case Words(words=words):
            return value in words
        case Weights(names=names):
            assert isinstance(value, dict)
            return tuple(value) == names and abs(sum(value.values()) - 1) < 1e-9 and min(value.values()) >= 0.1
        case Hours():
            return value is None or (isinstance(value, tuple) and 0 < len(value) <= 3 and list(value) == sorted(value))


@everybody
def test_the_gentle_go_one_step_from_the_default_at_most(
    insights: Insights, variant: Variant, context: Context, level: Level, disabled: list[Feature]
) -> None:
    gentle = (Variant.CONSERVATIVE, level) if variant is Variant.CONSERVATIVE else (variant, Level.LOW)
    preferences = Preferences(level=gentle[1], disabled_features=tuple(disabled))
    for feature, parameter in render(context, gentle[0], preferences, 0.6, insights, NOW).parameters.items():
        match SCALES[feature]:
            case Number(default=default, step=step):
                assert isinstance(parameter.value, int | float)
                assert abs(parameter.value - default) <= step + 1e-9
            case Words(gentler=gentler):
                assert parameter.value not in gentler
            case Weights(equal=equal, step=step):
                assert isinstance(parameter.value, dict)
                assert all(abs(part - equal) <= step + 1e-9 for part in parameter.value.values())
            case Hours():
                assert parameter.value is None or (isinstance(parameter.value, tuple) and len(parameter.value) == 1)


@everybody
def test_load_above_tolerance_caps_intensity_and_difficulty_in_every_variant(
    insights: Insights, variant: Variant, context: Context, level: Level, disabled: list[Feature]
) -> None:
    over = insights._replace(cognitive_load=known((TIRED, 0.9)).cognitive_load)
    far = insights._replace(cognitive_load=known((OVERLOADED, 0.9)).cognitive_load)
    preferences = Preferences(level=level, disabled_features=tuple(disabled))
    for known_load, limits in ((over, (3, 1.0)), (far, (2, 0.8))):
        for feature, parameter in render(context, variant, preferences, 0.6, known_load, NOW).parameters.items():
            if feature in (Feature.MISSION_DIFFICULTY, Feature.ASSESSMENT_DIFFICULTY, Feature.SESSION_INTENSITY):
                assert isinstance(parameter.value, int | float)
                limit = limits[feature is Feature.SESSION_INTENSITY]
                assert parameter.value <= limit or parameter.because == "DISABLED"


# -- the tables ----------------------------------------------------------------------------------------------


def test_every_feature_has_a_scale_and_rules_and_every_rule_a_reason() -> None:
    assert tuple(SCALES) == tuple(Feature)
    assert {rule.feature for rule in RULES} == set(Feature)
    assert all(rule.why.endswith(".") for rule in RULES)
    assert all(list(leans) == list(dict.fromkeys(leans)) and set(leans) == set(InsightKind) for leans in LEANS.values())


def test_every_rule_reads_what_its_insight_may_say() -> None:
    for rule in RULES:
        names = {field.name for field in fields(PAYLOADS[rule.kind])}
        assert rule.reads in names | READINGS.keys()


def test_rules_of_one_feature_stand_together() -> None:
    order = [rule.feature for rule in RULES]
    assert list(dict.fromkeys(order)) == [f for f in Feature if f in order]
    assert order == sorted(order, key=list(Feature).index)


def test_no_cap_is_lower_than_one_step_below_the_default() -> None:
    for cap in CAPS:
        scale = SCALES[cap.feature]
        assert isinstance(scale, Number)
        assert all(band.target >= scale.default - scale.step for band in cap.bands.bands)


def test_the_weak_are_eased_by_what_is_known_of_their_missions() -> None:
    moved = rendered(known((WEAK, 0.9)), Variant.PATTERN_HEAVY).parameters
    assert [moved[feature].value for feature in OF_CONTEXT[Context.MISSION]] == [None, 25, 2, 2, "SHORTER_MISSION"]
