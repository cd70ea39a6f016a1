"""An explanation reads well: the answer first, every part of the record told, and the same for programs."""

from __future__ import annotations

import json
import re

import pytest
from tests.core.partition import SURE, Partition, Policy, replace
from tests.core.test_explaining import DRAWN, HARMED, drawn, first

from fitly.cli.explain import _only
from fitly.cli.explained import _because, document, explain, tell
from fitly.core.decisions import Parameter, Selected
from fitly.core.names import UserId
from fitly.core.vocabulary import Feature, Mode


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def page(selected: Selected, capsys: pytest.CaptureFixture[str]) -> str:
    tell(selected, explain(selected), "a test")
    return re.sub(r"\s+", " ", capsys.readouterr().out)


@pytest.mark.parametrize("mode", [Mode.CONTROL, Mode.EXPLORE, Mode.EXPLOIT])
def test_a_page_tells_the_answer_the_way_to_it_and_the_record(mode: Mode, capsys: pytest.CaptureFixture[str]) -> None:
    selected = first(mode, DRAWN)
    said = page(selected, capsys)
    assert said.startswith("ada · SESSION: ")
    assert said.index(f"✓ {mode}") < said.index("What was known of each strategy") < said.index("The record")
    assert "Pattern-heavy 9 0.667 +0.053 ± 0.069 77.9 % 49 % ← best" in said
    assert "(not applied) - - - - 30 %" in said
    assert f"holdout {selected.draws['holdout']:.4f} 0 to 1 not held out" in said
    assert "session.break_timing 25 DEFAULT" in said or not selected.apply
    assert f"decision {selected.decision_id}" in said
    assert "revision 3, EPSILON_GREEDY, epsilon 0.4" in said
    assert "✓ mode and strategy follow from the record's own draws read from a test" in said


def test_a_page_tells_a_contradiction_and_what_is_not_in_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    selected = first(Mode.FALLBACK, drawn(Policy(holdout_share=0), arms=HARMED, informed=True))
    said = page(selected._replace(mode=Mode.EXPLOIT, grounds=None), capsys)
    assert "· the record does not say what the mode follows from" in said
    assert "✗ the record contradicts itself: mode is EXPLOIT in the record, but FALLBACK follows from it" in said


def test_an_old_record_shows_what_the_choice_compared(capsys: pytest.CaptureFixture[str]) -> None:
    selected = first(Mode.EXPLOIT, DRAWN)
    arms = {arm: view._replace(effect=None, sd=None) for arm, view in selected.arms.items()}
    assert "Pattern-heavy 9 0.667 +0.053 - 49 %" in page(selected._replace(arms=arms, grounds=None), capsys)


def test_nothing_is_shown_of_arms_that_were_not_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    partition = Partition(replace(SURE, holdout_share=1))
    said = page(partition.request().selected, capsys)
    assert "do not personalize HOLDOUT" in said
    assert "What was known" not in said
    assert "Parameters" not in said
    partition = Partition()
    partition.prefer(level="NONE")
    assert "What was drawn" not in page(partition.request().selected, capsys)


def test_parameters_are_shown_as_people_read_them(capsys: pytest.CaptureFixture[str]) -> None:
    parameters = {
        Feature.MISSION_TIMING: Parameter((8, 17), "LEARNING_PROFILE"),
        Feature.CONTENT_TYPES: Parameter({"TEXT": 0.25, "VIDEO": 0.75}, "DEFAULT"),
    }
    said = page(first(Mode.EXPLOIT, DRAWN)._replace(parameters=parameters), capsys)
    assert "mission.timing [8, 17] LEARNING_PROFILE" in said
    assert "content.content_types text 0.25, video 0.75 DEFAULT" in said
    assert _because({"kind": "LEARNING_PROFILE", "confidence": 0.8, "until": None}) == (
        "kind LEARNING_PROFILE, confidence 0.8"
    )


def test_programs_are_told_everything() -> None:
    selected = first(Mode.EXPLORE, DRAWN)
    told = json.loads(json.dumps(document(selected, explain(selected), "a test")))
    assert told["holds"]
    assert told["follows"] == {"mode": "EXPLORE", "strategy_variant": selected.strategy_variant}
    assert [step["modes"] for step in told["steps"]][-1] == ["EXPLORE", "EXPLOIT"]
    assert told["record"]["propensities"]["NONE"] == 0.3
    assert told["record"]["arms"]["PATTERN_HEAVY"]["mean"] == 0.666667
    assert told["record"]["grounds"]["algorithm"] == "EPSILON_GREEDY"


def test_a_learners_decisions_are_sought_in_their_partition_alone() -> None:
    ends = {0: 5, 1: 6, 2: 7, 3: 8}
    assert _only(ends, None) == ends
    found = _only(ends, UserId("ada"))
    assert [end for end in found.values() if end] == [ends[next(part for part, end in found.items() if end)]]
