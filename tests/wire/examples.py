"""One example of every event that comes in, and what must be refused of it."""

from __future__ import annotations

from typing import Any, TypeAlias

Data: TypeAlias = dict[str, Any]

DECISION = "6f1c7d1e-9a0b-5f57-8d0c-5b1f0d3e7a21"

EXAMPLES: dict[str, list[Data]] = {
    "fitly.outcome.recorded.v1": [
        {"outcome_type": "MISSION_COMPLETED", "context": "MISSION", "retention_score": 0.5},
        {
            "outcome_type": "ASSESSMENT_COMPLETED",
            "context": "ASSESSMENT",
            "retention_score": 0.25,
            "performance_score": 1,
            "completion_rate": 0,
            "engagement_score": 0.75,
            "session_duration": 12.5,
            "content_type": "VIDEO",
            "difficulty_level": 5,
            "personalization_applied": True,
            "strategy_variant": "Pattern-heavy",
            "decision_id": DECISION,
        },
        {
            "outcome_type": "SESSION_COMPLETED",
            "context": "SESSION",
            "engagement_score": 1.0,
            "retention_score": None,
            "strategy_variant": "CONSERVATIVE",
        },
    ],
    "fitly.outcome.corrected.v1": [
        {"context": "MISSION", "outcome_source": "lms", "outcome_id": "o", "performance_score": 0.5},
        {"context": "MISSION", "outcome_source": "lms", "outcome_id": "o", "withdrawn": True},
        {"context": "MISSION", "outcome_source": "lms", "outcome_id": "o", "withdrawn": False, "completion_rate": 1},
    ],
    "fitly.strategy.requested.v1": [{"context": "CONTENT"}],
    "fitly.decision.applied.v1": [
        {"decision_id": DECISION, "applied": True},
        {"decision_id": DECISION, "applied": False, "reason": "the learner was offline"},
    ],
    "fitly.preferences.changed.v1": [
        {},
        {
            "level": "HIGH",
            "auto_adapt_enabled": False,
            "mission_enabled": True,
            "content_enabled": False,
            "assessment_enabled": True,
            "session_enabled": False,
            "disabled_features": ["mission.timing", "session.break_timing"],
            "consent": True,
            "acted_by": "guardian-7",
        },
    ],
    "fitly.preferences.reset.v1": [{}, {"scope": "BOTH", "consent": False, "acted_by": "staff"}],
    "fitly.insight.observed.v1": [
        {
            "kind": "LEARNING_PROFILE",
            "confidence": 0.9,
            "payload": {
                "preferred_study_times": [19, 7],
                "optimal_session_duration": 50,
                "learning_style_profile": {"visual": 0.6, "reading": 0.4},
                "personalized_forgetting_curve": 4.5,
            },
        },
        {
            "kind": "STRUGGLE_PREDICTION",
            "confidence": 0,
            "valid_until": "2026-03-09T08:00:00+01:00",
            "observed_at": "2026-03-02T07:30:00+01:00",
            "payload": {
                "topic": "fractions",
                "probability": 0.8,
                "indicators": ["errors repeat", "long pauses"],
                "intervention": "WORKED_EXAMPLES",
                "horizon": 7,
            },
        },
        {
            "kind": "SESSION_ORCHESTRATION",
            "confidence": 1,
            "payload": {
                "recommended_start": 0,
                "attention_cycle_minutes": 20,
                "break_minutes": 5,
                "content_sequence": "INTERLEAVED",
            },
        },
        {
            "kind": "COGNITIVE_LOAD",
            "confidence": 0.75,
            "valid_until": None,
            "payload": {"load": 82.5, "load_tolerance": 70, "trend": "RISING", "burnout_risk": 0.25},
        },
        {"kind": "COGNITIVE_LOAD", "confidence": 0.75, "payload": {"load": 0, "trend": None}},
        {
            "kind": "MISSION_ANALYTICS",
            "confidence": 0.75,
            "payload": {"completion_rate": 0.85, "best_difficulty": 4, "best_duration": 35.5},
        },
    ],
    "fitly.learner.attributes.v1": [
        {"groups": {"class": "7b", "school": None}},
        {"attributes": {"test": "true", "experiment:spaced-review": "treatment"}, "groups": {}},
        {
            "groups": {"school": "\u00c9cole 3"},
            "attributes": {"language": "fr"},
            "valid_until": "2026-07-31T00:00:00+02:00",
        },
    ],
    "fitly.learner.erased.v1": [{}, {"acted_by": "guardian-7", "reason": "left the school"}],
}

