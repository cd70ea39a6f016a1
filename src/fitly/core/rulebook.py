"""Which insight suggests what for which parameter, and how much each variant listens: the rules, as data.

Knows every rule with the reason a teacher would give for it; the page ``docs/parameters.md`` is made from these tables.
Must never know how suggestions become a value (`scales`) or when an insight counts (`parameters`).
"""

from __future__ import annotations

from math import ceil
from typing import Any, Final, NamedTuple, TypeAlias

from fitly.core.insights import CognitiveLoad, StrugglePrediction
from fitly.core.scales import STYLES
from fitly.core.vocabulary import Feature, InsightKind, Trend, Variant

PROFILE: Final = InsightKind.LEARNING_PROFILE
STRUGGLE: Final = InsightKind.STRUGGLE_PREDICTION
ORCHESTRATION: Final = InsightKind.SESSION_ORCHESTRATION
LOAD: Final = InsightKind.COGNITIVE_LOAD
MISSIONS: Final = InsightKind.MISSION_ANALYTICS

SOON: Final = 14
"""Days within which trouble is expected for it to be acted on; a prediction without a horizon is taken for near."""
LIKELY: Final = 0.5
"""Probability from which an intervention that comes with a prediction is followed."""
VARIETY: Final = 0.1
"""Share that each style or type keeps whatever a profile says: nobody learns by one kind alone."""

LEANS: Final[dict[Variant, dict[InsightKind, float]]] = {
    Variant.PATTERN_HEAVY: {PROFILE: 1, MISSIONS: 1, ORCHESTRATION: 1, STRUGGLE: 0, LOAD: 0},
    Variant.PREDICTION_HEAVY: {PROFILE: 0, MISSIONS: 0, ORCHESTRATION: 1, STRUGGLE: 1, LOAD: 1},
    Variant.BALANCED: {PROFILE: 0.5, MISSIONS: 0.5, ORCHESTRATION: 1, STRUGGLE: 0.5, LOAD: 0.5},
    Variant.CONSERVATIVE: {PROFILE: 1, MISSIONS: 1, ORCHESTRATION: 1, STRUGGLE: 1, LOAD: 1},
}
"""How much each variant listens to each kind: 0 not at all, 1 fully."""
GENTLE: Final = Variant.CONSERVATIVE
"""The variant that goes one step from the default and no further."""


class Band(NamedTuple):
    """What is suggested from one figure up to, and without, another; None for no bound."""

    start: float | None
    below: float | None
    target: Any


class Bands(NamedTuple):
    """A figure is looked up in bands; outside of all, nothing is suggested."""

    bands: tuple[Band, ...]

    def suggest(self, figure: Any) -> Any:  # noqa: ANN401 - a parameter's value
        """Give the target of the first band that holds the figure."""
        for start, below, target in self.bands:
            if (start is None or figure >= start) and (below is None or figure < below):
                return target
        return None


class AsSaid(NamedTuple):
    """What the insight says is what is suggested."""

    def suggest(self, said: Any) -> Any:  # noqa: ANN401
        """Give it back; one hour as several."""
        return said


class Spread(NamedTuple):
    """A profile of styles, in proportion, over other names; each keeps the share of variety."""

    over: dict[str, str]

    def suggest(self, profile: Any) -> dict[str, float]:  # noqa: ANN401
        """Give the shares of the names."""
        liked = [getattr(profile, style.lower()) for style in STYLES]
        free, total = 1 - VARIETY * len(STYLES), sum(liked)
        return {self.over[style]: VARIETY + free * part / total for style, part in zip(STYLES, liked, strict=True)}


Gives: TypeAlias = Bands | AsSaid | Spread


class Rule(NamedTuple):
    """One line of the tables: of one kind of insight, the first line of a feature that says something counts.

    ``reads`` is a field of the insight, or one of `READINGS`.
    """

    feature: Feature
    kind: InsightKind
    reads: str
    gives: Gives
    why: str

    def suggest(self, payload: Any) -> Any:  # noqa: ANN401 - one of the five in, a parameter's value out
        """Give what the insight suggests for the feature; None for nothing."""
        reading = READINGS.get(self.reads)
        figure = getattr(payload, self.reads) if reading is None else reading(payload)
        return None if figure is None else self.gives.suggest(figure)


