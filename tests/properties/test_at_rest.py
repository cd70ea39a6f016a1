"""What a changelog says in the end is the shard's state: no row is there or not by where a batch ended."""

from __future__ import annotations

from random import Random

import pytest
from tests.core.partition import KEY
from tests.properties.histories import history, settled

from fitly.wire.shard import Shard


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most", [1, 7, 1_000])
def test_the_changelog_of_any_batches_adds_up_to_the_state(seed: int, most: int) -> None:
    log, random = history(seed, 150), Random(seed)
    log += list(settled(log))
    shard, rows = Shard(0, KEY), dict[tuple[str, bytes], bytes | None]()
    shard.opened()
    start = 0
    while start < len(log):
        end = start + random.randint(1, most)
        batch = shard.fold(log[start:end])
        rows |= {(change.table, change.key): change.value for change in batch.changes}
        shard.adopt(batch)
        start = end
    left = {place: value for place, value in rows.items() if value is not None}
    assert left == {(change.table, change.key): change.value for change in shard.state()}
