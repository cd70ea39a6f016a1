"""A dozen learners such as teachers know them: what is known of each, and who they are."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from fitly.core.decisions import Because, ParameterValue
from fitly.core.insights import (
    PAYLOADS,
    CognitiveLoad,
    Held,
    Insights,
    LearningProfile,
    MissionAnalytics,
    SessionOrchestration,
    StrugglePrediction,
    StyleProfile,
)
from fitly.core.learner import Preferences
from fitly.core.names import EventKey
from fitly.core.numbers import DAY, Millis
from fitly.core.parameters import render
from fitly.core.vocabulary import ContentSequence, Context, Feature, Intervention, Level, Trend, Variant

NOW: Final = Millis(20_000 * DAY)


class Pupil(NamedTuple):
    """One learner, and the decision they stand under."""

    variant: Variant
    context: Context
    insights: Insights
    preferences: Preferences = Preferences()


def known(*said: tuple[Any, float]) -> Insights:
    """Give insights of an hour ago, each with its confidence."""
    kinds = {payload: kind for kind, payload in PAYLOADS.items()}
    found: dict[str, Any] = {}
    for payload, confidence in said:
        name = kinds[type(payload)].value.lower()
        found[name] = Held(payload, Millis(NOW - 3_600_000), Millis(NOW + 7 * DAY), confidence, EventKey(name))
    return Insights(**found)


OVERLOADED: Final = CognitiveLoad(load=92, load_tolerance=65, trend=Trend.RISING, burnout_risk=0.7)
TIRED: Final = CognitiveLoad(load=72, load_tolerance=65, trend=Trend.STEADY)
RESTED: Final = CognitiveLoad(load=20, load_tolerance=75, trend=Trend.STEADY, burnout_risk=0.05)
STRONG: Final = MissionAnalytics(completion_rate=0.96, best_difficulty=5, best_duration=75)
WEAK: Final = MissionAnalytics(completion_rate=0.35, best_difficulty=2, best_duration=25)
FRACTIONS: Final = StrugglePrediction(
    topic="fractions", probability=0.85, intervention=Intervention.PREREQUISITE_REVIEW, horizon=5
)
VISUAL: Final = LearningProfile(
    preferred_study_times=(17, 7),
    optimal_session_duration=30,
    learning_style_profile=StyleProfile(visual=0.7, reading=0.3),
    personalized_forgetting_curve=3,
)
STEADY: Final = LearningProfile(
    preferred_study_times=(9,),
    optimal_session_duration=60,
    learning_style_profile=StyleProfile(visual=0.25, auditory=0.25, reading=0.25, kinesthetic=0.25),
    personalized_forgetting_curve=30,
)
PLANNED: Final = SessionOrchestration(
    recommended_start=16, attention_cycle_minutes=18, break_minutes=5, content_sequence=ContentSequence.INTERLEAVED
)

DOZEN: Final = {
    "Ada: finishes everything at the highest level, plenty of room": Pupil(
        Variant.PATTERN_HEAVY, Context.MISSION, known((STRONG, 0.9), (STEADY, 0.85), (RESTED, 0.8))
    ),
    "Bela: as good as Ada, and close to burning out": Pupil(
        Variant.PATTERN_HEAVY, Context.MISSION, known((STRONG, 0.9), (OVERLOADED, 0.8))
    ),
    "Chen: fractions will be trouble next week, tired": Pupil(
        Variant.PREDICTION_HEAVY, Context.MISSION, known((FRACTIONS, 0.8), (TIRED, 0.75), (WEAK, 0.9))
    ),
    "Dana: strong so far, yet trouble is predicted": Pupil(
        Variant.BALANCED, Context.MISSION, known((STRONG, 0.9), (FRACTIONS, 0.8))
    ),
    "Emre: the same as Ada, treated gently": Pupil(
        Variant.CONSERVATIVE, Context.MISSION, known((STRONG, 0.9), (STEADY, 0.85), (RESTED, 0.8))
    ),
    "Finn: level LOW, close to burning out": Pupil(
        Variant.PREDICTION_HEAVY,
        Context.SESSION,
        known((OVERLOADED, 0.9), (PLANNED, 0.8)),
        Preferences(level=Level.LOW),
    ),
    "Gita: likes pictures, forgets within days": Pupil(
        Variant.PATTERN_HEAVY, Context.CONTENT, known((VISUAL, 0.8), (FRACTIONS, 0.9))
    ),
    "Hana: the same as Gita, for whom trouble counts": Pupil(
        Variant.BALANCED, Context.CONTENT, known((VISUAL, 0.8), (FRACTIONS, 0.9))
    ),
    "Ivo: forgets within days and works at level 5": Pupil(
        Variant.PATTERN_HEAVY, Context.ASSESSMENT, known((VISUAL, 0.8), (STRONG, 0.9))
    ),
    "Jo: trouble is near, and only half believed": Pupil(
        Variant.PREDICTION_HEAVY, Context.ASSESSMENT, known((FRACTIONS, 0.55), (TIRED, 0.9))
    ),
    "Kim: a planned session, wants no say in breaks": Pupil(
        Variant.BALANCED,
        Context.SESSION,
        known((PLANNED, 0.9), (STRONG, 0.8), (TIRED, 0.9)),
        Preferences(disabled_features=(Feature.SESSION_BREAK_TIMING,)),
    ),
    "Lea: new here, nothing is known": Pupil(Variant.BALANCED, Context.SESSION, known()),
}


def shown(pupil: Pupil) -> dict[str, str]:
    """Render a pupil's parameters as a line each: value, and what moved it."""
    threshold = {Level.LOW: 0.85, Level.MEDIUM: 0.7, Level.HIGH: 0.6}[pupil.preferences.level]
    rendered = render(pupil.context, pupil.variant, pupil.preferences, threshold, pupil.insights, NOW)
    return {
        feature.value.partition(".")[2]: f"{_brief(parameter.value)} {_why(parameter.because)}"
        for feature, parameter in rendered.parameters.items()
    }


def _brief(value: ParameterValue) -> str:
    if isinstance(value, dict):
        return "/".join(f"{round(part * 100)}" for part in value.values())
    return "+".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _why(because: str | Because) -> str:
    return because if isinstance(because, str) else f"{because.kind.value} {because.confidence}"