def near_probability(said: StrugglePrediction) -> float | None:
    """Probability of trouble, where it is expected within 14 days or no horizon is given."""
    return said.probability if said.horizon is None or said.horizon <= SOON else None


def near_intervention(said: StrugglePrediction) -> str | None:
    """The intervention advised, where trouble is near and at least as likely as not (or its probability not given)."""
    if said.intervention is None or (said.horizon is not None and said.horizon > SOON):
        return None
    return said.intervention.value if said.probability is None or said.probability >= LIKELY else None


def load_over_tolerance(said: CognitiveLoad) -> int | None:
    """Points of load above what the learner tolerates, rounded up; negative for room that is left."""
    return None if said.load is None or said.load_tolerance is None else ceil(said.load - said.load_tolerance)


def rising(said: CognitiveLoad) -> int | None:
    """1 where load is rising, 0 where it is not."""
    return None if said.trend is None else int(said.trend is Trend.RISING)


def start_hours(said: Any) -> tuple[int, ...] | None:  # noqa: ANN401 - a session's orchestration
    """The recommended local start hour."""
    return None if said.recommended_start is None else (said.recommended_start,)


def sequence(said: Any) -> str | None:  # noqa: ANN401 - a session's orchestration
    """The recommended order of contents."""
    return None if said.content_sequence is None else said.content_sequence.value


READINGS: Final[dict[str, Any]] = {
    read.__name__: read
    for read in (near_probability, near_intervention, load_over_tolerance, rising, start_hours, sequence)
}
"""What is read where a field by itself would not do; each says what it is."""


class Cap(NamedTuple):
    """How high a feature may go at most under a load above tolerance, in every variant."""

    feature: Feature
    bands: Bands


_OVER, _FAR_OVER, _ROOM = 1, 20, -40
_EASE: Final = Bands((Band(_OVER, None, 2),))
_STRETCH: Final = Bands((Band(None, _ROOM + 1, 4),))
_EXPECTED: Final = Bands((Band(0.6, None, 2), Band(None, 0.15, 4)))
_DIFFICULTY_CAP: Final = Bands((Band(_OVER, _FAR_OVER, 3), Band(_FAR_OVER, None, 2)))

CAPS: Final = (
    Cap(Feature.MISSION_DIFFICULTY, _DIFFICULTY_CAP),
    Cap(Feature.ASSESSMENT_DIFFICULTY, _DIFFICULTY_CAP),
    Cap(Feature.SESSION_INTENSITY, Bands((Band(_OVER, _FAR_OVER, 1.0), Band(_FAR_OVER, None, 0.8)))),
    Cap(Feature.MISSION_DURATION, Bands((Band(_FAR_OVER, None, 45),))),
    Cap(Feature.MISSION_OBJECTIVES, Bands((Band(_FAR_OVER, None, 3),))),
    Cap(Feature.ASSESSMENT_FREQUENCY, Bands((Band(_FAR_OVER, None, 3),))),
)
"""No cap is lower than one step below the default: so it holds under the gentlest rules as well."""


def _likely(target: Any) -> Bands:  # noqa: ANN401 - a parameter's value
    return Bands((Band(0.6, None, target),))


def _quick_to_forget(target: Any) -> Bands:  # noqa: ANN401
    return Bands((Band(None, 5, target),))


def _types(text: float, video: float, interactive: float, audio: float) -> dict[str, float]:
    return {"TEXT": text, "VIDEO": video, "INTERACTIVE": interactive, "AUDIO": audio}


def _questions(recall: float, comprehension: float, application: float, analysis: float) -> dict[str, float]:
    return {"RECALL": recall, "COMPREHENSION": comprehension, "APPLICATION": application, "ANALYSIS": analysis}


