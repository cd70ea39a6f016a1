"""The product's worker in a process whose consumer learns of no topic until it has shared out partitions once."""

from __future__ import annotations

import sys
from typing import Any

from aiokafka.client import AIOKafkaClient
from faust.assignor.partition_assignor import PartitionAssignor

from fitly import logs
from fitly.settings import Settings
from fitly.stream import worker

_assign, _ask = PartitionAssignor.assign, AIOKafkaClient._metadata_update
_shared: list[bool] = []


def assign(self: Any, *args: Any) -> Any:  # noqa: ANN401 - handed through
    """Share out, and see from now on."""
    _shared.append(True)
    return _assign(self, *args)


async def ask(self: Any, cluster: Any, topics: Any) -> Any:  # noqa: ANN401 - handed through
    """Fail as a request does that meets a broker which is going down."""
    if not _shared and str(self._client_id).startswith("faust"):
        return False
    return await _ask(self, cluster, topics)


if __name__ == "__main__":
    setattr(PartitionAssignor, "assign", assign)  # noqa: B010 - replaced from outside, for this process only
    setattr(AIOKafkaClient, "_metadata_update", ask)  # noqa: B010
    settings = Settings()
    logs.set_up(settings, "worker")
    sys.exit(worker.run(settings))
