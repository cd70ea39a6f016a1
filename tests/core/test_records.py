"""Records are what the rows say: figures like those of scipy on the raw decisions, reasons where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.partition import Partition
from tests.core.sums import day_sums

from fitly.core.auditing import AuditRecord, audit_records
from fitly.core.decisions import (
    UNMEASURED,
    ArmView,
    Because,
    Cause,
    Measured,
    OutcomeAmended,
    OutcomeFiled,
    Parameter,
    Selected,
)
from fitly.core.entries import (
    ARMS,
    BASELINE,
    BUCKETS,
    DECISIONS,
    NO_OVERLAP,
    ArmEntry,
    Baseline,
    Bucket,
    DecisionEntry,
    Shown,
)
from fitly.core.events import ControlEvent, LogOpened, PolicyRevised
from fitly.core.learner import Act, ContextRow, Erased, LearnerRow, Preferences, Sealed
from fitly.core.names import ConfigId, DecisionId, EventKey, UserId, config_id, event_key
from fitly.core.numbers import DAY, Micro, Millis, Nano, to_datetime
from fitly.core.plain import plain
from fitly.core.records import (
    EffectivenessRecord,
    LedgerRecord,
    config_records,
    decision_record,
    effectiveness_records,
    ledger_records,
    outcome_record,
    policy_record,
    preferences_id,
    preferences_record,
    renders_later,
    settled,
)
from fitly.core.rules import Policy, Switches
from fitly.core.statistics.sums import Sums
from fitly.core.system import Ledger
from fitly.core.tally import retire
from fitly.core.vocabulary import (
    ArmCode,
    Bin,
    ClockMode,
    Context,
    Feature,
    InsightKind,
    Level,
    Mode,
    OutcomeType,
    Unit,
    Variant,
)

ADA = UserId("ada")
TODAY = 20_500
NOW = Millis(TODAY * DAY + 3_600_000)
FIRST = Millis((TODAY - 40) * DAY)
KEY = EventKey("6f1c7d1e-9a0b-5f57-8d0c-5b1f0d3e7a21")
CORRECTION = EventKey("6f1c7d1e-9a0b-5f57-8d0c-5b1f0d3e7a22")

Decided = tuple[int, int, int, int | None]
"""Days ago, arm code, composite outcome, performance."""


def arm(code: int, **facts: int) -> ArmEntry:
    """An arm's entry, selected once on the first day."""
    empty = ArmEntry(code, 1, 0, 0, 0, 0, FIRST, FIRST, 0, NOW, 0)
    return empty._replace(**facts)


def row_of(decided: Sequence[Decided], *arms: ArmEntry) -> ContextRow:
    """A context's row after these decisions, each with its outcome."""
    buckets: list[Bucket] = []
    for day in (0, *range(TODAY - 16, TODAY + 1)):
        for code in range(6):
            here = [d for d in decided if d[1] == code and (not day or TODAY - d[0] == day)]
            composite = Sums.of([d[2] for d in here])
            performance = Sums.of([d[3] for d in here if d[3] is not None])
            if here:
                buckets.append(Bucket(day, code, *composite, 0, 0, 0, *performance, 0, 0, 0, 0, 0, 0))
    entries = arms or tuple(arm(code) for code in range(6))
    return ContextRow(
        user_id=ADA,
        context=Context.SESSION,
        arms=ARMS.join(list(entries)),
        buckets=BUCKETS.join(buckets),
        updated_at=NOW,
    )


def pooled(records: list[EffectivenessRecord], kind: str) -> EffectivenessRecord:
    """The record over all variants."""
    return next(record for record in records if record.config_id is None and record.window_kind == kind)


DECIDED = st.lists(
    st.tuples(
        st.integers(0, 16),
        st.sampled_from([0, 0, 1, 1, 2, 3, 4, 5]),
        st.integers(0, 1_000_000),
        st.none() | st.integers(0, 1_000_000),
    ),
    max_size=60,
)


