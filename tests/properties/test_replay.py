"""The same log gives the same bytes: whatever the batches, the crashes, the neighbours, the process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.core.partition import KEY, Record
from tests.core.sums import day_sums
from tests.properties.histories import Author, about, history, lengths, seeds, settled

from fitly.core.entries import ARMS, DECISIONS, VERDICTS
from fitly.core.learner import ContextRow
from fitly.core.numbers import CERTAIN
from fitly.core.topics import ASSESSED, CONTEXTS, INPUT, OUTCOMES, PARTIALS, REJECTED, SELECTED
from fitly.core.vocabulary import Mode, Unit
from fitly.wire.rows import decode_context, encode_context
from fitly.wire.selected import decode_selected
from fitly.wire.shard import Change, Outgoing, Shard


def a_shard() -> Shard:
    shard = Shard(0, KEY)
    shard.opened()
    return shard


def fold(log: list[Record]) -> tuple[Shard, list[Outgoing]]:
    """Fold a log record by record, without faults."""
    shard, sent = a_shard(), []
    for record in log:
        batch = shard.fold([record])
        sent.extend(batch.outputs)
        shard.adopt(batch)
    return shard, sent


def fold_with_faults(log: list[Record], random: Random) -> tuple[Shard, list[Outgoing]]:
    """Fold in batches of any size; some are lost, and the partition is restored from its changelog."""
    shard, changelog = a_shard(), list[Change]()
    sent: list[Outgoing] = []
    start = 0
    while start < len(log):
        end = min(len(log), start + random.choice((1, 2, 5, 20, 100)))
        middle = random.randrange(start, end + 1)
        batch = shard.fold(log[max(0, start - random.randrange(3)) : middle])
        if random.random() < 0.5:
            _ = batch.changes
        shard.fold(log[middle:end], batch)
        fate = random.random()
        if fate < 0.2:
            shard.discard(batch)
            continue
        if fate < 0.5:
            shard = restored(changelog, random)
            continue
        sent.extend(batch.outputs)
        changelog.extend(batch.changes)
        shard.adopt(batch)
        start = end
    return shard, sent


def restored(changelog: list[Change], random: Random) -> Shard:
    """Restore a shard from its changelog, compacted or not."""
    shard = Shard(0, KEY)
    newest = {(change.table, change.key): change for change in changelog}
    for change in changelog if random.random() < 0.5 else newest.values():
        shard.load(*change)
    shard.opened()
    return shard


@given(seed=seeds, length=lengths, faults=some.integers(0, 99))
def test_batches_and_crashes_change_no_byte(seed: int, length: int, faults: int) -> None:
    log = history(seed, length)
    shard, sent = fold(log)
    other, again = fold_with_faults(log, Random(faults))
    assert again == sent
    assert list(other.state()) == list(shard.state())
    assert other.overdue() == shard.overdue()


@given(seed=seeds, length=lengths)
def test_every_record_is_in_one_bin_and_every_word_has_its_place(seed: int, length: int) -> None:
    log = history(seed, length)
    shard, sent = fold(log)
    assert sum(shard.ledger.bins.values()) == shard.ledger.read == len(log)
    invalid = sum(count for name, count in shard.ledger.bins.items() if name.startswith("INVALID/"))
    assert sum(output.topic == REJECTED and output.value is not None for output in sent) == invalid
    assert {output.topic for output in sent} <= {SELECTED, OUTCOMES, ASSESSED, REJECTED, PARTIALS}
    assert all(output.topic != INPUT for output in sent)


@given(seed=seeds, length=lengths)
def test_every_decisions_odds_add_to_one_and_its_unit_follows_from_them(seed: int, length: int) -> None:
    _, sent = fold(history(seed, length))
    seen = set()
    for output in sent:
        if output.topic != SELECTED or output.value is None:
            continue
        selected = decode_selected(output.value)
        odds = selected.propensities
        assert sum(odds.values()) == CERTAIN
        assert min(odds.values()) >= 0
        assert odds[selected.strategy_variant or "NONE"] > 0
        assert selected.apply == (selected.strategy_variant is not None) == (selected.config_id is not None)
        both = 0 < odds.get("NONE", 0) < CERTAIN
        assert (selected.unit is Unit.DECISION) == both
        assert (selected.unit is Unit.LEARNER) == (selected.mode is Mode.HOLDOUT)
        answers = dict(output.headers).get("answers")
        assert (selected.decision_id, answers) not in seen
        seen.add((selected.decision_id, answers))


@given(seed=seeds, length=lengths, order=some.integers(0, 99))
def test_the_order_of_different_learners_events_changes_no_row(seed: int, length: int, order: int) -> None:
    log = history(seed, length, without=(Author.spoil,))
    shard, _ = fold(log)
    other, _ = fold(shuffled(log, Random(order)))
    assert contents(other) == contents(shard)
    assert other.ledger == shard.ledger


def shuffled(log: list[Record], random: Random) -> list[Record]:
    """Shuffle learners, but no learner's own order, between control records and moments."""
    blocks: dict[tuple[int, int], list[Record]] = defaultdict(list)
    controls = 0
    for record in log:
        controls += about(record) is None
        blocks[controls * 2 + (about(record) is not None), record.timestamp].append(record)
        controls += about(record) is None
    result: list[Record] = []
    for block in blocks.values():
        queues: dict[str | None, list[Record]] = defaultdict(list)
        for record in block:
            queues[about(record)].append(record)
        while queues:
            chosen = random.choice(list(queues))
            result.append(queues[chosen].pop(0)._replace(offset=len(result)))
            if not queues[chosen]:
                del queues[chosen]
    return result