OUTCOME = EXAMPLES["fitly.outcome.recorded.v1"][0]
CORRECTION = EXAMPLES["fitly.outcome.corrected.v1"][0]
APPLIED = EXAMPLES["fitly.decision.applied.v1"][0]
PROFILE, STRUGGLE, ORCHESTRATION, LOAD, _, MISSIONS = EXAMPLES["fitly.insight.observed.v1"]


def saying(example: Data, **payload: object) -> Data:
    """An insight of an example's kind that says something else."""
    return {**example, "payload": payload}


REFUSED: list[tuple[str, Data, str]] = [
    ("fitly.learner.attributes.v1", {}, "SCHEMA"),
    ("fitly.learner.attributes.v1", {"groups": {}, "attributes": {}}, "SCHEMA"),
    ("fitly.learner.attributes.v1", {"groups": {"class": "7|b"}}, "SCHEMA"),
    ("fitly.learner.attributes.v1", {"groups": {"a|b": "c"}}, "SCHEMA"),
    ("fitly.learner.attributes.v1", {"groups": {"class": ""}}, "SCHEMA"),
    ("fitly.learner.attributes.v1", {"attributes": {"test": True}}, "SCHEMA"),
    ("fitly.learner.attributes.v1", {"attributes": {"x": "y" * 201}}, "SCHEMA"),
    ("fitly.learner.attributes.v1", {"attributes": {f"x{n}": "y" for n in range(33)}}, "SCHEMA"),
    ("fitly.learner.attributes.v1", {"attributes": {"x": "y"}, "valid_until": "2026-03-02"}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {"outcome_type": "MISSION_COMPLETED", "context": "MISSION"}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "retention_score": None}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "retention_score": 1.01}, "OUT_OF_RANGE"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "retention_score": -0.01}, "OUT_OF_RANGE"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "retention_score": "0.5"}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "retention_score": True}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "context": "mission"}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "outcome_type": "WON"}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "difficulty_level": 6}, "OUT_OF_RANGE"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "difficulty_level": 0}, "OUT_OF_RANGE"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "difficulty_level": 2.5}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "session_duration": 10_081}, "OUT_OF_RANGE"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "content_type": ""}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "content_type": "x" * 201}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "strategy_variant": "pattern heavy"}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "decision_id": "1"}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {**OUTCOME, "score": 0.5}, "SCHEMA"),
    ("fitly.outcome.recorded.v1", {"outcome_type": "MISSION_COMPLETED", "retention_score": 0.5}, "SCHEMA"),
    ("fitly.outcome.corrected.v1", {**CORRECTION, "withdrawn": True}, "SCHEMA"),
    ("fitly.outcome.corrected.v1", {"context": "MISSION", "outcome_source": "lms", "outcome_id": "o"}, "SCHEMA"),
    ("fitly.outcome.corrected.v1", {**CORRECTION, "outcome_id": ""}, "SCHEMA"),
    ("fitly.strategy.requested.v1", {}, "SCHEMA"),
    ("fitly.strategy.requested.v1", {"context": None}, "SCHEMA"),
    ("fitly.decision.applied.v1", {"decision_id": DECISION}, "SCHEMA"),
    ("fitly.decision.applied.v1", {**APPLIED, "applied": "yes"}, "SCHEMA"),
    ("fitly.decision.applied.v1", {**APPLIED, "applied": 1}, "SCHEMA"),
    ("fitly.preferences.changed.v1", {"level": "MAXIMUM"}, "SCHEMA"),
    ("fitly.preferences.changed.v1", {"disabled_features": ["mission.colour"]}, "SCHEMA"),
    ("fitly.preferences.changed.v1", {"disabled_features": ["mission.timing"] * 15}, "SCHEMA"),
    ("fitly.preferences.changed.v1", {"disabled_features": "mission.timing"}, "SCHEMA"),
    ("fitly.preferences.reset.v1", {"scope": "EVERYTHING"}, "SCHEMA"),
    ("fitly.insight.observed.v1", {}, "SCHEMA"),
    ("fitly.insight.observed.v1", {**LOAD, "kind": "HOROSCOPE"}, "SCHEMA"),
    ("fitly.insight.observed.v1", {**LOAD, "kind": "MISSION_ANALYTICS"}, "SCHEMA"),
    ("fitly.insight.observed.v1", {**LOAD, "confidence": 1.01}, "OUT_OF_RANGE"),
    ("fitly.insight.observed.v1", {**LOAD, "confidence": None}, "SCHEMA"),
    ("fitly.insight.observed.v1", {**LOAD, "valid_until": "tomorrow"}, "SCHEMA"),
    ("fitly.insight.observed.v1", {**LOAD, "valid_until": "2026-03-09T08:00:00"}, "NO_TIME_ZONE"),
    ("fitly.insight.observed.v1", {**LOAD, "observed_at": 1_772_438_400}, "SCHEMA"),
    ("fitly.insight.observed.v1", {**LOAD, "mood": "good"}, "SCHEMA"),
    ("fitly.insight.observed.v1", saying(LOAD), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(LOAD, load=None, trend=None), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(LOAD, load=101), "OUT_OF_RANGE"),
    ("fitly.insight.observed.v1", saying(LOAD, load=50, mood=1), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(LOAD, trend="UP"), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(LOAD, burnout_risk=-0.1), "OUT_OF_RANGE"),
    ("fitly.insight.observed.v1", saying(PROFILE, preferred_study_times=[]), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(PROFILE, preferred_study_times=[1, 2, 3, 4]), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(PROFILE, preferred_study_times=[24]), "OUT_OF_RANGE"),
    ("fitly.insight.observed.v1", saying(PROFILE, optimal_session_duration=0), "OUT_OF_RANGE"),
    ("fitly.insight.observed.v1", saying(PROFILE, learning_style_profile={}), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(PROFILE, learning_style_profile={"visual": 0}), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(PROFILE, learning_style_profile={"VISUAL": 1}), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(PROFILE, personalized_forgetting_curve=0), "OUT_OF_RANGE"),
    ("fitly.insight.observed.v1", saying(STRUGGLE, probability=1.5), "OUT_OF_RANGE"),
    ("fitly.insight.observed.v1", saying(STRUGGLE, topic=""), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(STRUGGLE, indicators=["x"] * 9), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(STRUGGLE, intervention="DETENTION"), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(STRUGGLE, horizon=-1), "OUT_OF_RANGE"),
    ("fitly.insight.observed.v1", saying(ORCHESTRATION, recommended_start=7.5), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(ORCHESTRATION, attention_cycle_minutes=0.5), "OUT_OF_RANGE"),
    ("fitly.insight.observed.v1", saying(ORCHESTRATION, content_sequence="RANDOM"), "SCHEMA"),
    ("fitly.insight.observed.v1", saying(MISSIONS, best_difficulty=6), "OUT_OF_RANGE"),
    ("fitly.insight.observed.v1", saying(MISSIONS, completion_rate=True), "SCHEMA"),
    ("fitly.learner.erased.v1", {"reason": "x" * 201}, "SCHEMA"),
    ("fitly.learner.erased.v1", {"consent": True}, "SCHEMA"),
]