@given(DECIDED)
def test_effectiveness_is_numpy_on_the_decisions_of_the_window(decided: list[Decided]) -> None:
    records = effectiveness_records(row_of(decided))
    assert len({record.id for record in records}) == len(records)
    for record in records:
        days = 14 if record.window_kind == "ROLLING" else 10_000
        inside = [d for d in decided if d[0] < days]
        codes = {
            c for c in (1, 2, 3, 4) if record.config_id in {None, config_id(ADA, Context.SESSION, list(Variant)[c - 1])}
        }
        applied = [d for d in inside if d[1] in codes]
        control = [d for d in inside if d[1] == 0]
        assert (record.sample_size_applied, record.sample_size_baseline) == (len(applied), len(control))
        is_own = len(applied) >= 8 and len(control) >= 6
        assert record.baseline_kind == ("OWN" if is_own else None)
        if not is_own:
            assert record.correlation is record.performance_difference is record.composite_score is None
            assert record.correlation_reason == "NO_RANDOMIZED_OWN_BASELINE"
            assert record.performance_difference_reason == "NO_POPULATION_BASELINE"
            continue
        one, other = ([d[3] / 1e6 for d in side if d[3] is not None] for side in (applied, control))
        if one and other:
            assert record.performance_difference == pytest.approx(float(np.mean(one) - np.mean(other)), abs=1e-9)
        values = np.array([d[2] for d in [*applied, *control]]) / 1e6
        if float(np.ptp(values)) > 1e-4:
            flags = [1.0] * len(applied) + [0.0] * len(control)
            assert record.correlation == pytest.approx(float(np.corrcoef(flags, values)[0, 1]), abs=1e-6)
        assert record.retention_difference_reason == "TOO_FEW"


@given(DECIDED)
def test_there_is_a_record_exactly_where_a_personalized_decision_was_measured(decided: list[Decided]) -> None:
    found = {(record.window_kind, record.config_id) for record in effectiveness_records(row_of(decided))}
    expected: set[tuple[str, ConfigId | None]] = set()
    for kind, days in (("ROLLING", 14), ("CUMULATIVE", 10_000)):
        for code in {d[1] for d in decided if d[0] < days and 1 <= d[1] <= 4}:
            expected |= {(kind, None), (kind, config_id(ADA, Context.SESSION, list(Variant)[code - 1]))}
    assert found == expected


def remembered(
    days_ago: int, code: int, outcomes: Sequence[int], performances: Sequence[int], *, denied: bool
) -> DecisionEntry:
    """A decision the row still remembers, with the sums of its outcomes."""
    return DecisionEntry(
        id=b"d" * 16,
        since=NOW - days_ago * DAY,
        until=NOW,
        closes=NOW,
        mode=0,
        variant=code,
        arm=code,
        apply=int(1 <= code <= 4),
        propensity=0,
        threshold=0,
        revision=1,
        overlap=NO_OVERLAP,
        default=-1,
        default_centred=0,
        shown=Shown.CONSUMER_SAYS_NO if denied else Shown.UNKNOWN,
        measured=len(outcomes),
        composite=sum(outcomes),
        n_performance=len(performances),
        s_performance=sum(performances),
    )


ENTRY = st.builds(
    remembered,
    st.integers(0, 16),
    st.sampled_from([0, 0, 0, 1, 1, 1, 2, 5, int(ArmCode.NOTHING)]),
    st.lists(st.integers(0, 1_000_000), max_size=3),
    st.lists(st.integers(0, 1_000_000), max_size=3),
    denied=st.sampled_from([False, False, False, True]),
)
ENTRIES = st.lists(ENTRY, max_size=20) | st.lists(ENTRY, min_size=45, max_size=60)
"""Too few for a baseline of one's own, or likely enough."""


@given(ENTRIES, st.integers(0, 40))
def test_it_makes_no_difference_which_decisions_the_row_has_let_go_of(entries: list[DecisionEntry], old: int) -> None:
    empty = row_of([], *(arm(code) for code in range(6)))
    whole = empty._replace(decisions=DECISIONS.join(entries))
    buckets = b""
    for entry in entries[:old]:
        buckets = retire(buckets, entry, NOW)
    records = effectiveness_records(empty._replace(decisions=DECISIONS.join(entries[old:]), buckets=buckets))
    assert records == effectiveness_records(whole)
    days = [bucket for (day, _), bucket in sorted(day_sums(whole).items())]
    assert records == effectiveness_records(empty._replace(buckets=BUCKETS.join(days)))


def test_a_baseline_made_of_remembered_decisions_counts() -> None:
    entries = [remembered(day, 1, [900_000, 700_000 + day], [800_000], denied=False) for day in range(9)]
    entries += [remembered(day, 0, [500_000 + day], [400_000], denied=False) for day in range(7)]
    entries.append(remembered(1, 1, [0], [0], denied=True))
    row = row_of([], arm(0), arm(1))._replace(decisions=DECISIONS.join(entries))
    record = pooled(effectiveness_records(row), "CUMULATIVE")
    assert (record.sample_size_applied, record.sample_size_baseline, record.baseline_kind) == (9, 7, "OWN")
    assert record.performance_difference == pytest.approx(0.4)


