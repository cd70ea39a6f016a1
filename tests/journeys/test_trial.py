"""A real trial, randomized elsewhere and published as events, is reported with the figures its file is analyzed to."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from tests.journeys.conftest import Installation

from fitly.cli import main

ROOT = Path(__file__).resolve().parents[2]
TRIAL = ROOT.parent / "shared" / "data" / "assistments_ab.csv.gz"
COLUMNS: Final = ("--unit", "user_id", "--arm", "video", "--metric", "completion")
COVARIATE: Final = "student_prior_average_correctness"
CLOSE: Final = 1e-6
"""Relative; of what hangs on a covariate from the file absolute, for it is rounded to millionths on its way."""
MEANS: Final = ("n", "mean", "sd")
FIXED: Final = ("se", "df", "t", "p_value", "ci")
CUPED: Final = ("theta", "difference", "se", "p_value", "ci")

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not TRIAL.exists(), reason=f"{TRIAL.name} is not in shared/data beside this checkout"),
]


def test_a_trial_published_as_events_is_reported_as_its_file_is_analyzed(
    install: Callable[..., Installation], tmp_path: Path
) -> None:
    example = [sys.executable, str(ROOT / "examples" / "trial_events.py"), str(TRIAL), *COLUMNS]
    made = [*example, "--covariate", COVARIATE, "--name", "video", "--folder", str(tmp_path)]
    subprocess.run(made, check=True, timeout=60)

    fitly = install(as_of=True)
    fitly.fitly("experiments", "define", str(tmp_path / "plan.json"))
    refused = fitly.fitly("experiments", "start", "video", status=1).err
    assert "partition 0 of this AS_OF log has no time yet" in refused
    fitly.fitly("publish", str(tmp_path / "before.ndjson"), "--as-of-event-time")
    fitly.fitly("experiments", "start", "video")
    fitly.fitly("publish", str(tmp_path / "trial.ndjson"), "--as-of-event-time")
    fitly.until(lambda: measured(report(fitly)) == 683, "a look at all 683 learners")

    found = report(fitly)
    same(found, analyzed(TRIAL), rounding=CLOSE)
    same(found, analyzed(first_rows(683, tmp_path)))
    assert found["not_enrolled"] == {}
    assert found["verdict"]["winner"] is None

    early = report(fitly, "--look", str(found["look"] - 3))
    assert 200 < measured(early) < 600
    same(early, analyzed(first_rows(measured(early), tmp_path)))

    proof = fitly.fitly("verify", "--replay", "--json", status=None).json
    assert proof["holds"], proof


def report(fitly: Installation, *which: str) -> dict[str, Any]:
    """Give a look, the newest or another; nothing where there is none yet."""
    said = CliRunner(env=fitly.environment).invoke(main, ["experiments", "report", "video", *which, "--json"])
    assert said.exit_code in {0, 1}, said.stderr
    found: dict[str, Any] = {} if said.exit_code else json.loads(said.stdout)
    return found


def measured(found: dict[str, Any]) -> int:
    """Count whom a report counts."""
    return sum(arm["measured"] for arm in found.get("arms", ()))


def analyzed(file: Path) -> dict[str, Any]:
    """Give what `fitly analyze` says of a file."""
    said = CliRunner().invoke(main, ["analyze", str(file), *COLUMNS, "--covariate", COVARIATE, "--json"])
    assert said.exit_code == 0, said.stderr
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def first_rows(many: int, folder: Path) -> Path:
    """Write the first rows of the trial, whose days are complete at a look: they close in the file's order.

    The covariate is in millionths, as a reward is.
    """
    short = folder / "first.csv"
    with gzip.open(TRIAL, "rt", newline="") as lines, short.open("w", newline="") as out:
        rows = csv.DictReader(lines)
        writer = csv.DictWriter(out, rows.fieldnames or ())
        writer.writeheader()
        for row in islice(rows, many):
            writer.writerow(row | {COVARIATE: round(float(row[COVARIATE]), 6)})
    return short


def same(found: dict[str, Any], file: dict[str, Any], *, rounding: float = 0.0) -> None:
    """Hold every figure that both have against the other; ``rounding`` is what those with a covariate may differ by."""
    arms = {arm["variant_id"]: arm for arm in found["arms"]}
    for name, arm in file["arms"].items():
        means = arms[name]["measures"]["completion"]
        assert [means[key] for key in MEANS] == pytest.approx([arm["completion"][key] for key in MEANS], rel=CLOSE)
    (one,) = (each for each in found["comparisons"] if each["measure"] == "completion")
    (other,) = file["comparisons"]
    assert (one["treatment"], one["control"]) == (other["treatment"], other["control"])
    told = {
        "difference": (one["difference"], other["difference"]),
        "d": (one["d"], other["d"]),
        "lift": (one["lift"], other["relative"]["lift"]),
        "lift_ci": (one["lift_ci"], other["relative"]["ci"]),
        "sequential p": (one["always_valid"]["p_value"], other["sequential"]["p_value"]),
        "sequential ci": (one["always_valid"]["ci"], other["sequential"]["ci"]),
        **{key: (one["fixed"][key], other[key]) for key in FIXED},
    }
    for name, (live, finished) in told.items():
        assert live == pytest.approx(finished, rel=CLOSE, abs=0), name
    assert one["cuped"]["covered"] == measured(found)
    for key in CUPED:
        assert one["cuped"][key] == pytest.approx(other["cuped"][key], rel=CLOSE, abs=rounding), f"cuped {key}"
    (ratio,) = (check for check in found["checks"] if check["suspicion"] == "SAMPLE_RATIO")
    if measured(found) == found["participants"]:
        assert ratio["observed"] == file["srm"]["observed"]
        for key in ("chi2", "df", "p_value", "log10_p_value"):
            assert ratio[key] == pytest.approx(file["srm"][key], rel=CLOSE), key
