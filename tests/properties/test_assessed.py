"""What is announced of effectiveness is one story: a flip begins where the last ended, and no window closes twice."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as some
from tests.core.partition import KEY, Record
from tests.properties.histories import crowded, history, lengths, seeds, settled

from fitly.core.assessments import Assessed, Direction, WindowKind
from fitly.core.entries import VERDICTS
from fitly.core.learner import ContextRow
from fitly.core.names import config_id
from fitly.core.topics import ASSESSED, CONTEXTS
from fitly.core.vocabulary import ARM_VARIANTS
from fitly.wire.assessed import decode_assessed
from fitly.wire.rows import context_key, decode_context
from fitly.wire.shard import Shard

UNTESTED = (False, None)


def told(log: list[Record]) -> tuple[Shard, list[Assessed]]:
    shard, said = Shard(0, KEY), list[Assessed]()
    shard.opened()
    for record in log:
        batch = shard.fold([record])
        for sent in batch.outputs:
            if sent.topic == ASSESSED and sent.value is not None:
                said.append(decode_assessed(sent.value))
                assert sent.key == context_key(said[-1].user_id, said[-1].context)
        shard.adopt(batch)
    return shard, said


def one_story(log: list[Record]) -> int:
    """Follow what is announced, and hold its end against the rows; gives how many flips there were."""
    shard, said = told(log)
    known: dict[bytes, dict[Any, Any]] = defaultdict(dict)
    closed: set[str] = set()
    flips = 0
    for one in said:
        assert one.closed or one.flips
        assert not closed & set(one.closed), "a window closes once"
        closed |= set(one.closed)
        assert all(record.baseline_kind == "OWN" for record in one.records)
        verdicts = known[context_key(one.user_id, one.context)]
        for flip in one.flips:
            key = flip.config_id, flip.window_kind
            assert verdicts.get(key, UNTESTED) == (flip.was_significant, flip.was_direction)
            verdicts[key] = (flip.is_significant, flip.is_direction)
            flips += 1
    assert len({one.id for one in said}) == len(said)
    for where, verdicts in known.items():
        if where in shard.rows[CONTEXTS]:  # the others were erased
            row = decode_context(shard.rows[CONTEXTS][where])
            assert remembered(row) == {name: verdict for name, verdict in verdicts.items() if verdict != UNTESTED}
    assert not any(decode_context(row).assessed for key, row in shard.rows[CONTEXTS].items() if key not in known)
    return flips


def remembered(row: ContextRow) -> dict[Any, Any]:
    directions = (Direction.NONE, Direction.POSITIVE, Direction.NEGATIVE, None)
    names = {code: config_id(row.user_id, row.context, variant) for code, variant in ARM_VARIANTS.items()}
    found: dict[Any, Any] = {}
    for each in VERDICTS.all(row.assessed):
        kind = WindowKind.ROLLING if each.rolling else WindowKind.CUMULATIVE
        found[names.get(each.arm), kind] = bool(each.significant), directions[each.direction]
    return {name: verdict for name, verdict in found.items() if verdict != UNTESTED}


@given(seed=seeds, length=lengths)
def test_what_is_announced_is_one_story(seed: int, length: int) -> None:
    log = history(seed, length)
    one_story([*log, *settled(log)])


@given(seed=seeds, length=some.integers(150, 300))
def test_and_where_one_learner_decides_often_it_holds_flips(seed: int, length: int) -> None:
    log = crowded(seed, length)
    one_story([*log, *settled(log)])


def test_the_stories_hold_flips_at_all() -> None:
    """Otherwise all the above would hold of nothing."""
    assert sum(one_story([*log, *settled(log)]) for log in (crowded(seed, 300) for seed in range(4))) > 0
