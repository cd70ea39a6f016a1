"""What bytes depend on, case by case: each name stands for ever with what it gave when it was settled.

A case never changes. What is to be held newly gets a new name here; ``python -m tests.golden.add`` then writes
what it gives into the corpus, and touches nothing that stands there already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from tests.core.partition import Partition, Told
from tests.core.trials import BANDIT, PAUSED, RESUMED, begin, move
from tests.golden.population import POPULATION

from fitly.core.assessments import Assessed, Direction, Flip, WindowKind
from fitly.core.attributes import Attribute, AttributesTold
from fitly.core.decisions import (
    ArmView,
    Because,
    Cause,
    Enrolled,
    Measured,
    OutcomeAmended,
    OutcomeFiled,
    Parameter,
    Selected,
)
from fitly.core.effectiveness import effectiveness_records
from fitly.core.entries import (
    ARMS,
    BASELINE,
    BUCKETS,
    DECISIONS,
    EVIDENCE,
    OUTCOMES,
    OVERLAP,
    SEEN,
    TYPED,
    VERDICTS,
    ArmEntry,
    Bucket,
    DecisionEntry,
    Evidence,
    OutcomeEntry,
    Seen,
    Typed,
    Verdict,
)
from fitly.core.events import (
    ExperimentCompleted,
    ExperimentDefined,
    ExperimentJudged,
    ExperimentReweighted,
    ExperimentStarted,
    LogOpened,
    OutcomeRecorded,
    PolicyRevised,
    PriorsRevised,
)
from fitly.core.experiments.enrolment import ENROLMENTS, Enrolment, How
from fitly.core.experiments.fingerprint import plan_hash
from fitly.core.experiments.plan import (
    Bandit,
    ExperimentType,
    ExperimentVariant,
    Guardrail,
    Measure,
    Plan,
    Segments,
    Treatment,
)
from fitly.core.experiments.trial import Afterwards, Epoch, Status, Trial
from fitly.core.insights import (
    CognitiveLoad,
    Held,
    InsightObserved,
    Insights,
    LearningProfile,
    MissionAnalytics,
    SessionOrchestration,
    StrugglePrediction,
    StyleProfile,
)
from fitly.core.learner import NEVER, Act, ContextRow, Erased, LearnerRow, Preferences, Sealed
from fitly.core.names import (
    ConfigId,
    DecisionId,
    EventKey,
    UserId,
    config_id,
    decision_id,
    erased_key,
    event_key,
    fingerprint,
    lapse_key,
    named,
    packed_id,
    partition_of,
    uniform,
)
from fitly.core.numbers import Micro, Millis, Nano, to_datetime
from fitly.core.partials import Kind, Partial
from fitly.core.rules import (
    ArmPrior,
    ContextPriors,
    Fares,
    MetricMeans,
    Policy,
    Priors,
    RewardWeights,
    Rules,
    Sources,
    Switches,
    Thresholds,
    Windows,
)
from fitly.core.system import FOLD_VERSION, Ledger, Position, Untold
from fitly.core.vocabulary import (
    Bin,
    ClockMode,
    ContentSequence,
    Context,
    Feature,
    InsightKind,
    Intervention,
    Level,
    Mode,
    OutcomeType,
    Trend,
    Unit,
    Variant,
)
from fitly.wire.assessed import encode_assessed
from fitly.wire.events import encode_control, encode_event, encode_tick
from fitly.wire.outcomes import encode_outcome
from fitly.wire.partials import encode_partial
from fitly.wire.rows import (
    encode_context,
    encode_erased,
    encode_fold_version,
    encode_learner,
    encode_ledger,
    encode_position,
    encode_rules,
    encode_sums,
    encode_trial,
    encode_untold,
)
from fitly.wire.selected import encode_selected
from fitly.wire.signing import sign

Cases: TypeAlias = dict[str, Callable[[], str]]

ADA = UserId("ada")
ELEVE = UserId("\u00e9l\u00e8ve \U0001f393")
KEY = EventKey("3b4b80e6-9af6-5136-b5e6-202c8cececd0")
BIRTH = "6f1c7d1e-9a0b-4f57-8d0c-5b1f0d3e7a21"
NOW = Millis(1_772_438_400_123)
OTHER = "ee58e22d-71a7-5aff-a119-aa1552ca73f3"

IDENTIFIERS: Final[Cases] = {
    "event_key of lms, 1": lambda: event_key("lms", "1"),
    "event_key of urn:x, \u00e9": lambda: event_key("urn:x", "\u00e9"),
    "event_key of empty, empty": lambda: event_key("", ""),
    "decision_id of ada in MISSION": lambda: decision_id(KEY, ADA, Context.MISSION),
    "decision_id of \u00e9l\u00e8ve in SESSION": lambda: decision_id(KEY, ELEVE, Context.SESSION),
    "config_id of ada, CONTENT, BALANCED": lambda: config_id(ADA, Context.CONTENT, Variant.BALANCED),
    "config_id of ada, ASSESSMENT, PATTERN_HEAVY": lambda: config_id(ADA, Context.ASSESSMENT, Variant.PATTERN_HEAVY),
    "named preferences, ada": lambda: named("preferences", "ada"),
    "erased_key of ada": lambda: erased_key(BIRTH.encode(), ADA).hex(),
    "fingerprint": lambda: fingerprint(KEY).hex(),
    "uniform of a decision, explore": lambda: uniform(BIRTH.encode(), KEY, ADA, "MISSION", "explore").hex(),
    "uniform of a decision, control": lambda: uniform(BIRTH.encode(), KEY, ADA, "MISSION", "control").hex(),
    "uniform of a learner, holdout": lambda: uniform(BIRTH.encode(), "", ELEVE, "", "holdout").hex(),
    "uniform without birth": lambda: uniform(b"", KEY, ADA, "SESSION", "tie").hex(),
    "partition of ada among 4": lambda: str(partition_of(b"ada", 4)),
    "partitions of learner-0 to learner-31 among 4": lambda: "".join(
        str(partition_of(f"learner-{n}".encode(), 4)) for n in range(32)
    ),
    "lapse_key of a decision": lambda: lapse_key(DecisionId(OTHER), NOW),
    "signature": lambda: sign(b"secret", BIRTH, b'{"type":"x"}').hex(),
}

POLICY = Policy(
    epsilon=0.2,
    holdout_share=0.07,
    control_share=0.11,
    probe_share=0.12,
    shrinkage=0,
    initial_confidence=0.65,
    dwell_days=0.5,
    valid_days=14.0,
    default_level=Level.LOW,
    default_reward=0.25,
    thresholds=Thresholds(low=0.9, medium=0.8, high=0.55),
    reward_weights=RewardWeights(retention=0.4, performance=0.3, completion=0.2, engagement=0.1),
    windows=Windows(mission=6.0, content=2.0, assessment=5.0, session=0.5),
    switches=Switches(everything=False, contexts=(Context.CONTENT,), arms=(Variant.CONSERVATIVE,)),
    sources=Sources(erasure=("registry",), preferences=("registry", "lms")),
)
SELECTED = Selected(
    decision_id=DecisionId(OTHER),
    user_id=ELEVE,
    context=Context.ASSESSMENT,
    mode=Mode.EXPLOIT,
    apply=True,
    strategy_variant=Variant.PREDICTION_HEAVY,
    parameters={
        Feature.ASSESSMENT_FREQUENCY: Parameter(3, "DEFAULT"),
        Feature.ASSESSMENT_QUESTION_TYPES: Parameter({"RECALL": 0.25, "ANALYSIS": 0.75}, "DISABLED"),
        Feature.MISSION_TIMING: Parameter((8, 17), "LEARNING_PROFILE"),
        Feature.MISSION_INTERVENTION: Parameter("NONE", "DEFAULT"),
        Feature.SESSION_INTENSITY: Parameter(1.5, "DEFAULT"),
    },
    propensities={"NONE": Nano(100_000_000), "PREDICTION_HEAVY": Nano(855_000_001), "BALANCED": Nano(44_999_999)},
    unit=Unit.DECISION,
    assignment_probability=Nano(950_000_000),
    epsilon=0.1,
    confidence=0.7123456789,
    threshold=0.7,
    config_id=ConfigId("91ad80fc-59a0-516c-b6b1-11ea88f443d9"),
    policy_revision=3,
    experiment=None,
    cause=Cause(KEY, 2, 1_234_567),
    decided_at=NOW,
    valid_until=Millis(NOW + 2_592_000_000),
    supersedes=DecisionId("00000000-0000-5000-8000-000000000001"),
    arms={
        Variant.PREDICTION_HEAVY: ArmView(3, Micro(612_345), 0.0123, 0.0625),
        Variant.BALANCED: ArmView(0, None, 0.0, 0.1),
    },
    draws={"tie": 0.25, "control": 0.598816328081329, "explore": 0.9763535114435699},
)
TREATED = SELECTED._replace(
    mode=Mode.EXPERIMENT,
    experiment="spaced-review",
    enrolled=Enrolled(
        "treatment", How.DRAWN, 3, Nano(250_000_000), Mode.EXPLOIT, "assign|spaced-review|3", Nano(500_000_000),
        Nano(750_000_000),
    ),
)  # fmt: skip
WITHHELD = SELECTED._replace(
    mode=Mode.OPTED_OUT,
    apply=False,
    strategy_variant=None,
    parameters={},
    propensities={"NONE": Nano(1_000_000_000)},
    unit=Unit.NONE,
    threshold=None,
    config_id=None,
    supersedes=None,
    arms={},
    draws={},
)
DECISION = DecisionEntry(
    packed_id(OTHER), NOW, NOW + 10, NOW + 5, 8, 2, 2, 1, 855_000_001, 700_000_000, 3,
    OVERLAP.pack(10_000, 4_500, 0, 1), 300_000, -212_345, 1, 1, 0,
    2, 1_200_000, -345, 3, 1_800_000, 1, 500_000, 2, 900_000, 0, 0, 3, 2_999_999,
)  # fmt: skip
LEARNER = LearnerRow(
    user_id=ELEVE,
    preferences=Preferences(
        level=Level.HIGH,
        auto_adapt_enabled=False,
        content_enabled=False,
        disabled_features=(Feature.MISSION_TIMING, Feature.SESSION_INTENSITY),
    ),
    created_at=Millis(NOW - 5),
    updated_at=NOW,
    last_reset_at=Millis(NOW - 1),
    seen=SEEN.join([Seen(fingerprint(KEY), 20_514)]),
    seen_floor=20_500,
    consented_at=Millis(NOW - 7),
    refused=(77).to_bytes(8, "big"),
    acts=(Act(NOW, KEY, "fitly.preferences.changed.v1", "guardian-7"),),
)
INFORMED = LEARNER._replace(
    insights=Insights(
        learning_profile=Held(
            LearningProfile(
                preferred_study_times=(19, 7),
                optimal_session_duration=50.5,
                learning_style_profile=StyleProfile(visual=0.6, reading=0.4),
                personalized_forgetting_curve=4.5,
            ),
            Millis(NOW - 7), Millis(NOW + 8), 0.9, KEY,
        ),
        struggle_prediction=Held(
            StrugglePrediction(
                topic="Br\u00fcche",
                probability=0.8,
                indicators=("errors repeat",),
                intervention=Intervention.WORKED_EXAMPLES,
                horizon=7.0,
            ),
            Millis(NOW - 6), Millis(NOW + 9), 0.75, EventKey(OTHER),
        ),
        session_orchestration=Held(
            SessionOrchestration(
                recommended_start=0,
                attention_cycle_minutes=20.0,
                break_minutes=5.0,
                content_sequence=ContentSequence.INTERLEAVED,
            ),
            Millis(NOW - 5), Millis(NOW + 10), 1.0, KEY,
        ),
        cognitive_load=Held(
            CognitiveLoad(load=82.5, load_tolerance=70.0, trend=Trend.RISING, burnout_risk=0.25),
            Millis(NOW - 4), Millis(NOW + 11), 0.123456789, KEY,
        ),
        mission_analytics=Held(
            MissionAnalytics(completion_rate=0.85, best_difficulty=4, best_duration=35.5),
            Millis(NOW - 3), Millis(NOW + 12), 0.5, KEY,
        ),
    )
)  # fmt: skip
RENDERED = SELECTED._replace(
    parameters={
        Feature.MISSION_DIFFICULTY: Parameter(2, Because(InsightKind.STRUGGLE_PREDICTION, Millis(NOW - 6), 0.75)),
        Feature.MISSION_TIMING: Parameter((7, 19), Because(InsightKind.LEARNING_PROFILE, Millis(NOW - 7000), 0.9)),
        Feature.SESSION_INTENSITY: Parameter(0.8, "CAPPED_BY_LOAD"),
        Feature.CONTENT_TYPES: Parameter({"TEXT": 0.25, "VIDEO": 0.25}, "BELOW_THRESHOLD"),
    },
    rendered_at=Millis(NOW + 77),
)
CONTEXT = ContextRow(
    user_id=ELEVE,
    context=Context.ASSESSMENT,
    arms=ARMS.join([ArmEntry(2, 5, 3, 1_837_035, -12, 144, NOW - 9, NOW - 8, NOW - 7, NOW - 6, 1)]),
    decisions=DECISIONS.join([DECISION]),
    outcomes=OUTCOMES.join(
        [OutcomeEntry(fingerprint(KEY), 20_514, packed_id(OTHER), 500_000, -1, 0, 1_000_000, 600_000, 512_345, 1, 3)]
    ),
    buckets=BUCKETS.join([Bucket(20_514, 2, *range(1, 16)), Bucket(0, 5, *range(101, 116))]),
    seen=SEEN.join([Seen(fingerprint(KEY), 20_514), Seen(b"\xff" * 16, 65_535)]),
    standing=Sealed.of(SELECTED),
    own_n=7,
    own_sum=4_200_001,
    seen_floor=20_499,
    closes_at=Millis(NOW + 5),
    overflowed=1,
    unjoined=2,
    learning_since=Millis(NOW - 100),
    updated_at=NOW,
    evidence=EVIDENCE.join([Evidence(2, *range(1, 22)), Evidence(0, *range(201, 222))]),
    typed=TYPED.join([Typed(3, *range(1, 9))]),
    baseline=BASELINE.pack(*range(1, 16)),
    assessed=VERDICTS.join([Verdict(2, 1, 1, 2), Verdict(255, 0, 0, 3)]),
)
KNOWN = ContextPriors(
    mean=0.625,
    reward_sd=0.1875,
    arms={Variant.BALANCED: ArmPrior(effect=-0.0123, se=0.004, spread=0.02, learners=77)},
    metrics={
        OutcomeType.CONTENT_ENGAGED: MetricMeans(retention=0.5, performance=0.25, completion=0.75, engagement=0.1),
    },
    baseline=tuple(Fares(n=n, sum=n * 400_000, squares=n * 180_000_000_000) for n in range(5, 10)),
)
DESCRIBED = INFORMED._replace(
    attributes=(
        Attribute(group=False, name="experiment:Br\u00fccke", value=None, since=Millis(NOW - 2), until=NOW, key=KEY),
        Attribute(group=True, name="class", value="7b", since=NOW, until=NEVER, key=EventKey(OTHER)),
    )
)
TRIED = CONTEXT._replace(
    trials=ENROLMENTS.join(
        [Enrolment._make((*range(1, 11), bytes(range(8)), *range(12, 27))), Enrolment(7, reason=3, since=NOW)]
    ),
    left_out=True,
)
WAITING = CONTEXT._replace(standing=Sealed.of(RENDERED), lapses_at=Millis(NOW + 3))
RULES = Rules(
    birth_id=BIRTH,
    clock_mode=ClockMode.AS_OF,
    partitions=4,
    control_number=17,
    policy_revision=3,
    policy=POLICY,
    priors=Priors(
        metric_mean=0.6, own_weight=12, effect_sd=0.05, reward_sd=0.25, enough=21, contexts={Context.SESSION: KNOWN}
    ),
)

EXPERIMENT = Plan(
    experiment_name="spring",
    experiment_type=ExperimentType.MULTI_ARMED_BANDIT,
    context=Context.SESSION,
    variants=(
        ExperimentVariant(variant_id="none", name="Nothing \u00e9", config=Treatment(apply=False), weight=0.25),
        ExperimentVariant(variant_id="policy", config=Treatment(policy=POLICY), weight=0.5),
        ExperimentVariant(
            variant_id="slow",
            config=Treatment(
                strategy_variant=Variant.BALANCED,
                parameters={Feature.SESSION_INTENSITY: 0.75, Feature.SESSION_BREAK_TIMING: 20},
            ),
            weight=0.25,
        ),
    ),
    hypothesis="It helps.",
    primary_metric=Measure.RETENTION,
    guardrails=(Guardrail(metric=Measure.ENGAGEMENT, margin=0.02),),
    segments=Segments(attributes={"school": ("north", "south")}, insights=(InsightKind.COGNITIVE_LOAD,)),
    bandit=Bandit(),
)

TRIAL = Trial(
    plan=EXPERIMENT,
    number=7,
    defined_at=Millis(NOW - 9),
    revision=2,
    plan_hash=plan_hash(EXPERIMENT),
    status=Status.COMPLETED,
    started_at=Millis(NOW - 8),
    ended_at=NOW,
    epoch=Epoch(number=1, since=Millis(NOW - 4), weights=(Nano(250_000_000), Nano(500_000_000), Nano(250_000_000))),
    past=(Epoch(number=0, since=Millis(NOW - 8), weights=(Nano(1), Nano(2), Nano(999_999_997))),),
    afterwards=Afterwards.ROLL_OUT,
    winner="policy",
    hold_back=Nano(100_000_000),
)

PAUSED_AGAIN = Trial(
    plan=EXPERIMENT, number=1, status=Status.PAUSED, paused_since=Millis(NOW - 2), paused_for=Millis(3_600_000)
)

ROWS: Final[Cases] = {
    "learner": lambda: encode_learner(LEARNER).hex(),
    "learner of nothing": lambda: encode_learner(
        LearnerRow(user_id=ADA, preferences=Preferences(), created_at=NOW, updated_at=NOW)
    ).hex(),
    "context": lambda: encode_context(CONTEXT).hex(),
    "context of nothing": lambda: encode_context(ContextRow(user_id=ADA, context=Context.SESSION)).hex(),
    "learner of whom all is known": lambda: encode_learner(INFORMED).hex(),
    "context that waits for a lapse": lambda: encode_context(WAITING).hex(),
    "learner with groups and attributes": lambda: encode_learner(DESCRIBED).hex(),
    "context in an experiment": lambda: encode_context(CONTEXT._replace(standing=Sealed.of(TREATED))).hex(),
    "context with experiments": lambda: encode_context(TRIED).hex(),
    "marker of an erased learner": lambda: encode_erased(Erased(NOW, SEEN.pack(fingerprint(KEY), 20_514))).hex(),
    "position": lambda: encode_position(Position(BIRTH, 4, "LIVE", 123_456, NOW)).hex(),
    "position before the first record": lambda: encode_position(Position()).hex(),
    "ledger": lambda: encode_ledger(Ledger({"SYSTEM/tick": 3, "APPLIED/fitly.outcome.recorded.v1": 2}, 5)).hex(),
    "rules": lambda: encode_rules(RULES).hex(),
    "rules before the first control event": lambda: encode_rules(Rules()).hex(),
    "experiment": lambda: encode_trial(TRIAL).hex(),
    "experiment that is a draft": lambda: encode_trial(Trial(plan=EXPERIMENT, number=1)).hex(),
    "experiment that was paused and is again": lambda: encode_trial(PAUSED_AGAIN).hex(),
    "fold version": lambda: encode_fold_version(1).hex(),
    "sums": lambda: encode_sums({"BALANCED.yy": -(2**70), "ALL.n": 3}).hex(),
    "untold": lambda: encode_untold(Untold({"priors|SESSION": 255})).hex(),
}

FILED = OutcomeFiled(
    KEY, ELEVE, Context.SESSION, OutcomeType.SESSION_COMPLETED, NOW, Bin.APPLIED,
    Measured(Micro(1), None, Micro(333_333), Micro(1_000_000)), 12.25, "VIDEO \u00e9", 4, True, Variant.BALANCED,
    DecisionId(OTHER), ConfigId("91ad80fc-59a0-516c-b6b1-11ea88f443d9"), Micro(458_334),
)  # fmt: skip
AMENDED = OutcomeAmended(
    KEY, ELEVE, Context.SESSION, Measured(None, Micro(5), None, None), withdrawn=False, reward=Micro(7),
    corrected_by=EventKey(OTHER), at=NOW,
)  # fmt: skip
ASSESSED = Assessed(
    OTHER, ELEVE, Context.SESSION, (DecisionId(OTHER),), 9, 6,
    (Flip(None, WindowKind.ROLLING, False, None, True, Direction.NEGATIVE),),
    tuple(record for record in effectiveness_records(CONTEXT) if record.config_id is None), NOW,
)  # fmt: skip
SAID: Final[Cases] = {
    "selected": lambda: encode_selected(SELECTED).decode(),
    "selected, withheld": lambda: encode_selected(WITHHELD).decode(),
    "selected, rendered anew": lambda: encode_selected(RENDERED).decode(),
    "outcome filed": lambda: encode_outcome(FILED).decode(),
    "outcome filed unread": lambda: encode_outcome(
        OutcomeFiled(
            KEY, ADA, Context.MISSION, OutcomeType.MISSION_COMPLETED, NOW, Bin.OPTED_OUT,
            Measured(None, None, None, None), None, None, None, None, None, None, None, None,
        )
    ).decode(),
    "outcome amended": lambda: encode_outcome(AMENDED).decode(),
    "effectiveness assessed": lambda: encode_assessed(ASSESSED).decode(),
    "tick": lambda: encode_tick(3, NOW).decode(),
    "log opened": lambda: encode_control(
        1, "fitly.log.opened.v1", LogOpened(birth_id=BIRTH, clock_mode=ClockMode.LIVE, partitions=4), NOW
    ).decode(),
    "policy revised": lambda: encode_control(
        2, "fitly.policy.revised.v1", PolicyRevised(revision=1, policy=POLICY, note="why"), NOW
    ).decode(),
    "priors revised": lambda: encode_control(
        3, "fitly.priors.revised.v1", PriorsRevised(context=Context.SESSION, priors=KNOWN), NOW
    ).decode(),
    "experiment defined": lambda: encode_control(
        4, "fitly.experiment.defined.v1", ExperimentDefined(plan=EXPERIMENT, by="ada"), NOW
    ).decode(),
    "experiment started": lambda: encode_control(
        5, "fitly.experiment.started.v1",
        ExperimentStarted(experiment_name="spring", plan_hash=plan_hash(EXPERIMENT)), NOW,
    ).decode(),
    "experiment completed": lambda: encode_control(
        6, "fitly.experiment.completed.v1",
        ExperimentCompleted(experiment_name="spring", afterwards=Afterwards.ROLL_OUT, winner="policy"), NOW,
    ).decode(),
    "experiment reweighted": lambda: encode_control(
        7, "fitly.experiment.reweighted.v1",
        ExperimentReweighted(
            experiment_name="spring", epoch=1, weights={"none": 0.25, "policy": 0.5, "slow": 0.25},
            means={"none": None}, sds={"none": 0.5}, seed="s", look=7,
        ), NOW,
    ).decode(),
    "experiment judged": lambda: encode_control(
        8, "fitly.experiment.judged.v1",
        ExperimentJudged(experiment_name="spring", look=9, winner="policy", unmet=("DAYS",)), NOW,
    ).decode(),
    "partial": lambda: encode_partial(
        Partial(Kind.PRIORS, "SESSION", 3, BIRTH, 17, NOW, {"x": -(2**70), "n": 3})
    ).decode(),
    "an outcome as we write it": lambda: encode_event(
        "fitly.outcome.recorded.v1", "lms", "o-1", ELEVE, to_datetime(NOW),
        OutcomeRecorded(outcome_type=OutcomeType.SESSION_COMPLETED, context=Context.SESSION, retention_score=0.5),
    ).decode(),
    "selected in an experiment": lambda: encode_selected(TREATED).decode(),
    "attributes as we write them": lambda: encode_event(
        "fitly.learner.attributes.v1", "register", "a-1", ELEVE, to_datetime(NOW),
        AttributesTold(groups={"class": "7b"}, attributes={"language": "fr", "year": None}, valid_until=NOW),
    ).decode(),
    "an insight as we write it": lambda: encode_event(
        "fitly.insight.observed.v1", "tutor", "i-1", ELEVE, to_datetime(NOW),
        InsightObserved(
            kind=InsightKind.COGNITIVE_LOAD, payload=CognitiveLoad(load=80.0), confidence=0.5, observed_at=NOW
        ),
    ).decode(),
}  # fmt: skip


def _observed(partition: Partition, day: int) -> list[Told]:
    """Find something out about each of the three, every fourth day."""
    if day % 4 != 2:
        return []
    return [
        partition.observe("ada", "COGNITIVE_LOAD", load=90 - day, load_tolerance=70, valid_days=day / 6),
        partition.observe("bob", "MISSION_ANALYTICS", confidence=day / 23, best_difficulty=5, completion_rate=0.95),
        partition.observe(ELEVE, "LEARNING_PROFILE", personalized_forgetting_curve=1.5),
    ]


def _taken_down(digest: hashlib.blake2b, told: list[Told]) -> None:
    """Take in what went out, whole."""
    for each in told:
        for sent in each.outputs:
            place, headers = f"{sent.topic}|{sent.partition}".encode(), repr(sent.headers).encode()
            digest.update(b"|".join((place, sent.key or b"", sent.value or b"-", headers)))


def _tried(partition: Partition, day: int) -> None:
    """Let a trial and a bandit live."""
    weighed = replace(BANDIT, experiment_name="weighed", context=Context.CONTENT)
    if day == 2:
        begin(partition)
        begin(partition, weighed)
    if day == 10:
        weights = {"none": 0.25, "balanced": 0.75}
        move(partition, ExperimentReweighted(experiment_name="weighed", epoch=1, weights=weights))
    if day in {8, 9}:
        move(partition, PAUSED if day == 8 else RESUMED)


def _fold() -> str:
    """Fold a few weeks of three learners, through a trial and a bandit; the digest of every byte that comes out.

    And of every row that is left.
    """
    policy = Policy(holdout_share=0.2, control_share=0.2, epsilon=0.3, default_reward=0.4)
    partition, digest = Partition(policy), hashlib.blake2b(digest_size=16)
    for day in range(24):
        for n, user in enumerate(("ada", "bob", ELEVE)):
            context = tuple(Context)[(day + n) % 4].value
            told = [
                partition.request(user, context),
                partition.outcome(user, ((day * 7 + n * 3) % 11) / 10, context=context, event_id=f"o-{user}-{day}"),
                partition.outcome(user, 0.5, context=context, time=partition.now - day * 3_600_000),
            ]
            if day % 5 == n:
                told.append(partition.correct(f"o-{user}-{day}", user, context=context, engagement_score=0.25))
            if day % 6 == n and told[0].decided:
                told.append(partition.applied(told[0].selected.decision_id, applied=bool(n), user=user))
            _taken_down(digest, told)
            partition.later(hours=7.5)
        _taken_down(digest, [partition.tick(), *_observed(partition, day)])
        if day == 11:
            partition.reset("bob", scope="BOTH")
            partition.prefer("ada", level="LOW", disabled_features=["mission.timing"])
            partition.revise(Policy(holdout_share=0.2, control_share=0.1, shrinkage=0))
        _tried(partition, day)
        if day == 17:
            partition.prefer("ada", level="NONE")
    for change in partition.shard.state():
        digest.update(b"|".join((change.table.encode(), change.key, change.value or b"")))
    return digest.hexdigest()


FOLD: Final[Cases] = {f"version {FOLD_VERSION}": _fold}
"""Where this gives something else, the same log folds to other bytes: then `FOLD_VERSION` must be raised."""

CORPUS: Final = {"identifiers": IDENTIFIERS, "rows": ROWS, "said": SAID, "fold": FOLD, "population": POPULATION}
"""File of the corpus -> its cases."""
