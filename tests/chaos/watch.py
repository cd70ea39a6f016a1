"""How far a group has come, seen from outside.

Knows committed offsets and ends of a topic. Must never know a process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition
from tests.chaos.judge import Record

from fitly.core.topics import BY_NAME, INPUT

ASK_S = 2.0


class Watch:
    """Looks at a group's committed offsets, without being a member.

    Parameters
    ----------
    bootstrap, prefix : str
    group, topic : str
        Whose, and of what, without the prefix; the workers' on the input where nothing is said.
    """

    def __init__(self, bootstrap: str, prefix: str, group: str = "fitly", topic: str = INPUT) -> None:
        self._asking = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": prefix + group,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 0,
            }
        )
        self._tps = [TopicPartition(prefix + topic, number) for number in range(BY_NAME[topic].partitions)]
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


def is_absorbed(watch: Watch, log: Mapping[int, Sequence[Record]]) -> bool:
    """Whether the group has committed past the last record of every partition."""
    committed = watch.committed()
    return all(committed[number] > part[-1].offset for number, part in log.items())
