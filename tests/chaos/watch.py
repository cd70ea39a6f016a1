"""How far the group has come, seen from outside.

Knows committed offsets and ends of the input. Must never know a process.
"""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaException, TopicPartition

from fitly.core.topics import BY_NAME, INPUT

ASK_S = 2.0


class Watch:
    """Looks at the worker group's committed offsets, without being a member.

    Parameters
    ----------
    bootstrap, prefix : str
    """

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._asking = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"{prefix}fitly",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 0,
            }
        )
        self._tps = [TopicPartition(prefix + INPUT, number) for number in range(BY_NAME[INPUT].partitions)]
        self._last = dict.fromkeys(range(len(self._tps)), 0)
        self._trouble = ""

    def committed(self) -> dict[int, int]:
        """Give the offset of every partition; what was seen last where the broker does not answer."""
        try:
            answer = self._asking.committed(self._tps, ASK_S)
        except KafkaException as error:
            self._trouble = f" ({error})"
        else:
            self._trouble = ""
            self._last |= {tp.partition: max(tp.offset, 0) for tp in answer}
        return dict(self._last)

    def total(self) -> int:
        """Give the sum of all offsets."""
        return sum(self.committed().values())

    def state(self) -> str:
        """Say what is committed, and what may be read."""
        return f"committed {self.committed()}{self._trouble}, stable end {self._ends()}"

    def close(self) -> None:
        """Let go of the connection."""
        self._asking.close()

    def _ends(self) -> dict[int, int] | str:
        try:
            return {tp.partition: self._asking.get_watermark_offsets(tp, ASK_S)[1] for tp in self._tps}
        except KafkaException as error:
            return str(error)
