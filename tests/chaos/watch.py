"""How far the group has come, seen from outside.

Knows committed offsets and ends of the input. Must never know a process.
"""

from __future__ import annotations

from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    OffsetSpec,
)

from fitly.core.topics import BY_NAME, INPUT

ASK_S = 5.0


class Watch:
    """Looks at the worker group's committed offsets.

    Parameters
    ----------
    bootstrap, prefix : str
    """

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._bootstrap = bootstrap
        self._admin = self._new_admin()
        self._error = ""
        self._group = f"{prefix}fitly"
        self._tps = [TopicPartition(prefix + INPUT, number) for number in range(BY_NAME[INPUT].partitions)]
        self._last = dict.fromkeys(range(len(self._tps)), 0)

    def committed(self) -> dict[int, int]:
        """Give the offset of every partition; what was seen last where the broker does not answer."""
        asked = ConsumerGroupTopicPartitions(self._group, self._tps)
        try:
            answer = self._admin.list_consumer_group_offsets([asked], request_timeout=ASK_S)[self._group].result(ASK_S)
        except (KafkaException, TimeoutError) as error:
            self._error = f"{error!r}"
            self._admin = self._new_admin()
            return dict(self._last)
        self._error = ""
        self._last |= {tp.partition: max(tp.offset, 0) for tp in answer.topic_partitions}
        return dict(self._last)

    def total(self) -> int:
        """Give the sum of all offsets."""
        return sum(self.committed().values())

    def state(self) -> str:
        """Say what is committed, what readers may see, and what is there."""
        stable, end = self._ends(stable=True), self._ends(stable=False)
        return f"committed {self.committed()} {self._error}, stable end {stable}, end {end}"

    def _ends(self, *, stable: bool) -> dict[int, int] | str:
        level = IsolationLevel.READ_COMMITTED if stable else IsolationLevel.READ_UNCOMMITTED
        asked: dict[TopicPartition, Any] = dict.fromkeys(self._tps, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        answers = self._admin.list_offsets(asked, isolation_level=level, request_timeout=ASK_S)
        try:
            return {tp.partition: answer.result(ASK_S).offset for tp, answer in answers.items()}
        except (KafkaException, TimeoutError) as error:
            return str(error)

    def _new_admin(self) -> AdminClient:
        """Make a client; one that has seen the broker die may ask in vain for ever."""
        return AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 0})
