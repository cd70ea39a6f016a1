"""The example turns a trial into events in the file's order and a plan, and says what it cannot be made of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fitly.cli.planning import read_plan
from fitly.wire.events import parse_event

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "trial_events.py"
TRIAL = "who,arm,passed,earlier\nzoe,new,TRUE,30\nada,old,0,10\nbob,new,1,20\n"


def run(folder: Path, trial: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the example over a small file."""
    (folder / "t.csv").write_text(trial)
    columns = ["--unit", "who", "--arm", "arm", "--metric", "passed", "--folder", str(folder / "made")]
    command = [sys.executable, str(EXAMPLE), str(folder / "t.csv"), *columns, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_learners_are_given_their_arms_and_enrolled_in_the_order_of_the_file(tmp_path: Path) -> None:
    assert run(tmp_path, TRIAL, "--covariate", "earlier", "--control", "old", "--name", "t").returncode == 0
    before, after = (
        [json.loads(line) for line in (tmp_path / "made" / name).read_text().splitlines()]
        for name in ("before.ndjson", "trial.ndjson")
    )
    assert [parse_event(json.dumps(each).encode()).user_id for each in after] == [
        *("zoe", "zoe", "ada", "ada", "bob", "bob"),
        "bob",
    ]
    assert [each["time"] for each in before + after] == sorted(each["time"] for each in before + after)
    given = [each["data"]["attributes"] for each in before if "attributes" in each["data"]]
    assert given == [{"experiment:t": "new"}, {"experiment:t": "old"}, {"experiment:t": "new"}]
    assert [each["data"]["completion_rate"] for each in before if "outcome_type" in each["data"]] == [1.0, 0.0, 0.5]
    assert [each["data"]["completion_rate"] for each in after if "outcome_type" in each["data"]] == [1.0, 0.0, 1.0]
    plan = read_plan(tmp_path / "made" / "plan.json")
    assert (plan.controls, plan.traffic_share) == ("old", 0)
    assert {each.variant_id: each.config.apply for each in plan.variants} == {"old": False, "new": None}


@pytest.mark.parametrize(
    ("trial", "more", "told"),
    [
        (TRIAL, ("--covariate", "later"), "there is no column 'later'"),
        (TRIAL + "ada,old,1,1\n", (), "a learner has two rows"),
        (TRIAL + "eve,other,1,1\n", (), "arm does not hold two arms"),
        (TRIAL + "eve,old,7,1\n", (), "passed is not within 0 and 1"),
    ],
)
def test_what_no_trial_can_be_made_of_is_told(tmp_path: Path, trial: str, more: tuple[str, ...], told: str) -> None:
    said = run(tmp_path, trial, *more)
    assert said.returncode == 2
    assert told in said.stderr
