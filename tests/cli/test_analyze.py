"""`fitly analyze` takes files as they come: what cannot be used is left out and told, and nothing is made up."""

from __future__ import annotations

import gzip
import json
import math
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats
from statsmodels.api import OLS
from statsmodels.stats.multitest import multipletests

from fitly.cli import main
from fitly.cli.analysis.documents import put
from fitly.cli.analysis.trial import Reason
from fitly.core.statistics.welch import Interval

Rows = Sequence[Sequence[object]]
USUAL = ("--unit", "id", "--arm", "arm", "--metric", "y")


def csv(rows: Rows, head: str = "id,arm,y") -> str:
    return head + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def run(content: str | bytes, *options: str) -> Result:
    raw = content.encode() if isinstance(content, str) else content
    return CliRunner().invoke(main, ["analyze", "-", *(options or USUAL), "--json"], input=raw)


def analyze(content: str | bytes, *options: str, status: int = 0) -> dict[str, Any]:
    said = run(content, *options)
    assert said.exit_code == status, said.output
    document: dict[str, Any] = json.loads(said.stdout, parse_constant=lambda word: pytest.fail(f"{word} in an answer"))
    explained(document)
    return document


def explained(value: object) -> None:
    """Demand that every null has its reason beside it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner is None and key != "winner":
                assert value[f"{key}_reason"], key
            explained(inner)
    elif isinstance(value, list):
        for inner in value:
            explained(inner)


def drawn(n: int, seed: int = 1, arms: str = "ab") -> list[tuple[str, str, float]]:
    draw = random.Random(seed)
    return [(f"u{at}", arms[at % len(arms)], draw.gauss(0.5 + 0.1 * (at % len(arms)), 0.2)) for at in range(n)]


PLAIN = drawn(60)


def test_a_plain_file_has_exactly_the_keys_that_are_promised() -> None:
    rows = [(*row, at % 7, f"g{at % 12}", at, 0.5, int(row[2] > 0.5)) for at, row in enumerate(PLAIN)]
    options = ("--unit", "id", "--arm", "arm", "--metric", "y,done", "--covariate", "x", "--cluster", "g")
    found = analyze(csv(rows, "id,arm,y,x,g,t,p,done"), *options, "--order", "t", "--propensity", "p")
    assert list(found) == ["rows", "skipped", "arms", "srm", "comparisons", "correlation", "offpolicy", "verdict"]
    assert set(found["arms"]["a"]) == {"n", "y", "done"}
    assert set(found["arms"]["a"]["y"]) == {"n", "mean", "sd"}
    srm = {"unit", "observed", "expected", "chi2", "df", "p_value", "log10_p_value", "alarm"}
    assert set(found["srm"]) == srm
    score, done = found["comparisons"]
    shared = {"metric", "treatment", "control", "difference", "se", "df", "t", "p_value", "ci", "relative", "d", "h"}
    shared |= {"adjusted_p", "sequential", "cuped", "cluster"}
    assert set(done) == shared | {"proportions"}
    assert set(score) == shared | {"h_reason"}
    assert set(done["relative"]) == {"lift", "ci"}
    assert set(done["adjusted_p"]) == {"holm", "bh"}
    assert set(done["sequential"]) - {"first_crossing_reason"} == {"p_value", "ci", "min_p", "first_crossing"}
    assert set(done["proportions"]) == {"z", "p_value", "ci_wald", "ci_newcombe"}
    assert set(done["cuped"]) == {"theta", "difference", "se", "p_value", "ci"}
    assert set(done["cluster"]) == {"clusters", "se", "p_value", "ci"}
    assert set(found["correlation"][0]) == {"metric", "with", "n", "r", "p_value", "ci"}
    offpolicy = {"target", "metric", "n", "ips", "snips", "ess", "mean_weight", "max_weight", "ci"}
    assert set(found["offpolicy"]) == offpolicy | {"warnings"}
    assert all({"name", "met", "detail"} <= set(one) for one in found["verdict"]["conditions"])


def test_figures_equal_scipys_on_the_raw_data_for_several_arms_and_metrics() -> None:
    draw = np.random.default_rng(4)
    arms = np.array(list("abc") * 300)
    values = {
        "y": draw.normal(0, 1, 900) + (arms == "b") / 10,
        "z": draw.exponential(10, 900),
        "far": draw.normal(1e6, 1, 900),
    }
    rows = [(f"u{at}", arm, *row) for at, (arm, *row) in enumerate(zip(arms, *values.values(), strict=True))]
    found = analyze(csv(rows, "id,arm,y,z,far"), *USUAL[:4], "--metric", "y,z", "--metric", "far", "--control", "b")
    assert [(one["metric"], one["treatment"]) for one in found["comparisons"]] == [
        (metric, arm) for metric in values for arm in "ac"
    ]
    p_values = []
    for one in found["comparisons"]:
        metric = values[one["metric"]]
        reference = stats.ttest_ind(metric[arms == one["treatment"]], metric[arms == "b"], equal_var=False)
        interval = reference.confidence_interval()
        assert one["t"] == pytest.approx(reference.statistic, rel=1e-8)
        assert one["p_value"] == pytest.approx(reference.pvalue, rel=1e-8)
        assert one["ci"] == pytest.approx([interval.low, interval.high], rel=1e-8)
        p_values.append(reference.pvalue)
    for key, method in (("holm", "holm"), ("bh", "fdr_bh")):
        family = multipletests(p_values, method=method)[1]
        assert [one["adjusted_p"][key] for one in found["comparisons"]] == pytest.approx(list(family), rel=1e-8)


@pytest.mark.parametrize(
    "content",
    [
        csv(PLAIN).encode(),
        b"\xef\xbb\xbf" + csv(PLAIN).encode(),
        csv(PLAIN).replace("\n", "\r\n").encode(),
        csv(PLAIN).encode("utf-16"),
        gzip.compress(csv(PLAIN).encode()),
        csv(PLAIN).replace(",", ";").encode(),
        csv(PLAIN).replace(",", "\t").encode(),
        csv(PLAIN).replace("\n", "\n\n").encode(),
        csv(PLAIN).replace("id,arm,y", ' id ,"arm",y').replace("u1,b", '"u1", b ').encode(),
        csv([(*row, "") for row in PLAIN], "id,arm,y").encode(),  # a comma at the end of every line
    ],
    ids=["plain", "bom", "crlf", "utf-16", "gzip", "semicolons", "tabs", "blank lines", "quotes and spaces", "commas"],
)
def test_however_the_file_is_written_the_answer_is_the_same(content: bytes) -> None:
    assert analyze(content) == analyze(csv(PLAIN))


def test_a_file_on_disk_and_a_pipe_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "trial.csv.gz"
    file.write_bytes(gzip.compress(csv(PLAIN).encode()))
    said = CliRunner().invoke(main, ["analyze", str(file), *USUAL, "--json"])
    assert json.loads(said.stdout) == analyze(csv(PLAIN))


def test_quoted_names_may_hold_commas_and_line_ends() -> None:
    rows = [(row[0], '"video, long\nand short"' if row[1] == "b" else row[1], row[2]) for row in PLAIN]
    assert list(analyze(csv(rows))["arms"]) == ["a", "video, long\nand short"]


@pytest.mark.parametrize(
    "words", [("TRUE", "FALSE"), ("true", "false"), ("t", "f"), ("Yes", "no"), ("1", "0"), ("1.0", "0.0")]
)
def test_yes_and_no_in_any_spelling_are_binary(words: tuple[str, str]) -> None:
    rows = [(f"u{at}", "ab"[at % 2], words[at % 5 < 2]) for at in range(200)]
    one = analyze(csv(rows))["comparisons"][0]
    assert one["h"] == pytest.approx(0.0, abs=1e-12)
    assert "proportions" in one


def test_one_value_that_is_neither_makes_a_metric_continuous() -> None:
    rows = [(f"u{at}", "ab"[at % 2], at % 3 % 2) for at in range(40)]
    assert "proportions" in analyze(csv(rows))["comparisons"][0]
    one = analyze(csv([*rows, ("x", "a", 0.5)]))["comparisons"][0]
    assert "proportions" not in one
    assert one["h_reason"] == "NOT_BINARY"


def test_missing_values_are_left_out_and_counted_and_their_units_still_count_in_the_ratio() -> None:
    gaps = [("m1", "a", ""), ("m2", "a", "NA"), ("m3", "b", "NaN"), ("m4", "b", "null"), ("", "a", 1), ("m5", "", 1)]
    found = analyze(csv([*PLAIN, *gaps]))
    assert found["skipped"] == {"MISSING_ARM": 1, "MISSING_UNIT": 1, "MISSING_VALUE": 4}
    assert found["rows"] == 66
    assert found["srm"]["observed"] == {"a": 32, "b": 32}
    assert found["arms"]["a"]["n"] == 32
    assert found["arms"]["a"]["y"]["n"] == 30
    assert found["comparisons"][0]["p_value"] == analyze(csv(PLAIN))["comparisons"][0]["p_value"]


def test_what_is_no_number_is_told_with_its_line_and_treated_as_missing() -> None:
    said = run(csv([*PLAIN, ("w", "a", "high"), ("v", "b", "inf"), ("u", "b", "1_000")]))
    found = json.loads(said.stdout)
    assert found["skipped"] == {"NOT_A_NUMBER": 3}
    assert "line 62: NOT_A_NUMBER: y: 'high' is no number" in said.stderr
    assert found["arms"]["a"]["y"]["n"] == 30


def test_rows_that_do_not_fit_the_header_are_told_and_left_out() -> None:
    said = run(csv(PLAIN) + "u,a\nu,a,1,2,3\n")
    assert json.loads(said.stdout)["skipped"] == {"FIELDS": 2}
    assert "line 62: FIELDS: 2 fields where the header has 3" in said.stderr


def test_only_the_first_complaints_are_told() -> None:
    said = run(csv([*PLAIN, *((f"w{at}", "a", "x") for at in range(50))]))
    assert said.stderr.count("NOT_A_NUMBER") == 10
    assert json.loads(said.stdout)["skipped"] == {"NOT_A_NUMBER": 50}


def test_repeated_rows_of_a_unit_become_its_mean_and_count_once() -> None:
    twice = [(name, arm, value + step) for step in (-0.25, 0.25) for name, arm, value in PLAIN]
    once, both = analyze(csv(PLAIN)), analyze(csv(twice))
    assert both["rows"] == 120
    assert both["srm"] == once["srm"]
    one, other = once["comparisons"][0], both["comparisons"][0]
    assert other["p_value"] == pytest.approx(one["p_value"], rel=1e-9)
    assert other["sequential"]["min_p"] == pytest.approx(one["sequential"]["min_p"], rel=1e-9)


def test_a_unit_counts_when_its_last_row_is_read_and_not_before() -> None:
    """50 units far apart cross at once; if each has a second row at the end, only then."""
    rows = [(f"u{at}", "ab"[at % 2], 10.0 * (at % 2) + at % 3) for at in range(100)]
    early = analyze(csv(rows))["comparisons"][0]["sequential"]["first_crossing"]
    late = analyze(csv([*rows, *rows]))["comparisons"][0]["sequential"]["first_crossing"]
    assert late == early + 100


def test_a_binary_metric_whose_units_have_several_values_is_not_binary_any_more() -> None:
    rows = [(f"u{at % 50}", "ab"[at % 2], at % 4 < 2) for at in range(100)]
    assert "proportions" not in analyze(csv(rows))["comparisons"][0]


def test_a_unit_in_two_arms_is_left_out_with_all_its_rows() -> None:
    found = analyze(csv([*PLAIN, ("torn", "a", 9.0), ("torn", "b", 9.0), ("torn", "b", 9.0)]))
    assert found["skipped"] == {"MULTIPLE_ARMS": 3}
    assert found["comparisons"] == analyze(csv(PLAIN))["comparisons"]
    assert found["srm"]["observed"] == {"a": 30, "b": 30}


@pytest.mark.parametrize("few", [1, 2, 9])
def test_a_tiny_arm_has_what_can_be_said_of_it_and_reasons_for_the_rest(few: int) -> None:
    rows = [*((f"a{at}", "a", at % 4) for at in range(40)), *((f"b{at}", "b", at) for at in range(few))]
    found = analyze(csv(rows), status=1)
    one = found["comparisons"][0]
    assert one["difference"] == pytest.approx((few - 1) / 2 - 1.5)
    assert one["sequential"]["min_p_reason"] == "BURN_IN"
    assert (one["p_value"] is None) == (few == 1)
    assert found["arms"]["b"]["y"].get("sd_reason") == ("TOO_FEW" if few == 1 else None)
    assert found["verdict"]["winner"] is None


def test_an_arm_without_any_value_says_so_in_every_figure() -> None:
    rows = [(name, arm, value if arm == "a" else "") for name, arm, value in PLAIN]
    found = analyze(csv(rows))
    one = found["comparisons"][0]
    assert one["difference_reason"] == one["p_value_reason"] == one["relative"]["lift_reason"] == "TOO_FEW"
    assert found["arms"]["b"]["y"]["mean_reason"] == "TOO_FEW"
    assert found["verdict"]["winner"] is None
    assert {one["name"]: one["met"] for one in found["verdict"]["conditions"]}["missing_values"] is False


def test_no_variance_and_no_baseline_are_reasons() -> None:
    found = analyze(csv([(f"u{at}", "ab"[at % 2], 2 * (at % 2)) for at in range(60)]))
    one = found["comparisons"][0]
    assert one["difference"] == 2
    assert one["p_value_reason"] == one["d_reason"] == one["sequential"]["min_p_reason"] == "ZERO_VARIANCE"
    assert one["relative"]["lift_reason"] == "ZERO_BASELINE"
    assert found["verdict"]["winner"] is None
    nobody = analyze(csv([(f"u{at}", "ab"[at % 2], 0) for at in range(60)]))["comparisons"][0]
    assert nobody["proportions"]["z_reason"] == "ZERO_VARIANCE"
    assert nobody["proportions"]["ci_newcombe"][1] > 0
    assert nobody["h"] == 0


def test_a_single_arm_and_an_empty_file_compare_nothing() -> None:
    said = run(csv([row for row in PLAIN if row[1] == "a"]))
    found = json.loads(said.stdout)
    assert (found["comparisons"], found["verdict"]["winner"]) == ([], None)
    assert found["srm"]["chi2_reason"] == "TOO_FEW"
    assert "one arm only" in said.stderr
    nobody = analyze("id,arm,y\n")
    assert (nobody["rows"], nobody["arms"], nobody["verdict"]["winner"]) == (0, {}, None)
    empty = run("")
    assert empty.exit_code == 2
    assert "the file is empty" in empty.stderr


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (csv(PLAIN), (*USUAL[:5], "z"), "there is no column 'z': the file's columns are 'id', 'arm', 'y'"),
        (csv(drawn(202)), ("--unit", "id", "--arm", "id", "--metric", "y"), "has 202 arms for 202 units: --arm names"),
        (
            csv(PLAIN, 'id,arm,"y, final"'),
            (*USUAL[:5], "y, final"),
            """one with a comma is asked for in quotes of its own: '"y, final"'""",
        ),
        (
            csv(PLAIN, "id,arm,arm"),
            ("--unit", "id", "--arm", "arm", "--metric", "arm"),
            "several columns are called 'arm'",
        ),
        (csv(PLAIN), (*USUAL, "--control", "z"), "no such arm; the file's arms are 'a', 'b'"),
        (
            csv(PLAIN),
            (*USUAL, "--weights", "a=1"),
            "names 'a', but the file has rows of 'b' too: give every arm its share",
        ),
        (csv(PLAIN), (*USUAL, "--weights", "a=1,B=1"), "names 'a', 'B', but the file has rows of 'b' too"),
        (csv(PLAIN), (*USUAL, "--weights", "a=1,b=1,c=1", "--control", "c"), "--control 'c': no such arm"),
        (csv(PLAIN), (*USUAL, "--weights", "a=1,b=0"), "'b=0' is not of the form"),
        (csv(PLAIN), (*USUAL, "--weights", "a=1,b=nan"), "'b=nan' is not of the form"),
        (csv(PLAIN), (*USUAL, "--weights", "a=1,a=2"), "'a' is named twice"),
        (csv(PLAIN), (*USUAL, "--weights", "a"), "'a' is not of the form"),
        (csv(PLAIN), (*USUAL, "--weights", ""), "'' is not of the form"),
        (csv(PLAIN), (*USUAL, "--weights", "a\nb=1"), "line end outside of quotes"),
        (csv(PLAIN), (*USUAL[:5], ""), "empty column"),
        (csv(PLAIN), (*USUAL[:5], "y\nz"), "line end outside of quotes"),
        (csv(PLAIN), (*USUAL, "--target", "a"), "--propensity"),
        (csv(PLAIN), (*USUAL, "--propensity", "y", "--target", "z"), "--target 'z': no such arm"),
        (csv(PLAIN), (*USUAL, "--tuning", "0"), "--tuning"),
        (csv(PLAIN), (*USUAL[:5], "y,"), "empty column"),
        (csv(PLAIN, "id,arm,n"), (*USUAL[:5], "n"), "rename the column"),
        (csv(PLAIN).encode() + b"\xff\xfe\xfa", USUAL, "not UTF-8"),
        (gzip.compress(csv(PLAIN).encode())[:-20], USUAL, "damaged or cut off"),
        (b"\x1f\x8bno gzip at all", USUAL, "damaged or cut off"),
        (csv(PLAIN) + '"' + "x" * 2**24 + "y", USUAL, "is a quote left open?"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_do(
    content: str | bytes, options: tuple[str, ...], words: str
) -> None:
    said = run(content, *options)
    assert said.exit_code == 2
    assert words in said.stderr
    assert said.stdout == ""


def test_a_mismatch_ends_with_1_and_blocks_the_clearest_difference() -> None:
    rows = [(f"u{at}", "b" if at % 5 else "a", 5 * bool(at % 5) + at % 3) for at in range(1_000)]
    found = analyze(csv(rows), status=1)
    assert found["srm"]["alarm"] is True
    assert found["comparisons"][0]["p_value"] < 1e-30
    assert found["verdict"]["winner"] is None
    right = analyze(csv(rows), *USUAL, "--weights", "a=0.2,b=0.8")
    assert right["srm"]["alarm"] is False
    assert right["verdict"]["winner"] == "b"


def test_an_arm_that_was_planned_and_has_no_row_counts_0_and_is_a_mismatch() -> None:
    said = run(csv(PLAIN), *USUAL, "--weights", "0=0.4,a=0.3,b=0.3")
    assert said.exit_code == 1
    assert "no row is of arm '0', which --weights plans: it counts with 0" in said.stderr
    found = json.loads(said.stdout)
    explained(found)
    reference = stats.chisquare([0, 30, 30], [24, 18, 18])
    assert found["srm"]["observed"] == {"0": 0, "a": 30, "b": 30}
    assert (found["srm"]["chi2"], found["srm"]["p_value"]) == pytest.approx(tuple(reference), rel=1e-9)
    assert found["arms"]["0"]["n"] == 0
    assert [(one["control"], one["treatment"], one["p_value"] is None) for one in found["comparisons"]] == [
        ("a", "0", True),
        ("a", "b", False),
    ]
    assert found["comparisons"][1]["p_value"] == analyze(csv(PLAIN))["comparisons"][0]["p_value"]


def test_a_planned_arm_that_so_few_may_have_missed_still_stops_the_verdict() -> None:
    rows = [(f"u{at}", "ab"[at % 2], 5 * (at % 2) + at % 3) for at in range(60)]
    assert analyze(csv(rows))["verdict"]["winner"] == "b"
    found = analyze(csv(rows), *USUAL, "--weights", "a=1,b=1,c=0.01")
    assert found["srm"]["alarm"] is False
    met = {one["name"]: one["met"] for one in found["verdict"]["conditions"]}
    assert (met["participants"], met["missing_values"], found["verdict"]["winner"]) == (False, True, None)
    clustered = csv([(*row, f"g{at % 24}") for at, row in enumerate(rows)], "id,arm,y,g")
    grouped = analyze(clustered, *USUAL, "--weights", "a=1,b=1,c=0.01", "--cluster", "g", "--covariate", "y")
    assert grouped["srm"]["observed"] == {"a": 12, "b": 12, "c": 0}
    logged = csv([(*row, 0.5) for row in rows], "id,arm,y,p")
    drawn = analyze(logged, *USUAL, "--weights", "a=1,b=1,c=0.01", "--propensity", "p")
    assert {one["name"]: one["met"] for one in drawn["verdict"]["conditions"]}["constant_propensities"] is True
    assert drawn["offpolicy"]["mean_weight"] == pytest.approx(2 / 3)


def test_names_with_commas_are_quoted_as_in_the_file() -> None:
    rows = [(row[0], '"video, long"' if row[1] == "b" else row[1], row[2]) for row in PLAIN]
    asked = (*USUAL[:4], "--metric", '"y, final"', "--weights", 'a=1,"video, long"=1')
    found = analyze(csv(rows, 'id,arm,"y, final"'), *asked)
    assert found["comparisons"][0]["metric"] == "y, final"
    assert found["srm"]["expected"] == {"a": 30, "video, long": 30}


def test_the_tail_of_a_gross_mismatch_keeps_its_size() -> None:
    srm = analyze(csv([(f"u{at}", "ab"[at % 50 == 0], at % 2) for at in range(20_000)]), status=1)["srm"]
    assert srm["p_value"] == 0.0
    assert srm["log10_p_value"] == pytest.approx(stats.chi2.logsf(srm["chi2"], 1) / math.log(10), rel=1e-6) or (
        srm["log10_p_value"] < -3_000
    )


def test_looks_follow_the_order_that_is_asked_for() -> None:
    rows = [(f"u{at}", "ab"[at % 2], 3 * (at % 2) * (at > 100) + at % 3, 199 - at) for at in range(200)]
    stamps = [(*row[:3], f"2024-01-01T00:{row[3] // 60:02}:{row[3] % 60:02}Z") for row in rows]
    late = analyze(csv(rows, "id,arm,y,t"))["comparisons"][0]["sequential"]
    early = analyze(csv(rows, "id,arm,y,t"), *USUAL, "--order", "t")["comparisons"][0]["sequential"]
    assert early["first_crossing"] < late["first_crossing"]
    assert early["p_value"] == late["p_value"]
    assert analyze(csv(rows[::-1], "id,arm,y,t"))["comparisons"][0]["sequential"] == early
    assert analyze(csv(stamps, "id,arm,y,t"), *USUAL, "--order", "t")["comparisons"][0]["sequential"] == early


def test_rows_without_an_order_are_looked_at_last() -> None:
    rows = [(f"u{at}", "ab"[at % 2], 3 * (at % 2) + at % 3, "" if at < 10 else at) for at in range(100)]
    moved = analyze(csv([*rows[10:], *rows[:10]], "id,arm,y,t"))["comparisons"][0]["sequential"]
    found = analyze(csv(rows, "id,arm,y,t"), *USUAL, "--order", "t")
    assert found["skipped"] == {"MISSING_ORDER": 10}
    assert found["comparisons"][0]["sequential"] == moved


def test_tuning_narrows_the_interval_at_the_planned_size() -> None:
    widths = []
    for planned in ("100", "2000", "100000"):
        lower, upper = analyze(csv(drawn(2_000)), *USUAL, "--tuning", planned)["comparisons"][0]["sequential"]["ci"]
        widths.append(upper - lower)
    assert widths[1] < min(widths[0], widths[2])


def test_a_missing_or_constant_covariate_is_left_out_of_the_adjustment_alone() -> None:
    rows = [(*row, row[2] + at % 5 if at % 4 else "") for at, row in enumerate(PLAIN)]
    found = analyze(csv(rows, "id,arm,y,x"), *USUAL, "--covariate", "x")
    assert found["skipped"] == {"MISSING_COVARIATE": 15}
    assert found["arms"]["a"]["y"]["n"] == 30
    both = [(row[1], row[2], float(row[3])) for row in rows if row[3] != ""]
    x, y = np.array([row[2] for row in both]), np.array([row[1] for row in both])
    adjusted = y - np.cov(y, x)[0, 1] / x.var(ddof=1) * (x - x.mean())
    first = np.array([row[0] == "b" for row in both])
    reference = stats.ttest_ind(adjusted[first], adjusted[~first], equal_var=False)
    assert found["comparisons"][0]["cuped"]["p_value"] == pytest.approx(reference.pvalue, rel=1e-8)
    assert found["correlation"][0]["r"] == pytest.approx(stats.pearsonr(x, y).statistic, rel=1e-9)
    flat = analyze(csv([(*row, 7) for row in PLAIN], "id,arm,y,x"), *USUAL, "--covariate", "x")
    assert flat["comparisons"][0]["cuped"]["theta_reason"] == "CONSTANT_COVARIATE"
    assert flat["correlation"][0]["r_reason"] == "ZERO_VARIANCE"


def schools(count: int = 30, seed: int = 3) -> list[tuple[str, str, float, str]]:
    draw = random.Random(seed)
    rows = []
    for school in range(count):
        base = draw.gauss(0.5, 0.1)
        rows += [
            (f"p{school}-{at}", "ab"[school % 2], base + draw.gauss(0, 0.2), f"s{school}")
            for at in range(draw.randrange(5, 30))
        ]
    return rows


def test_clusters_equal_statsmodels_and_are_what_the_ratio_counts() -> None:
    rows = schools()
    found = analyze(csv([*rows, ("x", "a", 0.4, "")], "id,arm,y,g"), *USUAL, "--cluster", "g")
    assert found["srm"]["unit"] == "cluster"
    assert found["srm"]["observed"] == {"a": 15, "b": 15}
    assert found["skipped"] == {"MISSING_CLUSTER": 1}
    design = np.array([[1.0, row[1] == "b"] for row in rows])
    labels = np.array([int(row[3][1:]) for row in rows])
    reference = OLS(np.array([row[2] for row in rows]), design).fit(cov_type="cluster", cov_kwds={"groups": labels})
    one = found["comparisons"][0]["cluster"]
    assert (one["clusters"], one["se"]) == (30, pytest.approx(reference.bse[1], rel=1e-9))
    assert one["p_value"] == pytest.approx(reference.pvalues[1], rel=1e-9)
    assert one["ci"] == pytest.approx(list(reference.conf_int()[1]), rel=1e-9)


def test_few_clusters_have_no_winner_however_many_pupils() -> None:
    rows = [(f"p{at}", "ab"[at % 2], 9 * (at % 2) + at % 8 / 10, f"s{at % 8}") for at in range(800)]
    found = analyze(csv(rows, "id,arm,y,g"), *USUAL, "--cluster", "g")
    met = {one["name"]: one["met"] for one in found["verdict"]["conditions"]}
    assert (met["primary"], met["clusters"], found["verdict"]["winner"]) == (True, False, None)


def test_where_people_are_drawn_within_clusters_the_ratio_is_that_of_people_and_of_decisions_where_these_are() -> None:
    """Every class stands in both arms, as many in the small arm as in the large one."""
    rows = [(f"p{at}", "b" if at % 5 == at // 50 % 5 else "a", at % 7, f"g{at % 50}") for at in range(1_000)]
    found = analyze(csv(rows, "id,arm,y,g"), *USUAL, "--cluster", "g", "--weights", "a=4,b=1")
    assert (found["srm"]["unit"], found["srm"]["observed"]) == ("unit", {"a": 800, "b": 200})
    assert found["comparisons"][0]["cluster"]["clusters"] == 50
    logged = [(row[3], *row[1:], 0.2 if row[1] == "b" else 0.8) for row in rows]
    drawn = analyze(csv(logged, "id,arm,y,g,p"), *USUAL, "--cluster", "g", "--propensity", "p")
    assert (drawn["srm"]["unit"], drawn["srm"]["alarm"]) == ("decision", False)
    moved = [*schools(), ("moved", "a", 0.5, "s1"), ("too", "b", 0.5, "s2")]
    assert analyze(csv(moved, "id,arm,y,g"), *USUAL, "--cluster", "g")["srm"]["observed"] == {"a": 16, "b": 16}


def test_a_unit_in_two_clusters_has_none() -> None:
    rows = [*schools(), ("moved", "a", 0.5, "s0"), ("moved", "a", 0.5, "s2")]
    found = analyze(csv(rows, "id,arm,y,g"), *USUAL, "--cluster", "g")
    assert found["skipped"] == {"MULTIPLE_CLUSTERS": 2}
    assert (
        found["comparisons"][0]["cluster"]
        == (analyze(csv(schools(), "id,arm,y,g"), *USUAL, "--cluster", "g")["comparisons"][0]["cluster"])
    )


def bandit(n: int = 8_000, arms: int = 34, *, varied: bool = False) -> list[tuple[str, str, int, float]]:
    draw = random.Random(8)
    rows = []
    for at in range(n):
        arm = draw.randrange(arms)
        p = 1 / arms * (draw.choice([0.5, 2.0]) if varied else 1)
        rows.append((f"u{at % 400}", f"{arm:02}", int(draw.random() < 0.1 + arm / 100), p))
    return rows


@pytest.mark.parametrize("target", ["uniform", "33"])
def test_off_policy_estimates_of_34_arms_are_the_closed_forms(target: str) -> None:
    rows = bandit(varied=True)
    found = analyze(csv(rows, "id,arm,y,p"), *USUAL, "--propensity", "p", "--target", target)
    weights = np.array([(1 / 34 if target == "uniform" else row[1] == target) / row[3] for row in rows])
    rewards = np.array([row[2] for row in rows])
    one = found["offpolicy"]
    assert (one["target"], one["n"], found["rows"]) == (target, 8_000, 8_000)
    assert one["ips"] == pytest.approx((weights * rewards).mean(), rel=1e-9)
    assert one["snips"] == pytest.approx((weights * rewards).sum() / weights.sum(), rel=1e-9)
    assert one["ess"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), rel=1e-9)
    assert (one["mean_weight"], one["max_weight"]) == pytest.approx((weights.mean(), weights.max()), rel=1e-9)
    totals = np.zeros((400, 2))
    for row, weight in zip(rows, weights, strict=True):
        totals[int(row[0][1:])] += (1, weight * row[2])
    left = totals[:, 1] - one["ips"] * totals[:, 0]
    reach = stats.norm.isf(0.025) * np.sqrt(400 / 399 * (left**2).sum()) / 8_000
    assert one["ci"] == pytest.approx([one["ips"] - reach, one["ips"] + reach], rel=1e-9)


def test_where_each_row_is_a_unit_the_interval_is_the_plain_one_of_ips() -> None:
    rows = [(f"d{at}", *row[1:]) for at, row in enumerate(bandit(2_000, 4))]
    one = analyze(csv(rows, "id,arm,y,p"), *USUAL, "--propensity", "p", "--target", "01")["offpolicy"]
    values = np.array([row[2] / row[3] * (row[1] == "01") for row in rows])
    reach = stats.norm.isf(0.025) * values.std(ddof=1) / math.sqrt(len(values))
    assert one["ci"] == pytest.approx([values.mean() - reach, values.mean() + reach], rel=1e-9)


def test_few_effective_decisions_or_units_have_their_figures_and_a_warning() -> None:
    rows = bandit(60, 2)
    few = analyze(csv(rows, "id,arm,y,p"), *USUAL, "--propensity", "p")["offpolicy"]
    assert few["warnings"] == ["NOT_ENOUGH"]
    assert few["ess"] == pytest.approx(60)
    values = np.array([row[2] for row in rows])
    assert few["ips"] == pytest.approx(values.mean(), rel=1e-9)
    reach = stats.norm.isf(0.025) * values.std(ddof=1) / math.sqrt(60)
    assert few["ci"] == pytest.approx([values.mean() - reach, values.mean() + reach], rel=1e-9)
    pairs = [(f"u{at % 2}", *row[1:]) for at, row in enumerate(bandit(2_000, 2))]
    crowd = analyze(csv(pairs, "id,arm,y,p"), *USUAL, "--propensity", "p")["offpolicy"]
    assert crowd["ess"] == pytest.approx(2_000)
    assert crowd["ci"] is not None
    assert crowd["warnings"] == ["NOT_ENOUGH"]
    rows = [("one", *row[1:]) for row in bandit(2_000, 2)]
    alone = analyze(csv(rows, "id,arm,y,p"), *USUAL, "--propensity", "p")["offpolicy"]
    assert alone["ips"] is not None
    assert alone["ci_reason"] == "NOT_ENOUGH"


def test_where_no_decision_supports_the_target_nothing_is_estimated() -> None:
    rows = [(*row[:3], "" if row[1] == "01" else row[3]) for row in bandit(2_000, 2)]
    found = analyze(csv(rows, "id,arm,y,p"), *USUAL, "--propensity", "p", "--target", "01")["offpolicy"]
    assert found["ips_reason"] == found["snips_reason"] == found["ci_reason"] == "NOT_ENOUGH"
    assert (found["ess"], found["mean_weight"], found["max_weight"]) == (0, 0, 0)
    assert "NOT_ENOUGH" in found["warnings"]
    nobody = analyze(csv([(*row[:3], "") for row in rows], "id,arm,y,p"), *USUAL, "--propensity", "p")["offpolicy"]
    assert nobody["n"] == 0
    assert nobody["mean_weight_reason"] == nobody["max_weight_reason"] == "TOO_FEW"


def test_an_estimate_without_a_single_success_is_0_and_its_interval_unknown() -> None:
    rows = [(*row[:2], 0, row[3]) for row in bandit(2_000, 2)]
    found = analyze(csv(rows, "id,arm,y,p"), *USUAL, "--propensity", "p")["offpolicy"]
    assert (found["ips"], found["snips"], found["ci_reason"]) == (0, 0, "ZERO_VARIANCE")


def test_weights_that_do_not_average_to_1_are_warned_of() -> None:
    """The file says that both arms were as likely, and draws one of them three times as often."""
    rows = [(f"d{at}", "b" if at % 4 else "a", at % 3 % 2, 0.5) for at in range(4_000)]
    said = run(csv(rows, "id,arm,y,p"), *USUAL, "--propensity", "p", "--target", "a")
    wrong = json.loads(said.stdout)["offpolicy"]
    assert said.exit_code == 1
    assert "off-policy estimates: weights do not average to 1" in said.stderr
    assert wrong["mean_weight"] == pytest.approx(0.5)
    assert wrong["warnings"] == ["MEAN_WEIGHT"]
    right = csv([(*row[:3], 0.75 if row[1] == "b" else 0.25) for row in rows], "id,arm,y,p")
    assert "warnings" not in analyze(right, *USUAL, "--propensity", "p", "--target", "a")["offpolicy"]


def test_the_ratio_of_decisions_is_that_of_their_propensities_or_none_where_these_vary() -> None:
    same = analyze(csv(bandit(), "id,arm,y,p"), *USUAL, "--propensity", "p")
    assert same["srm"]["unit"] == "decision"
    assert same["srm"]["expected"]["07"] == pytest.approx(8_000 / 34)
    varied = analyze(csv(bandit(varied=True), "id,arm,y,p"), *USUAL, "--propensity", "p")
    assert varied["srm"]["chi2_reason"] == "PROPENSITIES_VARY"
    assert varied["srm"]["alarm"] is False
    assert varied["verdict"]["winner"] is None
    uneven = [(f"d{at}", "a" if at % 4 else "b", at % 2, 0.75 if at % 4 else 0.25) for at in range(4_000)]
    assert analyze(csv(uneven, "id,arm,y,p"), *USUAL, "--propensity", "p")["srm"]["chi2"] == 0
    weighted = analyze(csv(uneven, "id,arm,y,p"), *USUAL, "--propensity", "p", "--weights", "a=1,b=1", status=1)
    assert weighted["srm"]["alarm"] is True


@pytest.mark.parametrize(
    ("propensity", "reason"),
    [
        ("0", "PROPENSITY_OUT_OF_RANGE"),
        ("-0.1", "PROPENSITY_OUT_OF_RANGE"),
        ("1.1", "PROPENSITY_OUT_OF_RANGE"),
        ("", "MISSING_PROPENSITY"),
        ("x", "NOT_A_NUMBER"),
    ],
)
def test_an_impossible_propensity_is_left_out_of_the_estimate_alone(propensity: str, reason: str) -> None:
    rows = bandit(1_000, 2)
    found = analyze(csv([*rows, ("x", "00", 1, propensity)], "id,arm,y,p"), *USUAL, "--propensity", "p")
    assert found["skipped"] == {reason: 1}
    assert found["offpolicy"] == analyze(csv(rows, "id,arm,y,p"), *USUAL, "--propensity", "p")["offpolicy"]
    assert sum(arm["n"] for arm in found["arms"].values()) == 1_001


def test_people_get_tables_and_the_alarm_in_words() -> None:
    rows = [(*row, at % 7, f"g{at % 24}", 0.5, int(row[2] > 0.5)) for at, row in enumerate(drawn(600))]
    options = (
        "--unit",
        "id",
        "--arm",
        "arm",
        "--metric",
        "y,done",
        "--covariate",
        "x",
        "--cluster",
        "g",
        "--propensity",
        "p",
    )
    content = csv(rows, "id,arm,y,x,g,p,done")
    said = CliRunner().invoke(main, ["analyze", "-", *options], input=content)
    assert said.exit_code == 0
    for heading in (
        "600 rows",
        "sample ratio",
        "treatment minus control",
        "2 tests at once",
        "always valid",
        "CUPED",
        "CR1",
        "off-policy",
        "winner",
    ):
        assert heading in said.stdout
    broken = CliRunner().invoke(main, ["analyze", "-", *USUAL], input=csv(drawn(900, arms="abb")))
    assert broken.exit_code == 1
    assert "MISMATCH" in broken.stdout
    assert "nobody" not in CliRunner().invoke(main, ["analyze", "-", *USUAL], input="id,arm,y\n").stdout


def test_the_worked_example_of_the_manual_is_what_comes_out() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "analyze.md").read_text()
    _, example = page.split("## A worked example")
    _, content, _, document, _ = example.split("```")
    asked = ("--unit", "pupil", "--arm", "arm", "--metric", "score", "--control", "old")
    assert_same(analyze(content.lstrip(), *asked), json.loads(document.removeprefix("json")))


def assert_same(found: Any, told: Any) -> None:  # noqa: ANN401 - whatever JSON holds
    """Compare, but for the last digits."""
    if isinstance(told, dict):
        assert list(found) == list(told)
        for key, inner in told.items():
            assert_same(found[key], inner)
    elif isinstance(told, list):
        assert len(found) == len(told)
        for one, other in zip(found, told, strict=True):
            assert_same(one, other)
    elif isinstance(told, float):
        assert found == pytest.approx(told, rel=1e-12)
    else:
        assert found == told


def test_every_reason_stands_in_the_manual() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "analyze.md").read_text()
    assert [reason for reason in Reason if f"`{reason}`" not in page] == []


CELLS = some.sampled_from(
    ["", "NA", "0", "1", "0.5", "-3", "true", "x", "nan", "inf", "1e99", "-1e100", "1e-99", "1e400"]
)
ROWS = some.lists(
    some.tuples(
        some.sampled_from("uvwxyz"), some.sampled_from(["a", "b", "c", ""]), CELLS, CELLS, some.sampled_from("gh")
    ),
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(
    ROWS,
    some.sets(some.sampled_from(["--covariate=x", "--cluster=g", "--propensity=y", "--propensity=x", "--order=x"])),
    some.booleans(),
)
def test_whatever_the_cells_say_there_is_an_answer_without_a_number_that_is_none(
    rows: list[tuple[str, ...]],
    options: set[str],
    apart: bool,  # noqa: FBT001
) -> None:
    units = [(f"{row[0]}{at if apart else ''}", *row[1:]) for at, row in enumerate(rows)]
    content = csv(units, "id,arm,y,x,g")
    said = run(content, *USUAL, *sorted(options))
    if said.exit_code == 2:
        assert "has no number at all" in said.stderr or "--order x: row" in said.stderr
        return
    assert said.exit_code in {0, 1}, said.output
    document = json.loads(said.stdout, parse_constant=lambda word: pytest.fail(f"{word} in an answer"))
    explained(document)
    tables = CliRunner().invoke(main, ["analyze", "-", *USUAL, *sorted(options)], input=content)
    assert tables.exit_code == said.exit_code


@given(some.binary(max_size=80))
def test_bytes_that_are_no_file_of_ours_are_refused_and_nothing_breaks(content: bytes) -> None:
    assert run(content).exit_code == 2
    assert run(b"id,arm,y\n" + content).exit_code in {0, 2}


def test_a_figure_that_is_no_finite_number_is_none() -> None:
    found = put({}, d=math.inf, ci=Interval(-math.inf, 0.0), t=math.nan, n=3)
    assert found == {
        "d": None,
        "d_reason": "OUT_OF_RANGE",
        "ci": None,
        "ci_reason": "OUT_OF_RANGE",
        "t": None,
        "t_reason": "OUT_OF_RANGE",
        "n": 3,
    }


def keys(value: object, where: str = "") -> set[str]:
    """Give the paths to all figures of an answer; those of every arm by one name, and of every metric."""
    if isinstance(value, list):
        return {path for inner in value for path in keys(inner, where)}
    if not isinstance(value, dict):
        return {where}
    found: set[str] = set()
    for key, inner in value.items():
        named = {"arms.ARM": "METRIC"}.get(where, "") if key != "n" else ""
        named = "ARM" if where in {"skipped", "arms", "srm.observed", "srm.expected"} else named
        found |= keys(inner, f"{where}.{named or key}".removeprefix("."))
    return found


def test_every_key_of_an_answer_stands_in_the_manual() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "analyze.md").read_text()
    table = page.partition("## The answer")[2].partition("### Conditions")[0]
    told: dict[str, set[str]] = {"rows": set(), "skipped": {"ARM"}}
    section = ""
    for row in (row for row in table.splitlines() if row.startswith("| `")):
        first, second = row.split("|")[1:3]
        section = re.findall(r"`(\w*)", first)[0] or section
        told.setdefault(section, {"ARM"}).update(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", first + second))))
    rich = [(*row, at % 7, f"g{at % 12}", 0.4, int(row[2] > 0.5)) for at, row in enumerate(PLAIN)]
    asked = (*USUAL, "--metric", "done", "--covariate", "x", "--cluster", "g", "--propensity", "p")
    found = {path for path in keys(analyze(csv(rich, "id,arm,y,x,g,p,done"), *asked)) if not path.endswith("_reason")}
    assert {"arms.ARM.METRIC.sd", "comparisons.cuped.theta", "offpolicy.warnings", "verdict.winner"} <= found
    tops = {path: path.partition(".")[0] for path in found}
    assert {path for path, top in tops.items() if path != top and path.rpartition(".")[2] not in told[top]} == set()
    assert set(tops.values()) <= set(told)
