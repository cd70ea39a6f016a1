"""The proof of the merged sums accepts what is honest and names what is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.cli.folded import BIRTH, KEY, START, Folded, Record, event, folded, signed
from tests.cli.folded import log as sent
from tests.core.trials import KINDS, NAME, PLAN, started

from fitly.cli.proof.findings import Finding
from fitly.cli.proof.population import Added, Reported, Said
from fitly.core import topics
from fitly.core.events import ExperimentDefined, ExperimentPayload
from fitly.core.numbers import Millis, to_millis
from fitly.core.partials import Kind, Look, Partial
from fitly.wire.events import encode_control, encode_tick
from fitly.wire.merged import decode_merged, decode_word, encode_merged
from fitly.wire.partials import outgoing_partial
from fitly.wire.population import Population
from fitly.wire.rows import sums_key

KEY_OF = b"priors|MISSION"
EXPERIMENT = f"experiments|{NAME}".encode()
Tamper = Callable[[Folded, Population], None]


@pytest.fixture
def log() -> Folded:
    """A small honest log with an experiment, told the time now and then: at each tick the sums are told."""
    records = sent()
    experiment: tuple[ExperimentPayload, ...] = (ExperimentDefined(plan=PLAN), started(PLAN))
    for number, said in enumerate(experiment, 3):
        value = encode_control(number, KINDS[type(said)], said, to_millis(START))
        records.append(Record(0, len(records), to_millis(START), None, value, signed(value)))
    content = {"outcome_type": "CONTENT_ENGAGED", "context": "CONTENT", "engagement_score": 0.5}
    for minutes in (30, 31, 1_500, 3_000):
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


def results(log: Folded) -> list[Record]:
    """Give what the agent sent out of its looks."""
    sent = empty().fold(log.records[topics.PARTIALS]).outputs
    return [Record(0, offset, 0, one.key, one.value) for offset, one in enumerate(sent)]


def proved(log: Folded, of: Population, went_out: list[Record] | None = None) -> dict[str, Finding]:
    words, sums, looks, said = Finding("words", ""), Finding("merged", ""), Finding("closes", ""), Said(log.tables)
    added = Added(of, empty())
    added.see(log.records[topics.PARTIALS])
    added.words(words)
    added.sums(sums)
    added.looks(looks)
    reported = Reported(added.results)
    reported.see(results(log) if went_out is None else went_out)
    said.see(empty(), log.records[topics.PARTIALS])
    findings = {"words": words, "merged": sums, "closes": looks}
    return findings | {"told": said.conclude(), "looks": reported.conclude()}


def test_an_honest_table_holds(log: Folded) -> None:
    findings = proved(log, table(log))
    assert findings["looks"].looked_at == 2
    assert all(finding.holds and finding.looked_at for finding in findings.values()), findings


def lose_a_word(_: Folded, of: Population) -> None:
    del of.rows[KEY_OF + b"|0"]


def change_a_sum(_: Folded, of: Population) -> None:
    row = decode_merged(of.rows[KEY_OF])
    of.rows[KEY_OF] = encode_merged(row._replace(sums=row.sums | {"ALL.n": 99}))


def change_a_look(_: Folded, of: Population) -> None:
    row = decode_merged(of.rows[EXPERIMENT])
    assert row.look is not None
    of.rows[EXPERIMENT] = encode_merged(row._replace(look=row.look._replace(sums={"n": 1})))


def look_at_what_nobody_said(_: Folded, of: Population) -> None:
    row = decode_merged(of.rows[EXPERIMENT])._replace(name="other", look=Look(Millis(0), {}))
    of.rows[b"experiments|other"] = encode_merged(row)


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
        (change_a_look, {"closes"}),
        (look_at_what_nobody_said, {"closes", "merged"}),
        (forget_what_was_said, {"words", "told", "closes"}),
        (change_the_rows, {"told"}),
    ],
)
def test_what_is_not_honest_is_named(log: Folded, tamper: Tamper, broken: set[str]) -> None:
    of = table(log)
    tamper(log, of)
    assert {name for name, finding in proved(log, of).items() if not finding.holds} == broken


def test_a_look_that_did_not_go_out_and_one_that_nobody_took_are_named(log: Folded) -> None:
    first, last = results(log)
    assert last.key is not None
    assert not proved(log, table(log), [first])["looks"].holds
    assert not proved(log, table(log), [first, last._replace(value=None)])["looks"].holds
    assert not proved(log, table(log), [first, last, last._replace(key=last.key + b"0")])["looks"].holds
    honest = [first, last, last._replace(key=f"{NAME}|provisional".encode())]
    assert proved(log, table(log), honest)["looks"].holds, "a view in between is no look"


def test_a_look_of_a_release_that_said_it_otherwise_is_only_told_of(log: Folded) -> None:
    first, last = results(log)
    finding = proved(log, table(log), [first, last._replace(value=b"{}")])["looks"]
    assert finding.holds
    assert finding.notes == ["1 say something else than this release makes of the same sums"]


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
