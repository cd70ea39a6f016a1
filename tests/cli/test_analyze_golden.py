"""`fitly analyze` on a real randomized trial gives the figures that scipy, statsmodels and gbstats give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from fitly.cli import main

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = ROOT.parent / "shared" / "data"
TRIAL, EXPECTED = DATA / "assistments_ab.csv.gz", DATA / "assistments_expected.json"
PRIOR: Final = "student_prior_average_correctness"
NEAR: Final = 1e-9
WRITTEN: Final = 1e-11
"""The expected figures have 12 digits."""

pytestmark = pytest.mark.skipif(
    not EXPECTED.exists(), reason=f"the ASSISTments files are not in {DATA.name}/ beside this checkout"
)


@pytest.fixture(scope="module", name="expected")
def read_expected() -> dict[str, Any]:
    return {item["id"]: item for item in json.loads(EXPECTED.read_text())["items"]}


@pytest.fixture(scope="module", name="found")
def analyze_trial() -> dict[str, Any]:
    asked = ["--unit", "user_id", "--arm", "video", "--metric", f"completion,{PRIOR}", "--covariate", PRIOR, "--json"]
    said = CliRunner().invoke(main, ["analyze", str(TRIAL), *asked])
    assert said.exit_code == 0, said.output
    document: dict[str, Any] = json.loads(said.stdout)
    return document


def near(value: Any, rel: float = NEAR) -> Any:  # noqa: ANN401 - numbers and lists of them
    return pytest.approx(value, rel=rel, abs=WRITTEN)


def test_the_sample_ratio(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for key, value in expected["assist.srm"]["values"].items():
        assert found["srm"][key] == near(value)
    assert found["srm"]["observed"] == {"FALSE": 346, "TRUE": 337}
    assert found["srm"]["alarm"] is False


def test_a_ratio_known_to_be_broken(expected: dict[str, Any], tmp_path: Path) -> None:
    item = expected["posthog.srm"]
    file = tmp_path / "counts.csv"
    arms = [
        arm for arm, count in zip(item["inputs"]["arms"], item["inputs"]["observed"], strict=True) for _ in range(count)
    ]
    file.write_text("id,arm,done\n" + "".join(f"{at},{arm},{at % 2}\n" for at, arm in enumerate(arms)))
    weights = "control=0.8,self-driving=0.2"
    asked = ["--unit", "id", "--arm", "arm", "--metric", "done", "--weights", weights, "--json"]
    said = CliRunner().invoke(main, ["analyze", str(file), *asked])
    assert said.exit_code == 1
    srm = json.loads(said.stdout)["srm"]
    assert srm["alarm"] is True
    assert list(srm["expected"].values()) == near(item["inputs"]["expected"])
    assert srm["chi2"] == near(item["values"]["chi2"])
    assert srm["p_value"] == pytest.approx(item["values"]["p_value"], rel=NEAR)


def test_two_proportions_and_h(found: dict[str, Any], expected: dict[str, Any]) -> None:
    values, one = expected["assist.two_prop_z"]["values"], found["comparisons"][0]
    assert one["difference"] == near(values["diff"])
    assert one["proportions"]["z"] == near(values["z"])
    assert one["proportions"]["p_value"] == near(values["p_value"])
    assert one["proportions"]["ci_wald"] == near(values["ci95_wald"])
    assert one["proportions"]["ci_newcombe"] == near(values["ci95_newcombe"])
    assert one["h"] == near(expected["assist.cohen_h"]["values"]["cohen_h"])


def test_welch_and_d(found: dict[str, Any], expected: dict[str, Any]) -> None:
    values, (completion, prior) = expected["assist.welch"]["values"], found["comparisons"]
    for key, name in (
        ("difference", "diff"),
        ("se", "se"),
        ("df", "df"),
        ("t", "t"),
        ("p_value", "p_value"),
        ("ci", "ci95"),
    ):
        assert completion[key] == near(values[name])
    assert prior["d"] == near(expected["assist.cohen_d.prior_correctness"]["values"]["cohen_d"])


def test_the_always_valid_figures_and_the_lift(found: dict[str, Any], expected: dict[str, Any]) -> None:
    values, one = expected["assist.sequential"]["values"], found["comparisons"][0]
    assert one["sequential"]["p_value"] == near(values["always_valid_p_value"])
    assert one["sequential"]["ci"] == near(values["always_valid_ci95"])
    assert one["relative"]["lift"] == near(values["relative_lift"])
    assert one["relative"]["ci"] == near(values["relative_ci95"])
    peeking = expected["assist.prefix"]["values"]["peeking"]
    # Looks there begin at 100 in each arm, here at 10; the smallest p is the same.
    assert one["sequential"]["min_p"] == near(peeking["min_always_valid_p"], 1e-6)
    assert one["sequential"]["first_crossing"] is None


def test_every_prefix_of_the_stream(expected: dict[str, Any], tmp_path: Path) -> None:
    import gzip  # noqa: PLC0415 - here alone

    lines = gzip.decompress(TRIAL.read_bytes()).decode().splitlines(keepends=True)
    for rows, values in expected["assist.prefix"]["values"]["prefix"].items():
        file = tmp_path / f"{rows}.csv"
        file.write_text("".join(lines[: int(rows) + 1]))
        asked = ["--unit", "user_id", "--arm", "video", "--metric", "completion", "--json"]
        one = json.loads(CliRunner().invoke(main, ["analyze", str(file), *asked]).stdout)["comparisons"][0]
        assert one["difference"] == near(values["diff"])
        assert one["sequential"]["p_value"] == near(values["always_valid_p_value"])
        assert one["sequential"]["ci"] == near(values["always_valid_ci95"])


def test_the_correlation_with_the_covariate(found: dict[str, Any], expected: dict[str, Any]) -> None:
    values, one = expected["assist.pearson.prior_completion"]["values"], found["correlation"][0]
    assert (one["r"], one["ci"]) == (near(values["r"]), near(values["ci95_fisher_z"]))
    assert one["p_value"] == pytest.approx(values["p_value"], rel=NEAR)


def test_cuped(found: dict[str, Any], expected: dict[str, Any]) -> None:
    values, one = expected["assist.cuped"]["values"], found["comparisons"][0]["cuped"]
    for key, name in (
        ("theta", "theta"),
        ("difference", "diff_adjusted"),
        ("se", "se_adjusted"),
        ("p_value", "p_value"),
        ("ci", "ci95"),
    ):
        assert one[key] == near(values[name])


def test_the_correlation_of_arm_and_outcome_and_the_shares_intervals(expected: dict[str, Any]) -> None:
    """Not keys of the answer, but of the same statistics."""
    from fitly.core.statistics.correlation import Correlation, correlation  # noqa: PLC0415
    from fitly.core.statistics.proportions import Successes, wilson  # noqa: PLC0415
    from fitly.core.statistics.sums import Sums  # noqa: PLC0415

    values = expected["assist.pearson.arm_completion"]["values"]
    one = correlation(Sums(337, 205 * 10**6, 205 * 10**12), Sums(346, 193 * 10**6, 193 * 10**12), 0.95)
    assert isinstance(one, Correlation)
    assert (one.r, one.p_value) == (near(values["r"]), near(values["p_value"]))
    assert list(one.interval) == near(values["ci95_fisher_z"])
    for arm, (x, n) in {"text": (193, 346), "video": (205, 337)}.items():
        rate, *bounds = expected["assist.wilson"]["values"][arm]
        assert Successes(n, x).rate == near(rate)
        assert list(wilson(Successes(n, x), 0.95)) == near(bounds)
