"""What goes out is read back exactly, and is a CloudEvent whichever way it was written."""

from __future__ import annotations

import json
from datetime import datetime

import msgspec
import pytest
from tests.core.partition import START, SURE, UNSURE, Partition, Policy, replace

from fitly.core.decisions import Because, Measured, OutcomeAmended, OutcomeFiled, Parameter
from fitly.core.names import EventKey, UserId
from fitly.core.numbers import CERTAIN, Micro, Millis
from fitly.core.vocabulary import Bin, Context, Feature, InsightKind, Level, OutcomeType
from fitly.wire.cloudevents import JSON, CloudEvent
from fitly.wire.outcomes import Amended, Filed, decode_outcome, encode_outcome
from fitly.wire.selected import StrategySelected, decode_selected, encode_selected

FILED = OutcomeFiled(
    id=EventKey("00000000-0000-5000-8000-000000000001"),
    user_id=UserId("ada"),
    context=Context.SESSION,
    outcome_type=OutcomeType.SESSION_COMPLETED,
    timestamp=Millis(START + 123),
    disposition=Bin.ORPHAN,
    metrics=Measured(Micro(1), None, Micro(333_333), Micro(1_000_000)),
    session_duration=12.25,
    content_type="VIDEO",
    difficulty_level=4,
    personalization_applied=None,
    strategy_variant=None,
    decision_id=None,
    config_id=None,
    reward=Micro(123_457),
)
AMENDED = OutcomeAmended(
    id=FILED.id,
    user_id=FILED.user_id,
    context=FILED.context,
    metrics=Measured(None, None, None, None),
    withdrawn=True,
    reward=None,
    corrected_by=EventKey("00000000-0000-5000-8000-000000000002"),
    at=Millis(START + 9),
)


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        SURE,
        UNSURE,
        replace(SURE, control_share=1),
        replace(SURE, holdout_share=1),
        replace(SURE, default_level=Level.NONE),
    ],
)
def test_a_decision_comes_back_as_it_was(policy: Policy) -> None:
    partition = Partition(policy)
    told = partition.request("\u00e9l\u00e8ve")
    (sent,) = told.outputs
    assert sent.key == "\u00e9l\u00e8ve|ASSESSMENT".encode()
    assert encode_selected(told.selected) == sent.value
    assert sum(told.selected.propensities.values()) == CERTAIN


def test_a_decision_is_a_cloud_event_as_the_contract_has_it() -> None:
    (sent,) = Partition(Policy()).request().outputs
    event = msgspec.json.decode(sent.value or b"", type=CloudEvent[StrategySelected])
    outside = b',"experiment_variant":null,"enrolment":null'  # not written outside of an experiment
    assert JSON.encode(event).replace(outside, b"") == sent.value
    whole = json.loads(sent.value)
    assert whole["type"] == "fitly.strategy.selected.v1"
    assert (whole["id"], whole["subject"]) == (whole["data"]["decision_id"], "ada")
    assert whole["time"] == whole["data"]["decided_at"] == "2026-03-02T08:00:00Z"
    assert whole["data"]["cause"].keys() == {"event_id", "partition", "offset"}
    assert sum(whole["data"]["propensities"].values()) == pytest.approx(1)


def test_parameters_that_were_moved_are_written_like_those_that_were_not() -> None:
    plain = Partition().request().selected
    copied = plain._replace(parameters=dict(plain.parameters))
    assert encode_selected(copied) == encode_selected(plain)
    because = Because(InsightKind.LEARNING_PROFILE, Millis(1_772_438_400_123), 0.1 + 0.2)
    moved = plain._replace(parameters={Feature.MISSION_TIMING: Parameter((8, 17), because)})
    assert decode_selected(encode_selected(moved)) == moved


def test_a_rendering_is_an_event_of_its_own_at_its_own_time() -> None:
    plain = Partition().request().selected
    again = plain._replace(rendered_at=Millis(plain.decided_at + 1_500))
    assert decode_selected(encode_selected(again)) == again
    first, second = (json.loads(encode_selected(each)) for each in (plain, again))
    assert first["data"]["rendered_at"] is None
    assert second["time"] == second["data"]["rendered_at"] == "2026-03-02T08:00:01.500000Z"
    assert second["id"] != first["id"] == second["data"]["decision_id"]


def test_a_decision_that_was_sent_before_there_were_renderings_is_read() -> None:
    plain = Partition().request().selected
    old = encode_selected(plain).replace(b',"rendered_at":null', b"")
    assert decode_selected(old) == plain


@pytest.mark.parametrize(
    "effect",
    [
        FILED,
        FILED._replace(metrics=Measured(None, Micro(5), None, None), personalization_applied=True, reward=None),
        AMENDED,
        OutcomeAmended(
            AMENDED.id, AMENDED.user_id, AMENDED.context, FILED.metrics, withdrawn=False, reward=Micro(7),
            corrected_by=AMENDED.corrected_by, at=AMENDED.at,
        ),
    ],
)  # fmt: skip
def test_what_became_of_an_outcome_comes_back_as_it_was(effect: OutcomeFiled | OutcomeAmended) -> None:
    value = encode_outcome(effect)
    assert decode_outcome(value) == effect
    kind = CloudEvent[Amended] if isinstance(effect, OutcomeAmended) else CloudEvent[Filed]
    assert JSON.encode(msgspec.json.decode(value, type=kind)) == value


def test_every_millionth_survives_the_way_through_json() -> None:
    for value in (*range(0, 1_000_001, 997), 1_000_000):
        effect = FILED._replace(reward=Micro(value))
        found = decode_outcome(encode_outcome(effect))
        assert isinstance(found, OutcomeFiled)
        assert found.reward == value


def test_an_amendment_is_said_by_its_correction_at_its_own_time() -> None:
    whole = json.loads(encode_outcome(AMENDED))
    assert whole["id"] == AMENDED.corrected_by
    assert whole["data"]["id"] == AMENDED.id
    assert datetime.fromisoformat(whole["time"]).microsecond == 9_000


@pytest.mark.parametrize("value", [b"{}", b'{"type": "x"}', b'{"type": "fitly.outcome.amended.v1"}'])
def test_bytes_of_another_contract_are_not_read(value: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_outcome(value)
    with pytest.raises(msgspec.ValidationError):
        decode_selected(value)
