"""A view between looks: of the newest words, and of nothing that has not started."""

from __future__ import annotations

from tests.core.partition import replace
from tests.wire.closings import ENROLLED, HOME, NAME, Speaker
from tests.wire.words import absorb, shard, word

from fitly.core.numbers import Millis
from fitly.core.partials import Kind, Merged
from fitly.wire.looks import viewed
from fitly.wire.merged import decode_merged
from fitly.wire.results import decode_report


def rows(*said: Speaker) -> dict[bytes, bytes]:
    """The merged rows of experiments after what was said."""
    table = shard(HOME)
    absorb(table, *(word for one in said for word in one.said))
    return table.experiments()


def test_a_view_is_of_the_newest_words_and_no_look() -> None:
    speaker = Speaker(0)
    speaker.learns()
    speaker.passes(3)
    speaker.passes(30)
    (row,) = map(decode_merged, rows(speaker).values())
    sent = viewed(row, HOME)
    assert sent is not None
    assert (sent.key, sent.partition) == (f"{NAME}|provisional".encode(), HOME)
    report = decode_report(sent.value or b"")
    assert (report.participants, report.look, report.is_provisional) == (speaker.n, 0, True)


def test_of_what_has_not_started_and_of_other_sums_there_is_none() -> None:
    speaker = Speaker(0)
    draft = replace(speaker.trial, started_at=None)
    row = Merged(Kind.EXPERIMENTS, NAME, "b", {0: Millis(1)}, {ENROLLED: 1}, None, draft)
    assert viewed(row, HOME) is None
    assert viewed(row._replace(about=None), HOME) is None
    table = shard()
    absorb(table, word())
    assert table.rows
    assert table.experiments() == {}