def others(*means: int) -> bytes:
    """The population's baseline: learners who all did equally well in everything."""
    return BASELINE.pack(*Baseline(*Sums.of([*means]) * 5))


def test_without_a_baseline_of_their_own_a_learner_is_described_against_the_population() -> None:
    decided = [(day, 1, 700_000, 800_000) for day in range(7)] + [(day, 0, 500_000, 1) for day in range(6)]
    row = row_of(decided)._replace(baseline=others(400_000, 450_000, 500_000, 550_000, 600_000))
    record = pooled(effectiveness_records(row), "ROLLING")
    assert (record.baseline_kind, record.sample_size_applied, record.sample_size_baseline) == ("POPULATION", 7, 5)
    assert record.performance_difference == pytest.approx(0.3)
    assert record.performance_improvement == pytest.approx(60.0)
    assert record.retention_difference_reason == record.retention_improvement_reason == "TOO_FEW"
    assert record.composite_score is not None
    assert record.composite_score > 50
    tested = (record.correlation, record.p_value, record.confidence_interval, record.difference_interval)
    assert tested == (None,) * 4
    assert record.correlation_reason == record.p_value_reason == "NO_RANDOMIZED_OWN_BASELINE"
    assert record.confidence_interval_reason == record.difference_interval_reason == "NO_RANDOMIZED_OWN_BASELINE"
    assert (record.is_statistically_significant, record.direction) == (False, None)
    (config, *_) = config_records(row, effectiveness_records(row))
    assert config.effectiveness_score is not None


def test_a_baseline_of_their_own_goes_before_the_populations() -> None:
    decided = [(day, 1, 700_000 + day, 800_000) for day in range(8)] + [(day, 0, 500_000, 500_000) for day in range(6)]
    row = row_of(decided)
    assert effectiveness_records(row._replace(baseline=others(1, 2, 3, 4, 5))) == effectiveness_records(row)


def test_a_population_of_four_is_none() -> None:
    row = row_of([(0, 1, 700_000, 800_000)])._replace(baseline=others(1, 2, 3, 4))
    record = pooled(effectiveness_records(row), "ROLLING")
    assert (record.baseline_kind, record.performance_difference_reason) == (None, "NO_POPULATION_BASELINE")


def test_windows_end_on_the_rows_own_day_and_begin_with_the_arm_or_the_reset() -> None:
    decided = [(1, 1, 500_000, None), (2, 2, 500_000, None)]
    later = arm(2, first=Millis((TODAY - 5) * DAY))
    records = effectiveness_records(row_of(decided, arm(1), later))
    starts = {(record.window_kind, record.config_id): record.start_date for record in records}
    today = date(1970, 1, 1) + timedelta(days=TODAY)
    assert {record.end_date for record in records} == {today}
    assert {start for (kind, _), start in starts.items() if kind == "ROLLING"} == {today - timedelta(days=13)}
    assert starts["CUMULATIVE", config_id(ADA, Context.SESSION, Variant.PREDICTION_HEAVY)] == today - timedelta(days=5)
    assert starts["CUMULATIVE", None] == today - timedelta(days=40)
    again = row_of(decided, arm(1), later)._replace(learning_since=Millis((TODAY - 3) * DAY))
    assert pooled(effectiveness_records(again), "CUMULATIVE").start_date == today - timedelta(days=3)
    assert records[0].calculated_at == to_datetime(NOW)


@pytest.mark.parametrize(("applied", "direction"), [(900_000, "POSITIVE"), (100_000, "NEGATIVE")])
def test_the_direction_is_that_of_the_correlation(applied: int, direction: str) -> None:
    decided = [(i, 1, applied + i, None) for i in range(8)] + [(i, 0, 500_000 + i, None) for i in range(6)]
    record = pooled(effectiveness_records(row_of(decided)), "CUMULATIVE")
    assert record.direction == direction
    assert record.is_statistically_significant
    assert record.confidence_interval is not None
    assert record.correlation is not None
    assert record.confidence_interval["lower"] < record.correlation < record.confidence_interval["upper"]