def contents(shard: Shard) -> dict[tuple[str, bytes], bytes]:
    """Give rows as bytes, without the offsets of causes: those are places in the log, and it was shuffled."""
    rows = {(table, key): value for table, held in shard.rows.items() for key, value in held.items()}
    for (table, key), value in rows.items():
        if table == CONTEXTS:
            row = decode_context(value)
            if row.standing is not None:
                selected = row.standing.open()
                placeless = selected._replace(cause=selected.cause._replace(offset=0))
                row = row._replace(standing=type(row.standing).of(placeless))
            rows[table, key] = encode_context(row)
    return rows


@given(seed=seeds, length=lengths, ticks=some.integers(0, 99))
def test_it_makes_no_difference_when_ticks_come(seed: int, length: int, ticks: int) -> None:
    log = history(seed, length, without=(Author.spoil, Author.again, Author.tick))
    random, dense = Random(ticks), list[Record]()
    for record in log:
        dense.append(record._replace(offset=len(dense)))
        if random.random() < 0.3 and record.offset > 1:
            author = Author(random, now=max(each.timestamp for each in dense))
            author.tick()
            dense.append(author.log[0]._replace(offset=len(dense)))
    sparse_rows, dense_rows = (facts(fold([*each, *settled(each)])[0]) for each in (log, dense))
    assert dense_rows == sparse_rows


def facts(shard: Shard) -> dict[bytes, Any]:
    """Give what rows say but for the moments at which they were last touched."""
    return {key: timeless(decode_context(value)) for key, value in shard.rows[CONTEXTS].items()}


def timeless(row: ContextRow) -> tuple[Any, ...]:
    arms = [entry._replace(updated=0) for entry in ARMS.all(row.arms)]
    decisions = list(DECISIONS.all(row.decisions))
    parameters = None if row.standing is None else row.standing.open().parameters
    insights = parameters, row.lapses_at
    verdicts = [each for each in VERDICTS.all(row.assessed) if not each.rolling]
    learned = row.own_n, row.own_sum, row.unjoined, row.closes_at
    return arms, decisions, insights, row.outcomes, row.seen, day_sums(row), verdicts, learned


@pytest.mark.parametrize("seed", [5, 77])
def test_the_seed_of_pythons_hashes_does_not_matter(seed: int) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.properties.digest", str(seed), "300"]
    digests = {
        subprocess.run(
            command, env=os.environ | {"PYTHONHASHSEED": hashes}, cwd=root, capture_output=True, check=True, text=True
        ).stdout
        for hashes in ("1", "4242")
    }
    assert len(digests) == 1
    assert digests.pop().strip()
