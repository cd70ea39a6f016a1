"""The table of effectiveness says every record, and how many flags chance alone would give."""

from __future__ import annotations

from rich.console import Console
from tests.core.partition import SURE, Partition, replace

from fitly.cli import effectiveness
from fitly.core.topics import CONTEXTS


def rows(*, decisions: int) -> list[tuple[int, bytes, bytes]]:
    partition = Partition(replace(SURE, control_share=0.5, dwell_days=0))
    for n in range(decisions):
        partition.later(hours=0.01)
        told = partition.request()
        partition.outcome(score=(0.9 if told.selected.apply else 0.2) + n / 1000)
    return [(0, key, value) for key, value in sorted(partition.shard.rows[CONTEXTS].items())]


def shown(found: list[tuple[int, bytes, bytes]]) -> str:
    console = Console(width=200, record=True, quiet=True)
    console.print(effectiveness.overview(found))
    return console.export_text()


def test_every_record_is_a_line_and_a_flag_stands_out() -> None:
    found = rows(decisions=40)
    text = shown(found)
    told = list(effectiveness.documents(found))
    assert len(told) == text.count("ada") == len(list(effectiveness.records(found)))
    assert "POSITIVE" in text
    assert {each["strategy_variant"] for each in told} > {None}
    assert all(each["table"] == "effectiveness" for each in told)


def test_flags_are_told_beside_those_of_chance_alone() -> None:
    found = rows(decisions=40)
    records = list(effectiveness.records(found))
    tested = [record for record in records if record.p_value is not None]
    line = effectiveness.by_chance_alone(records)
    assert line.startswith(f"{len(records)} records, {len(tested)} with a test; ")
    assert line.endswith(f"where chance alone would flag {len(tested) * 0.05:.3g}")


def test_a_record_without_a_test_shows_gaps_and_no_flag() -> None:
    text = shown(rows(decisions=3))
    assert "POSITIVE" not in text
    assert "-" in text
