"""A report goes out as JSON that says the same when it is read, and a look keeps what the next one needs of it."""

from __future__ import annotations

import json

import pytest
from tests.core.experiments.test_report import crowd, told
from tests.core.experiments.trials import added, at, plan, trial

from fitly.core.errors import Refused
from fitly.core.numbers import Millis
from fitly.core.partials import Kind, Look, Merged
from fitly.core.topics import RESULTS
from fitly.wire.looks import outgoing_report, reported
from fitly.wire.merged import decode_merged, encode_merged
from fitly.wire.results import decode_report, encode_report


def test_a_report_that_was_read_says_what_was_written() -> None:
    written = encode_report(told(plan(), crowd((0.0, 0.1), 30)))
    assert encode_report(decode_report(written)) == written
    document = json.loads(written)
    assert (document["look"], document["verdict"]["contender"]) == (30, "A")
    assert document["comparisons"][0]["always_valid"]["ci"][0] < document["comparisons"][0]["difference"]
    assert len(f"{document['comparisons'][0]['fixed']['t']!r}") <= len("0.") + 12


@pytest.mark.parametrize(("value", "reason"), [(b"{", "NOT_JSON"), (b"{}", "SCHEMA"), (b"\xff", "NOT_JSON")])
def test_what_is_no_report_is_refused(value: bytes, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        decode_report(value)
    assert caught.value.reason == reason


def test_a_look_keeps_what_the_planned_look_found_and_so_does_its_row() -> None:
    started, sums = trial(plan(planned_days=20)), added(crowd((0.0, 0.1), 30))
    first, before = reported(Look(at(19), sums, 19, started), None)
    then, found = reported(Look(at(21), sums, 21, started), first)
    after, later = reported(Look(at(22), sums, 22, started), then)
    assert (first.planned, before.planned_look) == (None, None)
    assert then.planned == found.planned_look == after.planned == later.planned_look
    assert then.planned is not None
    assert then.planned.look == 21
    row = Merged(Kind.EXPERIMENTS, "try", "b", {0: Millis(1)}, sums, after, started)
    assert decode_merged(encode_merged(row)).look == after


def test_a_report_goes_out_under_its_look_and_a_view_in_between_under_its_own_key() -> None:
    look, between = (outgoing_report(told(plan(), [], look=number), 2) for number in (30, 0))
    assert (look.topic, look.key, look.partition) == (RESULTS, b"try|30", 2)
    assert between.key == b"try|provisional"
