"""The proof of the merged sums accepts what is honest and names what is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.cli.folded import BIRTH, KEY, START, Folded, Record, event, folded, signed
from tests.cli.folded import log as sent

from fitly.cli.proof.findings import Finding
from fitly.cli.proof.population import Added, Said
from fitly.core import topics
from fitly.core.numbers import to_millis
from fitly.core.partials import Kind, Partial
from fitly.wire.events import encode_tick
from fitly.wire.merged import decode_merged, decode_word, encode_merged
from fitly.wire.partials import outgoing_partial
from fitly.wire.population import Population
from fitly.wire.rows import sums_key

KEY_OF = b"priors|MISSION"
Tamper = Callable[[Folded, Population], None]


@pytest.fixture
def log() -> Folded:
    """A small honest log that was told the time twice: at each tick the sums are told."""
    records = sent()
    content = {"outcome_type": "CONTENT_ENGAGED", "context": "CONTENT", "engagement_score": 0.5}
    for minutes in (30, 31):
        at = START + timedelta(minutes=minutes)
        records.append(event(len(records), "ada", "outcome.recorded", content, at))
        tick = encode_tick(0, to_millis(at))
        records.append(Record(0, len(records), to_millis(at), None, tick, signed(tick)))
    return folded(records)


def empty() -> Population:
    return Population(0, KEY, BIRTH, "LIVE", 1)


def table(log: Folded) -> Population:
    """Fold what the log said of its sums, as the agent would."""
    made = empty()
    made.adopt(made.fold(log.records[topics.PARTIALS]))
    return made


def proved(log: Folded, of: Population) -> dict[str, Finding]:
    words, sums, said = Finding("words", ""), Finding("merged", ""), Said(log.tables)
    added = Added(of, empty())
    added.see(log.records[topics.PARTIALS])
    added.words(words)
    added.sums(sums)
    said.see(empty(), log.records[topics.PARTIALS])
    return {"words": words, "merged": sums, "told": said.conclude()}


def test_an_honest_table_holds(log: Folded) -> None:
    findings = proved(log, table(log))
    assert all(finding.holds and finding.looked_at for finding in findings.values()), findings


def lose_a_word(_: Folded, of: Population) -> None:
    del of.rows[KEY_OF + b"|0"]


def change_a_sum(_: Folded, of: Population) -> None:
    row = decode_merged(of.rows[KEY_OF])
    of.rows[KEY_OF] = encode_merged(row._replace(sums=row.sums | {"ALL.n": 99}))


def forget_what_was_said(log: Folded, _: Population) -> None:
    log.records[topics.PARTIALS].clear()


def change_the_rows(log: Folded, _: Population) -> None:
    rows = log.tables.rows[0, topics.CONTEXTS]
    rows[sums_key(Kind.PRIORS, "MISSION")] = rows[sums_key(Kind.PRIORS, "CONTENT")]


@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        (lose_a_word, {"words", "merged"}),
        (change_a_sum, {"merged"}),
        (forget_what_was_said, {"words", "told"}),
        (change_the_rows, {"told"}),
    ],
)
def test_what_is_not_honest_is_named(log: Folded, tamper: Tamper, broken: set[str]) -> None:
    of = table(log)
    tamper(log, of)
    assert {name for name, finding in proved(log, of).items() if not finding.holds} == broken


def test_a_word_that_was_compacted_away_for_a_newer_one_is_not_missed(log: Folded) -> None:
    of, last = table(log), log.records[topics.PARTIALS][-1]
    later = decode_word(of.rows[KEY_OF + b"|0"])
    beyond = log.tables.position(0).offset + 1
    newer = outgoing(later._replace(offset=beyond), last.offset + 1)
    log.records[topics.PARTIALS] = [one for one in log.records[topics.PARTIALS] if one.key != newer.key]
    log.records[topics.PARTIALS].append(newer)
    assert all(finding.holds for finding in proved(log, of).values())


def outgoing(word: Partial, offset: int) -> Record:
    out = outgoing_partial(word, 1, KEY)
    return Record(0, offset, 0, out.key, out.value, out.headers)
