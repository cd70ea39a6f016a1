"""Fold a history in a process of its own and print the digest of all that comes of it: SEED LENGTH."""

from __future__ import annotations

import hashlib
import sys

from tests.core.partition import KEY
from tests.properties.histories import history

from fitly.wire.shard import Shard


def main(seed: int, length: int) -> None:
    shard, digest = Shard(0, KEY), hashlib.blake2b()
    shard.opened()
    batch = shard.fold(history(seed, length))
    for record in (*batch.outputs, *batch.changes):
        digest.update(repr(record).encode())
    shard.adopt(batch)
    for change in shard.state():
        digest.update(repr(change).encode())
    sys.stdout.write(digest.hexdigest())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
