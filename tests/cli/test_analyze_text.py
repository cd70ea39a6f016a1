"""What `fitly analyze` tells people: who is compared with whom, figures to be read, and why one is missing."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from fitly.cli import main

USUAL = ("--unit", "id", "--arm", "arm", "--metric", "y")


def written(content: str, *options: str, charset: str = "utf-8") -> str:
    asked = ["analyze", "-", *(options or USUAL)]
    said = CliRunner(charset=charset).invoke(main, asked, input=content.encode())
    assert said.exit_code == 0, said.output
    return said.stdout


def trial(*arms: str, value: str = "{}") -> str:
    rows = (f"u{at},{arms[at % len(arms)]},{value.format(at % len(arms) * (at % 5 < 3))}\n" for at in range(600))
    return "id,arm,y\n" + "".join(rows)


def part(text: str, heading: str) -> str:
    return text.partition(heading)[2].partition("\n\n")[0]


def test_the_control_is_named_where_differences_stand() -> None:
    assert "treatment minus control (new)" in written(trial("new", "old"), *USUAL, "--control", "new")


@pytest.mark.parametrize(
    ("control", "words"), [("zero", "control's mean is 0"), ("some", "-100.0 %   no variance")], ids=["of", "to"]
)
def test_a_lift_of_nothing_or_to_nothing_says_what_is_missing(control: str, words: str) -> None:
    assert words in part(written(trial("zero", "some"), *USUAL, "--control", control), "how large")


def test_large_figures_are_written_in_full() -> None:
    text = written(trial("a", "b", value="{}2345"), *USUAL, "--weights", "a=1,b=1")
    assert "8,345" in part(text, "600 rows")
    assert "6,000" in part(text, "treatment minus control")


def test_off_policy_figures_stand_one_a_line_with_what_they_mean_and_what_weakens_them() -> None:
    content = "id,arm,y,p\n" + "".join(f"u{at},{'ab'[at % 2]},{at % 3 % 2},0.5\n" for at in range(60))
    text = part(written(content, *USUAL, "--propensity", "p", "--target", "b"), "off-policy estimates")
    assert "y under 'b'" in text
    assert "mean weight (1 where propensities are true)" in text
    assert "fewer than 100 effective decisions or units" in text


def test_a_p_below_the_floats_is_told_as_such() -> None:
    rows = (f"u{at},{'ab'[at % 2]},{(at % 2) * 9 + at % 7 / 10}\n" for at in range(4_000))
    assert "< 1e-300" in part(written("id,arm,y\n" + "".join(rows)), "treatment minus control")


@pytest.mark.parametrize("charset", ["ascii", "latin-1"])
def test_letters_that_a_terminal_has_not_stop_nothing(charset: str) -> None:
    content = trial("vidéo", "日本")
    assert r"\u65e5\u672c" in written(content, charset=charset)
    assert list(json.loads(written(content, *USUAL, "--json", charset=charset))["arms"]) == ["vidéo", "日本"]