def test_no_direction_where_the_means_are_equal_or_nothing_varies() -> None:
    even = [(i, 1, 400_000 + 200_000 * (i % 2), None) for i in range(8)]
    even += [(i, 0, 400_000 + 200_000 * (i % 2), None) for i in range(6)]
    assert pooled(effectiveness_records(row_of(even)), "CUMULATIVE").direction == "NONE"
    flat = [(0, code, 500_000, None) for code in (*[1] * 8, *[0] * 6)]
    record = pooled(effectiveness_records(row_of(flat)), "CUMULATIVE")
    assert (record.direction, record.correlation_reason) == (None, "ZERO_VARIANCE")
    assert not record.is_statistically_significant


def selected(**facts: object) -> Selected:
    """A decision for the arm PATTERN_HEAVY."""
    made = Selected(
        decision_id=DecisionId("6f1c7d1e-9a0b-5f57-8d0c-5b1f0d3e7a23"),
        user_id=ADA,
        context=Context.SESSION,
        mode=Mode.EXPLOIT,
        apply=True,
        strategy_variant=Variant.PATTERN_HEAVY,
        parameters={
            Feature.MISSION_TIMING: Parameter((7, 19), "DEFAULT"),
            Feature.CONTENT_TYPES: Parameter({"TEXT": 0.5}, Because(InsightKind.COGNITIVE_LOAD, FIRST, 0.75)),
        },
        propensities={"NONE": Nano(100_000_000), "PATTERN_HEAVY": Nano(900_000_000)},
        unit=Unit.DECISION,
        assignment_probability=Nano(950_000_000),
        epsilon=0.1,
        confidence=0.83,
        threshold=0.7,
        config_id=config_id(ADA, Context.SESSION, Variant.PATTERN_HEAVY),
        policy_revision=3,
        experiment=None,
        cause=Cause(KEY, 2, 77),
        decided_at=NOW,
        valid_until=Millis(NOW + DAY),
        supersedes=None,
        arms={
            Variant.PATTERN_HEAVY: ArmView(3, Micro(600_000), 0.07, 0.05),
            Variant.BALANCED: ArmView(0, None, 0.01, 0.1),
        },
        draws={"explore": 0.25},
    )
    return made._replace(**facts)  # type: ignore[arg-type] # a test's shorthand


def test_a_config_is_an_arm_ever_selected_with_what_it_earned() -> None:
    pattern = arm(1, selected=4, n=3, raw=1_500_000, active=1, deactivated=int(FIRST))
    arms = (arm(0), pattern, arm(2, selected=0), arm(3, activated=0), arm(5))
    row = row_of([], *arms)._replace(standing=Sealed.of(selected()))
    first, second = config_records(row, effectiveness_records(row))
    assert (first.strategy_variant, second.strategy_variant) == ("PATTERN_HEAVY", "BALANCED")
    assert first.id == config_id(ADA, Context.SESSION, Variant.PATTERN_HEAVY)
    assert first.preferences_id == second.preferences_id == preferences_id("ada")
    assert (first.times_selected, first.times_rewarded, first.total_reward, first.avg_reward) == (4, 3, 1.5, 0.5)
    assert (second.times_rewarded, second.avg_reward, second.effectiveness_score) == (0, None, None)
    assert (first.is_active, second.is_active) == (True, False)
    assert (first.deactivated_at, second.activated_at) == (to_datetime(FIRST), None)
    assert (first.confidence_score, second.confidence_score) == (0.83, Policy().initial_confidence)
    assert second.parameters is None
    assert first.parameters == {
        "mission.timing": {"value": [7, 19], "because": "DEFAULT"},
        "content.content_types": {
            "value": {"TEXT": 0.5},
            "because": {
                "kind": "COGNITIVE_LOAD",
                "observed_at": to_datetime(FIRST).isoformat().replace("+00:00", "Z"),
                "confidence": 0.75,
            },
        },
    }


@pytest.mark.parametrize("standing", [None, Sealed.of(selected(arms={}, strategy_variant=None, apply=False))])
def test_a_config_without_a_word_on_its_arm_has_the_initial_confidence(standing: Sealed[Selected] | None) -> None:
    (record,) = config_records(row_of([], arm(1))._replace(standing=standing), [])
    assert (record.confidence_score, record.parameters) == (Policy().initial_confidence, None)


def test_a_context_without_a_selected_arm_has_no_configs() -> None:
    assert config_records(row_of([], arm(0)), []) == []


