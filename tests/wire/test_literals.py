"""What is written from a literal has the keys of its contract, all of them, in their order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest
from tests.core.partition import Partition, Policy
from tests.wire.test_said import AMENDED, FILED

from fitly.core.decisions import OutcomeAmended, OutcomeFiled
from fitly.core.names import DecisionId
from fitly.wire.cloudevents import CloudEvent
from fitly.wire.outcomes import Amended, Filed, encode_outcome
from fitly.wire.schemas import LEFT_OUT
from fitly.wire.selected import ArmSeen, AskedOf, CausedBy, MovedBy, Setting, StrategySelected, encode_selected


def names(contract: type) -> list[str]:
    return [field.name for field in fields(contract)]


def selected() -> Mapping[str, Any]:
    """A decision in which nothing is empty."""
    partition = Partition(Policy(holdout_share=0, control_share=0))
    for kind, said in (
        ("COGNITIVE_LOAD", {"load": 9, "load_tolerance": 90}),
        ("MISSION_ANALYTICS", {"best_difficulty": 4}),
    ):
        partition.observe("ada", kind, **said)
    decision = partition.request().selected._replace(supersedes=DecisionId("d"), draws={"greedy": 0.5})
    whole: Mapping[str, Any] = json.loads(encode_selected(decision))
    return whole


def test_a_decision_has_the_keys_of_its_contract_at_every_depth() -> None:
    whole = selected()
    data = whole["data"]
    assert list(whole) == names(CloudEvent)
    assert list(data) == [name for name in names(StrategySelected) if name not in LEFT_OUT[StrategySelected]]
    assert list(data["cause"]) == names(CausedBy)
    assert list(data["grounds"]) == names(AskedOf)
    assert data["arms"], "no arm was looked at: this test must have some"
    assert all(list(arm) == names(ArmSeen) for arm in data["arms"].values())
    assert data["parameters"], "no parameter was told: this test must have some"
    assert all(list(one) == names(Setting) for one in data["parameters"].values())
    moved = [one["because"] for one in data["parameters"].values() if not isinstance(one["because"], str)]
    assert moved, "no parameter was moved: this test must have some"
    assert all(list(by) == names(MovedBy) for by in moved)


@pytest.mark.parametrize(("effect", "contract"), [(FILED, Filed), (AMENDED, Amended)])
def test_an_outcome_has_the_keys_of_its_contract(effect: OutcomeFiled | OutcomeAmended, contract: type) -> None:
    whole = json.loads(encode_outcome(effect))
    assert list(whole) == names(CloudEvent)
    assert list(whole["data"]) == names(contract)
