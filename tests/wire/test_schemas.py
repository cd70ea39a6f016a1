"""The schemas say what the decoder does, and their files say what the types do."""

from __future__ import annotations

import json
import runpy
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from tests.core.partition import BIRTH, START, SURE, UNSURE, Partition, replace
from tests.golden.add import corpus
from tests.wire.examples import ENVELOPES_REFUSED, EXAMPLES, MOMENTS, OUTCOME, REFUSED, envelope

from fitly.core.events import CONTROL_EVENTS, LEARNER_EVENTS, TICK, LogOpened, PolicyRevised
from fitly.core.numbers import Millis
from fitly.core.rules import Policy
from fitly.core.topics import ASSESSED, CONTROL, OUTCOMES, SELECTED, TOPICS
from fitly.core.vocabulary import ClockMode, Variant
from fitly.wire import schemas
from fitly.wire.events import encode_control, encode_tick
from fitly.wire.schemas import files, main

SCHEMAS = {name: json.loads(content) for name, content in files().items()}


def validator(name: str) -> Any:  # noqa: ANN401 - jsonschema has no types
    return Draft202012Validator(SCHEMAS[name])


def accepted(name: str, event: object) -> bool:
    return bool(validator(name).is_valid(event))


def test_there_is_a_schema_for_every_topic_that_names_one() -> None:
    assert SCHEMAS.keys() == {topic.schema for topic in TOPICS if topic.schema is not None}


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_valid_schema_and_says_what_its_topic_is_for(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["description"]
    assert ">>>" not in json.dumps(SCHEMAS[name])


@pytest.mark.parametrize("kind", LEARNER_EVENTS)
def test_every_example_fits(kind: str) -> None:
    for data in EXAMPLES[kind]:
        validator("learner-events.json").validate(envelope(kind, data, traceparent="an extension"))


@pytest.mark.parametrize(("kind", "data", "_reason"), REFUSED)
def test_what_the_decoder_refuses_in_the_data_the_schema_refuses(kind: str, data: object, _reason: str) -> None:
    assert not accepted("learner-events.json", envelope(kind, data))


@pytest.mark.parametrize(("attributes", "_reason"), ENVELOPES_REFUSED)
def test_what_the_decoder_refuses_in_the_envelope_the_schema_refuses(attributes: dict[str, Any], _reason: str) -> None:
    assert not accepted("learner-events.json", envelope("fitly.outcome.recorded.v1", OUTCOME, **attributes))


@pytest.mark.parametrize("written", MOMENTS)
def test_a_moment_that_is_read_fits(written: str) -> None:
    validator("learner-events.json").validate(envelope("fitly.outcome.recorded.v1", OUTCOME, time=written))


@pytest.mark.parametrize("kind", [*LEARNER_EVENTS, *CONTROL_EVENTS, TICK])
def test_every_type_is_described(kind: str) -> None:
    name = "learner-events.json" if kind in LEARNER_EVENTS else "control.json"
    mapping = SCHEMAS[name]["discriminator"]["mapping"]
    definition = SCHEMAS[name]["$defs"][mapping[kind].rpartition("/")[2]]
    assert definition["description"]
    assert definition["properties"]["time"]["description"]


def test_a_variant_may_go_by_its_label_at_the_door_and_never_does_on_the_way_out() -> None:
    labels = {variant.label for variant in Variant}
    assert labels < set(SCHEMAS["learner-events.json"]["$defs"]["Variant"]["enum"])
    assert SCHEMAS["strategy-selected.json"]["$defs"]["Variant"]["enum"] == [variant.value for variant in Variant]


def test_control_events_and_ticks_fit() -> None:
    opened = LogOpened(birth_id=BIRTH, clock_mode=ClockMode.LIVE, partitions=4)
    for value in (
        encode_control(1, "fitly.log.opened.v1", opened, START),
        encode_control(2, "fitly.policy.revised.v1", PolicyRevised(revision=1, policy=Policy()), START),
        encode_tick(0, Millis(START)),
    ):
        validator("control.json").validate(json.loads(value))


def test_a_policy_out_of_bounds_or_without_any_weight_does_not_fit() -> None:
    def revised(policy: object) -> bool:
        value = encode_control(2, "fitly.policy.revised.v1", PolicyRevised(revision=1, policy=Policy()), START)
        event = json.loads(value)
        event["data"]["policy"] = policy
        return accepted("control.json", event)

    weights = ("retention", "performance", "completion", "engagement")
    assert revised({"reward_weights": {"retention": 0}})
    assert not revised({"reward_weights": dict.fromkeys(weights, 0)})
    assert not revised({"epsilon": 2})
    assert not revised({"colour": "red"})


def test_whatever_goes_out_fits() -> None:
    sent: dict[str, list[dict[str, Any]]] = {SELECTED: [], OUTCOMES: []}
    for policy in (SURE, UNSURE, replace(SURE, control_share=1), replace(SURE, holdout_share=1)):
        partition = Partition(policy)
        told = [
            partition.request(),
            partition.outcome(event_id="o", session_duration=3.5, content_type="VIDEO", difficulty_level=1),
            partition.outcome(time=partition.now - 1),
            partition.correct("o", retention_score=0.5),
            partition.correct("o", withdrawn=True),
            partition.prefer(disabled_features=["assessment.frequency"], level="NONE"),
            partition.outcome(),
        ]
        for record in (output for each in told for output in each.outputs):
            sent[record.topic].append(json.loads(record.value or b""))
    assert len(sent[SELECTED]) == 8
    assert len(sent[OUTCOMES]) == 20
    for event in sent[SELECTED]:
        validator("strategy-selected.json").validate(event)
    for event in sent[OUTCOMES]:
        validator("outcomes.json").validate(event)
    assert not accepted("outcomes.json", sent[SELECTED][0])
    assert not accepted("strategy-selected.json", sent[OUTCOMES][0])


def test_whatever_is_assessed_fits() -> None:
    partition = Partition(replace(SURE, control_share=0.5, dwell_days=0))
    told = []
    for n in range(50):
        partition.later(hours=0.01)
        told.append(partition.request(context="CONTENT"))
        score = 0.8 if told[-1].selected.apply else 0.3
        told.append(partition.outcome(score=score + n / 1000, context="CONTENT", outcome_type="CONTENT_ENGAGED"))
    partition.later(days=1)
    told += [partition.tick(), partition.reset()]
    sent = [json.loads(output.value or b"") for each in told for output in each.to(ASSESSED)]
    assert any(event["data"]["records"] and event["data"]["flips"] for event in sent)
    assert any(event["data"]["records"] == [] for event in sent)
    for event in sent:
        validator("effectiveness-assessed.json").validate(event)
    assert not accepted("outcomes.json", sent[0])


SAID = {case: json.loads(value) for case, value in corpus("said").items() if case.startswith("experiment ")}


@pytest.mark.parametrize("case", SAID)
def test_what_moves_an_experiment_fits(case: str) -> None:
    validator("control.json").validate(SAID[case])


@pytest.mark.parametrize(
    "config", [{}, {"apply": True}, {"apply": False, "strategy_variant": "BALANCED"}, {"strategy_variant": None}]
)
def test_a_variant_that_does_not_do_one_thing_does_not_fit(config: dict[str, Any]) -> None:
    defined = deepcopy(SAID["experiment defined"])
    defined["data"]["plan"]["variants"][0]["config"] = config
    assert not accepted("control.json", defined)


@pytest.mark.parametrize("end", [{"winner": None}, {"afterwards": "KEEP"}])
def test_a_roll_out_without_a_winner_and_a_winner_without_one_do_not_fit(end: dict[str, Any]) -> None:
    completed = deepcopy(SAID["experiment completed"])
    completed["data"] |= end
    assert not accepted("control.json", completed)


def test_the_committed_files_are_what_the_types_say() -> None:
    root = Path(__file__).parents[2]
    assert main(["--check"], root / "schemas") == 0


def test_files_are_written_once_and_a_changed_byte_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "schemas"
    assert main(["--check"], directory) == 1
    assert main([], directory) == 0
    assert capsys.readouterr().out.count("wrote ") == len(SCHEMAS)
    assert main([], directory) == 0
    assert capsys.readouterr().out == ""
    assert main(["--check"], directory) == 0
    (directory / "control.json").write_bytes((directory / "control.json").read_bytes() + b"\n")
    assert main(["--check"], directory) == 1
    told = capsys.readouterr().err
    assert "control.json" in told
    assert "make schemas" in told
    assert CONTROL in told


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr(sys, "argv", ["schemas", "--check"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(schemas.__file__), run_name="__main__")
    assert ended.value.code == 0
