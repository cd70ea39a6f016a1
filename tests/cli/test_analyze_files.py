"""`fitly analyze` reads files as half of the world writes them, or says why it cannot; never half of the numbers."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fitly.cli import main
from fitly.cli.analysis.fractions import Fractions, Unreadable
from fitly.cli.analysis.ordering import Unordered, ranks

USUAL = ("--unit", "id", "--arm", "arm", "--metric", "y")
DRAWN = random.Random(5)
VALUES = [round(DRAWN.gauss(0.4 + 0.2 * (at % 2), 0.3), 4) for at in range(80)]


def written(value: Callable[[float], str], delimiter: str = ",", head: str = "id,arm,y") -> str:
    rows = [head.split(","), *((f"u{at}", "ab"[at % 2], value(y)) for at, y in enumerate(VALUES))]
    return "".join(delimiter.join(row) + "\n" for row in rows)


def run(content: str | bytes, *more: str) -> Result:
    raw = content.encode() if isinstance(content, str) else content
    return CliRunner().invoke(main, ["analyze", "-", *USUAL, *more, "--json"], input=raw)


def answer(content: str | bytes, *more: str) -> dict[str, Any]:
    said = run(content, *more)
    assert said.exit_code == 0, said.output
    document: dict[str, Any] = json.loads(said.stdout)
    return document


def comma(value: float) -> str:
    return str(value).replace(".", ",")


def quoted(value: float) -> str:
    return f'"{comma(value)}"'


PLAIN = written(str)


@pytest.mark.parametrize(
    "content",
    [written(comma, ";"), written(comma, "\t"), written(quoted), "\ufeff" + written(comma, ";")],
    ids=["semicolons", "tabs", "quoted", "bom"],
)
def test_decimal_commas_are_read_and_told(content: str) -> None:
    said = run(content)
    assert json.loads(said.stdout) == answer(PLAIN)
    assert "line 2, column 'y' has" in said.stderr
    assert "commas are read as decimal commas" in said.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (written(comma, ";") + "v;a;0.5\n", "has '0.5', and line 2, column 'y' has"),
        (PLAIN + 'v,a,"0,5"\n', "has '0,5', and line 2, column 'y' has"),
        ('id,arm,y\nu,a,"1,234"\nv,b,"2,500"\n', "'1,234', which may be a fraction or thousands"),
        ('id,arm,y\nu,a,"1,234.5"\n', "thousands marks are not read"),
        ("id;arm;y\nu;a;1.234,5\n", "thousands marks are not read"),
        ("id;arm;y\nu;a;1 234,5\n", "thousands marks are not read"),
        ('id,arm,y\nu,a,"1,234,567"\n', "thousands marks are not read"),
    ],
)
def test_numbers_that_could_be_two_are_refused_with_their_lines(content: str, words: str) -> None:
    said = run(content)
    assert (said.exit_code, said.stdout) == (2, "")
    assert words in said.stderr


def test_three_digits_behind_a_comma_are_a_fraction_where_others_are_or_fields_end_with_semicolons() -> None:
    file = Fractions("\t")
    assert (file.read("1,250", "y", 2), file.read("0,5", "z", 3)) == (1.25, 0.5)
    assert file.settle() == "line 3, column 'z' has '0,5': commas are read as decimal commas"
    alone = Fractions(";")
    assert alone.read("1,250", "y", 2) == 1.25
    assert alone.settle() == "line 2, column 'y' has '1,250': commas are read as decimal commas"
    with pytest.raises(Unreadable, match=r"line 3, column 'z' has '0.5', and line 2, column 'y' has '1,250'"):
        alone.read("0.5", "z", 3)
    doubtful = Fractions("\t")
    doubtful.read("1,250", "y", 2)
    with pytest.raises(Unreadable, match="may be a fraction or thousands"):
        doubtful.settle()


def test_a_metric_of_words_is_refused_and_one_with_a_few_words_is_not() -> None:
    percent = run(written(lambda value: f"{100 * value:.0f}%"))
    assert percent.exit_code == 2
    assert "column 'y' has no number at all, line 2 has '" in percent.stderr
    assert "without thousands marks, % or currency" in percent.stderr
    odds = run(written(str, head="id,arm,y") + "v,a,late\n")
    assert odds.exit_code == 0
    assert json.loads(odds.stdout)["skipped"] == {"NOT_A_NUMBER": 1}
    logged = "id,arm,y,p\nu,a,1,likely\nv,b,0,rare\n"
    assert "column 'p' has no number at all" in run(logged, "--propensity", "p").stderr


@pytest.mark.parametrize("first", ["sep=;\n", "SEP=;\r\n", "\ufeffsep=;\n", "\n"])
def test_a_spreadsheets_line_about_its_separator_is_no_header_and_a_blank_one_neither(first: str) -> None:
    said = run(first + written(comma, ";") + "w;a;late\n")
    assert json.loads(said.stdout)["comparisons"] == answer(PLAIN)["comparisons"]
    assert "line 83: NOT_A_NUMBER" in said.stderr


def test_the_delimiter_is_the_one_that_finds_the_columns_however_often_others_stand_in_names() -> None:
    head = 'id;arm;y;"a, b, c, d, e"'
    assert answer(written(comma, ";").replace("id;arm;y", head).replace("\n", ";1\n").replace(f"{head};1", head)) == (
        answer(PLAIN)
    )


def test_a_compressed_file_with_a_byte_order_mark_is_read() -> None:
    assert answer(gzip.compress(("\ufeff" + PLAIN).encode())) == answer(PLAIN)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (PLAIN.replace(".", ","), "80 of 80 rows have other fields than the header (line 2: FIELDS: 4 fields where"),
        (PLAIN.replace("id,arm", "arm"), "80 of 80 rows have other fields"),
    ],
    ids=["decimal commas", "row names without a header"],
)
def test_rows_that_mostly_do_not_fit_the_header_are_no_sample_and_refused(content: str, words: str) -> None:
    said = CliRunner().invoke(main, ["analyze", "-", "--unit", "arm", "--arm", "arm", "--metric", "y"], input=content)
    assert (said.exit_code, said.stdout) == (2, "")
    assert words in said.stderr
    assert "decimal commas too" in said.stderr


def test_where_no_row_can_be_used_the_reasons_are_told() -> None:
    said = run("id,arm,y\nu,a,1\nu,b,1\n")
    assert said.exit_code == 0
    assert "no row could be used: MULTIPLE_ARMS 2" in said.stderr


MOMENTS = [datetime(2024, 1, 3, 9, 30, tzinfo=UTC) + timedelta(hours=at * at) for at in range(80)]


@pytest.mark.parametrize(
    "form",
    [
        lambda at: at.isoformat(),
        lambda at: f"{at:%Y-%m-%d %H:%M:%S} UTC",
        lambda at: f"{at:%Y/%m/%d %H:%M}",
        lambda at: f"{at.month}/{at.day}/{at.year} {at:%H:%M:%S}",
        lambda at: f"{at.month}/{at.day}/{at.year}, {at:%I:%M %p}",
        lambda at: f"{at.day}/{at.month}/{at.year} {at:%H:%M}",
        lambda at: f"{at.day}.{at.month}.{at.year} {at:%H:%M}",
        lambda at: f"{at.timestamp():.0f}",
        lambda at: f"{1e3 * at.timestamp():.0f}",
        lambda at: f"{1e9 * at.timestamp():.0f}",
        lambda at: f"{at.timestamp():.3f}",
    ],
    ids=["iso", "utc", "year/", "m/d/y", "am pm", "d/m/y", "d.m.y", "seconds", "milliseconds", "nanoseconds", "float"],
)
def test_moments_are_ordered_by_time_however_they_are_written(form: Callable[[datetime], str]) -> None:
    places = list(range(80))
    random.Random(1).shuffle(places)
    assert ranks([form(MOMENTS[at]) for at in places]) == [at + 1 for at in places]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["1/2/2024", "2/1/2024"], "dates like '1/2/2024' may have the month or the day first"),
        (["1/13/2024", "13/1/2024"], "row 2 has '13/1/2024' where row 1 has '1/13/2024'"),
        (["2024-01-01", "2024-13-01"], "row 2 has '2024-13-01' where row 1 has '2024-01-01'"),
        (["10", "9", "", "tenth"], "row 4 has 'tenth' where row 1 has '10'"),
        (["first", "second"], "row 1 has 'first'. Write all as numbers"),
        (["10", "none"], "row 2 has 'none'"),
        (["0,5", "0,25"], "row 1 has '0,5'"),
        (["1/31/24"], "row 1 has '1/31/24'"),
        (["1/31/2024 13:00 PM"], "row 1 has '1/31/2024 13:00 PM'"),
        (["1700000000", "1700000000123"], "row 1 has '1700000000' and row 2 has '1700000000123', which look like"),
        (["2024-01-01", "1700000000"], "row 2 has '1700000000' where row 1 has '2024-01-01'"),
    ],
)
def test_what_could_be_ordered_in_two_ways_or_in_none_is_refused(keys: list[str], words: str) -> None:
    with pytest.raises(Unordered) as refused:
        ranks(keys)
    assert words in str(refused.value)
    assert "2024-01-31T09:30:00Z" in str(refused.value)


def test_dates_that_come_in_the_same_order_either_way_are_read() -> None:
    assert ranks(["1/3/2024", "1/1/2024", "1/2/2024"]) == [3, 1, 2]
    assert ranks(["", ""]) == [1, 2]
    assert ranks(["9007199254740993", "9007199254740992"]) == [2, 1]


def test_a_wrong_order_names_its_option_and_row() -> None:
    content = PLAIN.replace("\n", ",1/2/2024\n").replace("y,1/2/2024", "y,t", 1).replace("1/2/2024", "2/1/2024", 1)
    said = run(content, "--order", "t")
    assert said.exit_code == 2
    assert "--order t: dates like '2/1/2024' may have the month or the day first" in said.stderr