def test_a_config_shows_the_rolling_score_and_else_the_cumulative_one() -> None:
    new = [(i, 1, 0, 900_000 + i) for i in range(8)] + [(i, 0, 0, 500_000 + i) for i in range(6)]
    old = [(15, 1, 0, 100_000 + i) for i in range(20)]
    row = row_of([*new, *old], arm(0), arm(1))
    records = effectiveness_records(row)
    rolling, cumulative = (pooled(records, kind).composite_score for kind in ("ROLLING", "CUMULATIVE"))
    assert rolling is not None
    assert cumulative is not None
    assert rolling > 50 > cumulative
    assert [config.effectiveness_score for config in config_records(row, records)] == [rolling]
    aged = row_of([(15, *rest) for _, *rest in new], arm(0), arm(1))  # type: ignore[misc] # the tail of a Decided
    (config,) = config_records(aged, effectiveness_records(aged))
    assert config.effectiveness_score == pooled(effectiveness_records(aged), "CUMULATIVE").composite_score


def test_preferences_are_the_learners_row() -> None:
    preferences = Preferences(level=Level.HIGH, content_enabled=False, disabled_features=(Feature.MISSION_TIMING,))
    row = LearnerRow(user_id=ADA, preferences=preferences, created_at=FIRST, updated_at=NOW)
    record = preferences_record(row)
    assert (record.id, record.user_id, record.level) == (preferences_id("ada"), "ada", "HIGH")
    assert (record.content_enabled, record.session_enabled) == (False, True)
    assert record.disabled_features == ["mission.timing"]
    assert (record.created_at, record.updated_at, record.last_reset_at) == (to_datetime(FIRST), to_datetime(NOW), None)
    assert preferences_record(row._replace(last_reset_at=NOW)).last_reset_at == to_datetime(NOW)


def test_of_two_records_of_a_decision_the_one_rendered_later_is_its_record() -> None:
    first, second, third = (decision_record(selected(rendered_at=at)) for at in (None, NOW, Millis(NOW + 1)))
    assert (first.rendered_at, second.rendered_at) == (None, to_datetime(NOW))
    order = (first, second, third)
    assert [[renders_later(new, old) for old in order] for new in order] == [
        [False, False, False],
        [True, False, False],
        [True, True, False],
    ]


def test_a_decision_is_told_in_numbers_of_one() -> None:
    record = decision_record(selected(experiment="spring\x00trial"))
    assert record.propensities == {"NONE": 0.1, "PATTERN_HEAVY": 0.9}
    assert record.assignment_probability == 0.95
    assert (record.cause_event_id, record.cause_partition, record.cause_offset) == (KEY, 2, 77)
    assert record.arms == {
        "PATTERN_HEAVY": {"n": 3, "mean": 0.6, "expected": 0.07, "sd": 0.05, "effect": None},
        "BALANCED": {"n": 0, "mean": None, "expected": 0.01, "sd": 0.1, "effect": None},
    }
    assert record.experiment == "spring\ufffdtrial"
    assert decision_record(selected(strategy_variant=None)).strategy_variant is None


def filed(disposition: Bin, performance: int = 500_000, **facts: object) -> OutcomeFiled:
    """An outcome as it was filed."""
    made = OutcomeFiled(
        id=KEY,
        user_id=ADA,
        context=Context.SESSION,
        outcome_type=OutcomeType.SESSION_COMPLETED,
        timestamp=NOW,
        disposition=disposition,
        metrics=UNMEASURED._replace(performance=Micro(performance)),
        session_duration=12.5,
        content_type=None,
        difficulty_level=3,
        personalization_applied=True,
        strategy_variant=Variant.BALANCED,
        decision_id=None,
        config_id=None,
        reward=Micro(performance),
    )
    return made._replace(**facts)  # type: ignore[arg-type] # a test's shorthand


def amended(metrics: Measured, correction: EventKey = CORRECTION) -> OutcomeAmended:
    """A correction of that outcome."""
    withdrawn = metrics == UNMEASURED
    return OutcomeAmended(
        id=KEY,
        user_id=ADA,
        context=Context.SESSION,
        metrics=metrics,
        withdrawn=withdrawn,
        reward=None,
        corrected_by=correction,
        at=NOW,
    )


