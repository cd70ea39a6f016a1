"""Plans are read from files with every mistake told at its place, and experiments are told as people read them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner
from rich.console import Console
from tests.core.partition import replace
from tests.core.test_lifecycle import ROLLED_OUT, after
from tests.core.trials import BANDIT, NAME, PLAN, STOPPED, started

from fitly.cli import main
from fitly.cli.planning import changes, document, overview, plan_document, read_plan
from fitly.core.errors import Broken
from fitly.core.events import ExperimentDefined

YAML: Final = """\
experiment_name: any
experiment_type: AB_TEST
context: ASSESSMENT
variants:
  - {variant_id: none, weight: 0.5, config: {apply: false}}
  - {variant_id: balanced, weight: 0.5, config: {strategy_variant: Balanced}}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        YAML,
        json.dumps(plan_document(PLAN)),
        json.dumps(document(after(ExperimentDefined(plan=PLAN))[NAME])),
    ],
    ids=["YAML", "JSON", "what `fitly experiments show --json` prints"],
)
def test_a_plan_is_read_from_yaml_and_json_alike(tmp_path: Path, text: str) -> None:
    assert read_plan(written(tmp_path, text)) == PLAN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- 1", "holds no plan"),
        ("experiment_name: [", "neither YAML nor JSON"),
        (YAML.replace("0.5", "0.75"), r"the plan: the variants' weights add to 1.5: make them add to 1"),
        (YAML.replace("AB_TEST", "AB"), "experiment_type: Input should be"),
        (YAML.replace("apply: false", "apply: true"), r"variants.0.config: apply: true says nothing"),
        (YAML.replace("Balanced", "Bold") + "colour: red\n", r"variants.1.config.strategy_variant: .*; colour: "),
        (YAML.replace("any", "a name"), "rename 'a name'"),
        (YAML + "traffic_share: .nan\n", "traffic_share: Input should be a valid number"),
    ],
)
def test_a_file_that_is_no_plan_is_refused_with_the_places(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(Broken, match=told) as caught:
        read_plan(written(tmp_path, text))
    assert not caught.value.restart_helps


def test_the_plan_that_the_readme_shows_is_one(tmp_path: Path) -> None:
    readme = Path(__file__).resolve().parents[2] / "README.md"
    (shown,) = [
        block.partition("```")[0]
        for block in readme.read_text(encoding="utf-8").split("```yaml\n")[1:]
        if block.startswith("experiment_name")
    ]
    plan = read_plan(written(tmp_path, shown))
    assert [variant.variant_id for variant in plan.variants] == ["as-usual", "balanced"]


def test_what_changes_is_told_by_field() -> None:
    ramped = replace(PLAN, traffic_share=0.5, hypothesis="more")
    assert changes(PLAN, ramped) == [("hypothesis", "", "more"), ("traffic_share", 1.0, 0.5)]
    assert changes(None, PLAN) == changes(PLAN, PLAN) == []


def test_an_experiment_is_told_with_its_moments_and_its_weights() -> None:
    draft = document(after(ExperimentDefined(plan=PLAN))[NAME])
    assert (draft["status"], draft["plan_hash"], draft["started_at"], draft["weights"]) == ("DRAFT", None, None, None)
    running = after(ExperimentDefined(plan=BANDIT), started(BANDIT))
    told = document(running[NAME])
    assert (told["epoch"], told["weights"]) == (0, {"none": 0.5, "balanced": 0.5})
    assert told["started_at"] == "1970-01-01T00:00:02.000Z"
    ended = document(after(ROLLED_OUT, trials=running)[NAME])
    assert (ended["afterwards"], ended["winner"], ended["hold_back"]) == ("ROLL_OUT", "balanced", 0.2)


def test_the_list_says_where_each_stands() -> None:
    defined = after(ExperimentDefined(plan=PLAN), started())
    found = [after(STOPPED, trials=defined)[NAME], after(ROLLED_OUT, trials=defined)[NAME]]
    console = Console(file=io.StringIO(), width=200)
    console.print(overview(found))
    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    assert "PAUSED (stopped)" in printed
    assert "COMPLETED (ROLL_OUT balanced)" in printed


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--then", "roll-out"], "roll-out needs --winner"),
        (["--winner", "balanced"], "roll-out needs --winner"),
        (["--hold-back", "0.2"], "--hold-back is of a roll-out"),
        (["--then", "stop"], "'stop' is not one of"),
    ],
)
def test_options_that_cannot_be_meant_together_are_a_wrong_use(options: list[str], told: str) -> None:
    settings = {"FITLY_KAFKA_BOOTSTRAP": "127.0.0.1:1", "FITLY_CONTROL_KEY": "k" * 32}
    said = CliRunner(env=settings).invoke(main, ["experiments", "complete", NAME, *options])
    assert said.exit_code == 2
    assert told in said.stderr
