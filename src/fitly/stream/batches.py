"""One stream message per fetched partition batch.

Knows how a list of records travels through Faust disguised as one record. Must never know what is in a record.

Faust handles messages one by one at some 600 microseconds each; its `ConsumerScheduler` setting is the public place
where a whole fetched batch can be made one message: that is where the throughput comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from aiokafka.structs import ConsumerRecord
    from faust.types import TP


class Fetched(NamedTuple):
    """A batch as the consumer's thread took it, joined to the one before.

    Attributes
    ----------
    epoch : int
        The hold-and-seek the partition was under when it was taken (A2): batches of an earlier epoch are void.
    start : int
        Where the batch before ended, or where the partition was sought to: the task knows by it that nothing is
        missing between.
    end : int
        One past the last record.
    records : list of ConsumerRecord
        In the order of the log.
    """

    epoch: int
    start: int
    end: int
    records: list[ConsumerRecord]


class BatchMessage:
    """Looks like one consumer record to Faust: its value is the batch, its offset the last record's."""

    __slots__ = (
        "checksum", "headers", "key", "offset", "partition", "serialized_key_size", "serialized_value_size",
        "timestamp", "timestamp_type", "topic", "value",
    )  # fmt: skip

    def __init__(self, tp: TP, batch: Fetched) -> None:
        last = batch.records[-1]
        self.topic, self.partition, self.offset = tp.topic, tp.partition, last.offset
        self.timestamp, self.timestamp_type = last.timestamp, last.timestamp_type
        self.key, self.value, self.headers, self.checksum = None, batch, (), None
        self.serialized_key_size, self.serialized_value_size = 0, len(batch.records)


class BatchScheduler:
    """Faust's ``ConsumerScheduler``: gives each partition's batch as one message."""

    def iterate(self, records: Mapping[Any, Fetched]) -> Iterator[tuple[Any, BatchMessage]]:
        """Give one message for each partition fetched."""
        for tp, batch in records.items():
            yield tp, BatchMessage(tp, batch)