def envelope(kind: str, data: object, /, **attributes: object) -> Data:
    """An event as its producer writes it; an attribute given as `...` is left out."""
    whole = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "lms",
        "type": kind,
        "time": "2026-03-02T08:00:00+01:00",
        "subject": "ada",
        "data": data,
    } | attributes
    return {name: value for name, value in whole.items() if value is not ...}


ENVELOPES_REFUSED: list[tuple[Data, str]] = [
    ({"specversion": "0.3"}, "NOT_CLOUDEVENT"),
    ({"specversion": ...}, "NOT_CLOUDEVENT"),
    ({"id": ""}, "NOT_CLOUDEVENT"),
    ({"id": ...}, "NOT_CLOUDEVENT"),
    ({"id": "a\nb"}, "NOT_CLOUDEVENT"),
    ({"id": "x" * 201}, "NOT_CLOUDEVENT"),
    ({"source": 7}, "NOT_CLOUDEVENT"),
    ({"subject": ...}, "NOT_CLOUDEVENT"),
    ({"subject": "a|b"}, "NOT_CLOUDEVENT"),
    ({"subject": "a\x85b"}, "NOT_CLOUDEVENT"),
    ({"subject": "x" * 129}, "NOT_CLOUDEVENT"),
    ({"type": ...}, "NOT_CLOUDEVENT"),
    ({"type": "fitly.outcome.recorded.v2"}, "UNKNOWN_TYPE"),
    ({"type": "fitly.clock.ticked.v1"}, "UNKNOWN_TYPE"),
    ({"time": ...}, "NOT_CLOUDEVENT"),
    ({"time": "yesterday"}, "NOT_CLOUDEVENT"),
    ({"time": 1_772_438_400}, "NOT_CLOUDEVENT"),
    ({"time": "2026-03-02"}, "NOT_CLOUDEVENT"),
    ({"time": "2026-03-02T08:00:00"}, "NO_TIME_ZONE"),
    *[
        ({"time": time}, "NOT_CLOUDEVENT")
        for time in (
            "1772438400",
            "+1772438400",
            "1772438400.5",
            "1772438400000",
            "2026-03-02 08:00:00Z",
            "2026-03-02_08:00:00Z",
            "2026-03-02T08:00Z",
            "2026-03-02T08Z",
            "2026-03-02T08:00:00,5Z",
            "2026-03-02T08:00:00.Z",
            "2026-03-02T08:00:00+0100",
            "2026-03-02T08:00:00+01",
            "2026-03-02T08:00:00\u221201:00",
            "2026-03-02T08:00:00+24:00",
            "2026-03-02T08:00:00+01:60",
            "2026-03-02T24:00:00Z",
            "2026-03-02T23:60:00Z",
            "2026-03-02T23:59:60Z",
            "2026-3-2T08:00:00Z",
            "20260302T080000Z",
            "2026-W10-1T08:00:00Z",
            "\uff12\uff10\uff12\uff16-03-02T08:00:00Z",
            " 2026-03-02T08:00:00Z",
            "2026-03-02T08:00:00Z[UTC]",
        )
    ],
    ({"data": ...}, "SCHEMA"),
    ({"data": []}, "SCHEMA"),
]

MOMENTS: dict[str, str] = {
    "2026-03-02T07:00:00Z": "2026-03-02T07:00:00",
    "2026-03-02t07:00:00z": "2026-03-02T07:00:00",
    "2026-03-02T08:00:00+01:00": "2026-03-02T07:00:00",
    "2026-03-02T07:00:00-00:00": "2026-03-02T07:00:00",
    "2026-03-01T07:01:00-23:59": "2026-03-02T07:00:00",
    "2026-03-02T07:00:00.5Z": "2026-03-02T07:00:00.500",
    "2026-03-02T07:00:00.0019Z": "2026-03-02T07:00:00.001",
    "2026-03-02T07:00:00.123456789Z": "2026-03-02T07:00:00.123",
    "2024-02-29T23:59:59.999999Z": "2024-02-29T23:59:59.999",
    "1970-01-01T00:00:00Z": "1970-01-01T00:00:00",
}
"""Every way a moment may be written, and the same in UTC, in whole milliseconds."""
