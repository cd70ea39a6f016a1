"""What bytes depend on, case by case: each name stands for ever with what it gave when it was settled.

A case never changes. What is to be held newly gets a new name here; ``python -m tests.golden.add`` then writes
what it gives into the corpus, and touches nothing that stands there already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, TypeAlias

from tests.core.partition import Partition

from fitly.core.decisions import ArmView, Cause, Measured, OutcomeAmended, OutcomeFiled, Parameter, Selected
from fitly.core.entries import (
    ARMS,
    BUCKETS,
    DECISIONS,
    OUTCOMES,
    SEEN,
    ArmEntry,
    Bucket,
    DecisionEntry,
    OutcomeEntry,
    Seen,
)
from fitly.core.events import LogOpened, OutcomeRecorded, PolicyRevised
from fitly.core.learner import Act, ContextRow, Erased, LearnerRow, Preferences, Sealed
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
    named,
    packed_id,
    partition_of,
    uniform,
)
from fitly.core.numbers import Micro, Millis, Nano, to_datetime
from fitly.core.rules import Policy, Priors, RewardWeights, Rules, Sources, Switches, Thresholds, Windows
from fitly.core.system import FOLD_VERSION, Ledger, Position
from fitly.core.vocabulary import Bin, ClockMode, Context, Feature, Level, Mode, OutcomeType, Unit, Variant
from fitly.wire.events import encode_control, encode_event, encode_tick
from fitly.wire.outcomes import encode_outcome
from fitly.wire.rows import (
    encode_context,
    encode_erased,
    encode_fold_version,
    encode_learner,
    encode_ledger,
    encode_position,
    encode_rules,
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
        Variant.PREDICTION_HEAVY: ArmView(3, Micro(612_345), 0.0123),
        Variant.BALANCED: ArmView(0, None, 0.0),
    },
    draws={"tie": 0.25, "control": 0.598816328081329, "explore": 0.9763535114435699},
)
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
    packed_id(OTHER), NOW, NOW + 10, NOW + 5, 8, 2, 2, 1, 855_000_001, 700_000_000, 3, 1, 1, 0,
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
CONTEXT = ContextRow(
    user_id=ELEVE,
    context=Context.ASSESSMENT,
    arms=ARMS.join([ArmEntry(2, 5, 3, 1_837_035, -12, 144, NOW - 9, NOW - 8, NOW - 7, NOW - 6, 1)]),
    decisions=DECISIONS.join([DECISION]),
    outcomes=OUTCOMES.join(
        [OutcomeEntry(fingerprint(KEY), 20_514, packed_id(OTHER), 500_000, -1, 0, 1_000_000, 600_000, 512_345, 1)]
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
)
RULES = Rules(
    birth_id=BIRTH,
    clock_mode=ClockMode.AS_OF,
    partitions=4,
    control_number=17,
    policy_revision=3,
    policy=POLICY,
    priors=Priors(metric_mean=0.6, own_weight=12, effect_sd=0.05, reward_sd=0.25, informed=21, enough=20),
)

ROWS: Final[Cases] = {
    "learner": lambda: encode_learner(LEARNER).hex(),
    "learner of nothing": lambda: encode_learner(
        LearnerRow(user_id=ADA, preferences=Preferences(), created_at=NOW, updated_at=NOW)
    ).hex(),
    "context": lambda: encode_context(CONTEXT).hex(),
    "context of nothing": lambda: encode_context(ContextRow(user_id=ADA, context=Context.SESSION)).hex(),
    "marker of an erased learner": lambda: encode_erased(Erased(NOW, SEEN.pack(fingerprint(KEY), 20_514))).hex(),
    "position": lambda: encode_position(Position(BIRTH, 4, "LIVE", 123_456, NOW)).hex(),
    "position before the first record": lambda: encode_position(Position()).hex(),
    "ledger": lambda: encode_ledger(Ledger({"SYSTEM/tick": 3, "APPLIED/fitly.outcome.recorded.v1": 2}, 5)).hex(),
    "rules": lambda: encode_rules(RULES).hex(),
    "rules before the first control event": lambda: encode_rules(Rules()).hex(),
    "fold version": lambda: encode_fold_version(1).hex(),
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
SAID: Final[Cases] = {
    "selected": lambda: encode_selected(SELECTED).decode(),
    "selected, withheld": lambda: encode_selected(WITHHELD).decode(),
    "outcome filed": lambda: encode_outcome(FILED).decode(),
    "outcome filed unread": lambda: encode_outcome(
        OutcomeFiled(
            KEY, ADA, Context.MISSION, OutcomeType.MISSION_COMPLETED, NOW, Bin.OPTED_OUT,
            Measured(None, None, None, None), None, None, None, None, None, None, None, None,
        )
    ).decode(),
    "outcome amended": lambda: encode_outcome(AMENDED).decode(),
    "tick": lambda: encode_tick(3, NOW).decode(),
    "log opened": lambda: encode_control(
        1, "fitly.log.opened.v1", LogOpened(birth_id=BIRTH, clock_mode=ClockMode.LIVE, partitions=4), NOW
    ).decode(),
    "policy revised": lambda: encode_control(
        2, "fitly.policy.revised.v1", PolicyRevised(revision=1, policy=POLICY, note="why"), NOW
    ).decode(),
    "an outcome as we write it": lambda: encode_event(
        "fitly.outcome.recorded.v1", "lms", "o-1", ELEVE, to_datetime(NOW),
        OutcomeRecorded(outcome_type=OutcomeType.SESSION_COMPLETED, context=Context.SESSION, retention_score=0.5),
    ).decode(),
}  # fmt: skip


def _fold() -> str:
    """Fold a few weeks of three learners; the digest of every byte that comes out and every row that is left."""
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
            for each in told:
                for sent in each.outputs:
                    digest.update(b"|".join((sent.topic.encode(), sent.key or b"", sent.value or b"")))
            partition.later(hours=7.5)
        partition.tick()
        if day == 11:
            partition.reset("bob", scope="BOTH")
            partition.prefer("ada", level="LOW", disabled_features=["mission.timing"])
            partition.revise(Policy(holdout_share=0.2, control_share=0.1, shrinkage=0))
        if day == 17:
            partition.prefer("ada", level="NONE")
    for change in partition.shard.state():
        digest.update(b"|".join((change.table.encode(), change.key, change.value or b"")))
    return digest.hexdigest()


FOLD: Final[Cases] = {f"version {FOLD_VERSION}": _fold}
"""Where this gives something else, the same log folds to other bytes: then `FOLD_VERSION` must be raised."""

CORPUS: Final = {"identifiers": IDENTIFIERS, "rows": ROWS, "said": SAID, "fold": FOLD}
"""File of the corpus -> its cases."""