_F: Final = Feature
RULES: Final = (
    Rule(_F.MISSION_TIMING, PROFILE, "preferred_study_times", AsSaid(),
         "A habit makes it easier to begin."),
    Rule(_F.MISSION_TIMING, ORCHESTRATION, "start_hours", AsSaid(),
         "The plan knows the day; a habit does not."),
    Rule(_F.MISSION_DURATION, PROFILE, "optimal_session_duration", AsSaid(),
         "A mission that fits one good sitting is finished in it."),
    Rule(_F.MISSION_DURATION, MISSIONS, "best_duration", AsSaid(),
         "What went well before is the best guess of what will."),
    Rule(_F.MISSION_DURATION, STRUGGLE, "near_probability", _likely(30),
         "Where trouble is expected, a shorter mission leaves room for help."),
    Rule(_F.MISSION_DURATION, LOAD, "load_over_tolerance", Bands((Band(_OVER, None, 30),)),
         "Too much load: less at a time."),
    Rule(_F.MISSION_DURATION, LOAD, "burnout_risk", _likely(30),
         "Who may burn out needs ends in sight."),
    Rule(_F.MISSION_OBJECTIVES, MISSIONS, "completion_rate", Bands((Band(None, 0.5, 2), Band(0.9, None, 4))),
         "Who finishes nearly everything can take one more; who finishes less than half gets one less."),
    Rule(_F.MISSION_OBJECTIVES, STRUGGLE, "near_probability", _likely(2),
         "Fewer things at once where one of them will be hard."),
    Rule(_F.MISSION_OBJECTIVES, LOAD, "load_over_tolerance", Bands((Band(_FAR_OVER, None, 1), Band(_OVER, None, 2))),
         "Each objective is something to hold in mind."),
    Rule(_F.MISSION_DIFFICULTY, MISSIONS, "best_difficulty", AsSaid(),
         "The level at which missions went best."),
    Rule(_F.MISSION_DIFFICULTY, STRUGGLE, "near_probability", _EXPECTED,
         "Ease before the struggle, not after it; where none is in sight, stretch."),
    Rule(_F.MISSION_DIFFICULTY, LOAD, "load_over_tolerance", _EASE,
         "What is hard already must not be made harder."),
    Rule(_F.MISSION_DIFFICULTY, LOAD, "load_over_tolerance", _STRETCH,
         "Much room left: boredom is a load of its own."),
    Rule(_F.MISSION_INTERVENTION, STRUGGLE, "near_intervention", AsSaid(),
         "Whoever predicts the struggle knows best what would help."),
    Rule(_F.MISSION_INTERVENTION, STRUGGLE, "near_probability",
         Bands((Band(0.8, None, "PREREQUISITE_REVIEW"), Band(0.6, None, "WORKED_EXAMPLES"))),
         "Without advice: examples first, and what comes before the topic where trouble is nearly sure."),
    Rule(_F.MISSION_INTERVENTION, LOAD, "burnout_risk", _likely("SHORTER_MISSION"),
         "Rest is the intervention."),
    Rule(_F.MISSION_INTERVENTION, MISSIONS, "completion_rate", Bands((Band(None, 0.4, "SHORTER_MISSION"),)),
         "Missions that are not finished are too long."),
    Rule(_F.CONTENT_TYPES, PROFILE, "learning_style_profile",
         Spread(dict(zip(STYLES, ("VIDEO", "AUDIO", "TEXT", "INTERACTIVE"), strict=True))),
         "More of what the learner takes up gladly, and some of everything."),
    Rule(_F.CONTENT_TYPES, STRUGGLE, "near_probability", _likely(_types(0.2, 0.3, 0.4, 0.1)),
         "Doing and watching it done help most with what is hard."),
    Rule(_F.CONTENT_TYPES, LOAD, "load_over_tolerance", Bands((Band(_OVER, None, _types(0.15, 0.4, 0.15, 0.3)),)),
         "Lighter to follow."),
    Rule(_F.CONTENT_LEARNING_STYLE, PROFILE, "learning_style_profile", Spread(dict(zip(STYLES, STYLES, strict=True))),
         "The learner's own profile, and some of everything."),
    Rule(_F.CONTENT_TOPIC_SELECTION, STRUGGLE, "near_probability", _likely("WEAKNESS_FIRST"),
         "Where trouble is near, its topic cannot wait."),
    Rule(_F.CONTENT_TOPIC_SELECTION, PROFILE, "personalized_forgetting_curve", _quick_to_forget("SPACED_REVIEW"),
         "Who forgets within days must meet things again."),
    Rule(_F.ASSESSMENT_FREQUENCY, PROFILE, "personalized_forgetting_curve",
         Bands((Band(None, 2, 5), Band(2, 5, 4), Band(21, None, 2))),
         "To be asked is to remember: the sooner one forgets, the more often."),
    Rule(_F.ASSESSMENT_FREQUENCY, STRUGGLE, "near_probability", _likely(5),
         "Short checks show early whether help works."),
    Rule(_F.ASSESSMENT_FREQUENCY, LOAD, "load_over_tolerance", _EASE,
         "Tests are a load."),
    Rule(_F.ASSESSMENT_DIFFICULTY, MISSIONS, "best_difficulty", AsSaid(),
         "Ask at the level at which the learner works best."),
    Rule(_F.ASSESSMENT_DIFFICULTY, STRUGGLE, "near_probability", _EXPECTED,
         "Questions that can be answered build the way to those that cannot yet."),
    Rule(_F.ASSESSMENT_DIFFICULTY, LOAD, "load_over_tolerance", _EASE,
         "What is hard already must not be made harder."),
    Rule(_F.ASSESSMENT_DIFFICULTY, LOAD, "load_over_tolerance", _STRETCH,
         "Much room left: ask for more."),
    Rule(_F.ASSESSMENT_QUESTION_TYPES, MISSIONS, "best_difficulty",
         Bands((Band(None, 3, _questions(0.35, 0.3, 0.2, 0.15)), Band(4, None, _questions(0.15, 0.2, 0.35, 0.3)))),
         "From knowing to using, as the learner's level rises."),
    Rule(_F.ASSESSMENT_QUESTION_TYPES, PROFILE, "personalized_forgetting_curve",
         _quick_to_forget(_questions(0.4, 0.25, 0.2, 0.15)),
         "Recall is what a short memory needs to practise."),
    Rule(_F.ASSESSMENT_QUESTION_TYPES, STRUGGLE, "near_probability", _likely(_questions(0.3, 0.4, 0.2, 0.1)),
         "First find out what was misunderstood."),
    Rule(_F.ASSESSMENT_QUESTION_TYPES, LOAD, "load_over_tolerance",
         Bands((Band(_OVER, None, _questions(0.35, 0.35, 0.2, 0.1)),)),
         "Questions that hold less in mind at once."),
    Rule(_F.SESSION_BREAK_TIMING, ORCHESTRATION, "attention_cycle_minutes", AsSaid(),
         "A break when attention ends."),
    Rule(_F.SESSION_BREAK_TIMING, PROFILE, "optimal_session_duration", Bands((Band(None, 20, 15), Band(60, None, 30))),
         "Who works in short sittings rests often; who works in long ones would be disturbed."),
    Rule(_F.SESSION_BREAK_TIMING, LOAD, "load_over_tolerance", Bands((Band(_OVER, None, 15),)),
         "Too much load: rest oftener."),
    Rule(_F.SESSION_BREAK_TIMING, LOAD, "burnout_risk", _likely(15),
         "Rest is the intervention."),
    Rule(_F.SESSION_BREAK_TIMING, LOAD, "rising", Bands((Band(1, None, 20),)),
         "A break before it is too much."),
    Rule(_F.SESSION_CONTENT_SEQUENCE, ORCHESTRATION, "sequence", AsSaid(),
         "The plan of the session says so."),
    Rule(_F.SESSION_CONTENT_SEQUENCE, PROFILE, "personalized_forgetting_curve", _quick_to_forget("SPACED"),
         "What is forgotten soon is spaced."),
    Rule(_F.SESSION_CONTENT_SEQUENCE, STRUGGLE, "near_probability", _likely("WARM_UP_FIRST"),
         "Begin with what succeeds."),
    Rule(_F.SESSION_INTENSITY, MISSIONS, "completion_rate", Bands((Band(None, 0.5, 0.8), Band(0.9, None, 1.2))),
         "Who finishes everything can go faster; who does not, slower."),
    Rule(_F.SESSION_INTENSITY, STRUGGLE, "near_probability", _likely(0.8),
         "Slow down before the hard part."),
    Rule(_F.SESSION_INTENSITY, LOAD, "load_over_tolerance",
         Bands((Band(_FAR_OVER, None, 0.6), Band(_OVER, None, 0.8))),
         "Too much load: slow down, and the more the further above."),
    Rule(_F.SESSION_INTENSITY, LOAD, "burnout_risk", _likely(0.8),
         "Rest is the intervention."),
    Rule(_F.SESSION_INTENSITY, LOAD, "rising", Bands((Band(1, None, 0.9),)),
         "Slow down before it is too much."),
    Rule(_F.SESSION_INTENSITY, LOAD, "load_over_tolerance", Bands((Band(None, _ROOM + 1, 1.2),)),
         "Much room left: a brisker pace keeps awake."),
)  # fmt: skip
"""Every rule, by feature; within a feature in the order in which equals are preferred."""