def test_an_outcome_is_told_in_numbers_of_one() -> None:
    record = outcome_record(filed(Bin.APPLIED, content_type="video\x00", strategy_variant=None))
    assert (record.performance_score, record.retention_score) == (0.5, None)
    assert (record.disposition, record.strategy_variant, record.corrected_by) == ("APPLIED", None, None)
    assert record.content_type == "video\ufffd"
    assert record.timestamp == datetime.fromtimestamp(NOW / 1000, UTC)
    assert outcome_record(filed(Bin.LATE)).strategy_variant == "BALANCED"


@pytest.mark.parametrize(
    ("story", "disposition", "performance"),
    [
        ([filed(Bin.APPLIED), filed(Bin.DUPLICATE, 1)], "APPLIED", 0.5),
        ([filed(Bin.APPLIED), filed(Bin.LATE, 1)], "APPLIED", 0.5),
        ([filed(Bin.FUTURE, 1), filed(Bin.APPLIED)], "APPLIED", 0.5),
        ([filed(Bin.ORPHAN), filed(Bin.DUPLICATE, 1)], "ORPHAN", 0.5),
        ([filed(Bin.ORPHAN, 1), filed(Bin.LATE)], "LATE", 0.5),
        ([filed(Bin.DUPLICATE)], "DUPLICATE", 0.5),
        ([filed(Bin.APPLIED), amended(UNMEASURED._replace(performance=Micro(900_000)))], "APPLIED", 0.9),
        ([filed(Bin.APPLIED), amended(UNMEASURED)], "APPLIED", None),
        ([filed(Bin.APPLIED), amended(UNMEASURED), filed(Bin.DUPLICATE)], "APPLIED", None),
    ],
)
def test_of_several_words_on_one_outcome_one_record_remains(
    story: list[OutcomeFiled | OutcomeAmended], disposition: str, performance: float | None
) -> None:
    record = None
    for effect in story:
        record = settled(record, effect)
    assert record is not None
    assert (record.disposition, record.performance_score) == (disposition, performance)
    assert record.corrected_by == (CORRECTION if any(isinstance(effect, OutcomeAmended) for effect in story) else None)


def test_an_amendment_of_nothing_says_nothing() -> None:
    assert settled(None, amended(UNMEASURED)) is None


def test_the_ledger_is_told_bin_by_bin() -> None:
    ledger = Ledger({"SYSTEM": 3, "APPLIED/fitly.outcome.recorded.v1": 5, "APPLIED/a": 1}, 9)
    assert ledger_records(2, ledger) == [
        LedgerRecord(2, "APPLIED", "a", 1),
        LedgerRecord(2, "APPLIED", "fitly.outcome.recorded.v1", 5),
        LedgerRecord(2, "SYSTEM", "", 3),
    ]


def test_a_policy_is_told_as_the_control_log_issued_it() -> None:
    opened = LogOpened(birth_id=KEY, clock_mode=ClockMode.LIVE, partitions=4)
    assert policy_record(ControlEvent(1, KEY, "fitly.log.opened.v1", opened, NOW)) is None
    policy = Policy(switches=Switches(contexts=(Context.SESSION,)), default_reward=None)
    revised = PolicyRevised(revision=2, policy=policy, note="summer\x00")
    record = policy_record(ControlEvent(3, KEY, "fitly.policy.revised.v1", revised, NOW))
    assert record is not None
    assert (record.revision, record.control_number, record.issued_at) == (2, 3, to_datetime(NOW))
    assert record.note == "summer\ufffd"
    assert isinstance(record.policy, dict)
    assert record.policy["switches"] == {"everything": False, "contexts": ["SESSION"], "arms": []}
    assert record.policy["algorithm"] == "EPSILON_GREEDY"


@pytest.mark.parametrize("text", ["ada", "adé", "\U0001f600", "日本"])
def test_text_that_a_database_can_hold_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


def test_what_others_did_in_a_learners_name_is_told_with_who_and_when() -> None:
    partition = Partition()
    key = event_key("lms", "p")
    partition.prefer(level="LOW", acted_by="guardian-7", event_id="p")
    now = to_datetime(partition.now)
    assert audit_records(partition.learner()) == [AuditRecord(key, now, "guardian-7", "preferences.changed", "ada", {})]
    erased = Erased(partition.now, b"", Act(partition.now, key, "fitly.learner.erased.v1", "staff"))
    assert audit_records(erased) == [AuditRecord(key, now, "staff", "learner.erased", None, {})]
    assert audit_records(erased._replace(act=None)) == []
