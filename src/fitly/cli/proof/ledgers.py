"""Where every record went: the bins of each partition add up to the records it absorbed.

Knows ledgers and counts. Must never fold anything.
"""

from __future__ import annotations

from collections import Counter

from fitly.cli.proof.findings import Finding
from fitly.cli.proof.tables import Tables
from fitly.core import topics
from fitly.core.erasing import MOST_LETTERS
from fitly.core.events import ERASED
from fitly.core.vocabulary import Bin

ERASURES = f"{Bin.APPLIED}/{ERASED}"
"""Where a ledger counts learners who were erased."""


class Ledgers:
    """Counts the input as it passes and holds the ledgers against it.

    Parameters
    ----------
    tables : Tables
        The ledgers and positions; read before the input is.
    """

    def __init__(self, tables: Tables) -> None:
        self.finding = Finding("ledger", "every record absorbed is in exactly one bin of its partition")
        self._tables = tables
        self._seen: Counter[int] = Counter()

    def see(self, partition: int, count: int) -> None:
        """Count records of the input that the partition has absorbed."""
        self._seen[partition] += count

    def conclude(self, first: dict[int, int]) -> Finding:
        """Hold bins against records; where retention cut the log, only the bins against their own sum."""
        for partition in self._tables.partitions:
            ledger = self._tables.ledger(partition)
            where = f"partition {partition}"
            total = sum(ledger.bins.values())
            self.finding.looked_at += ledger.read
            if total != ledger.read:
                self.finding.differ(where, "sum of bins", ledger.read, total)
            unknown = [name for name in ledger.bins if name.partition("/")[0] not in set(Bin)]
            if unknown:
                self.finding.differ(where, "bins", "bins of the product", ", ".join(unknown))
            if first.get(partition, 0):
                self.finding.notes.append(
                    f"{topics.INPUT}-{partition} begins at {first[partition]} (retention): only the sum was checked"
                )
            elif self._seen[partition] != ledger.read:
                self.finding.differ(where, "records absorbed", self._seen[partition], ledger.read)
        return self.finding


def bins_of(tables: Tables) -> dict[str, int]:
    """Add up the bins of all partitions, without their details, in the order of the product's list."""
    total: Counter[str] = Counter()
    for partition in tables.partitions:
        for name, count in tables.ledger(partition).bins.items():
            total[name.partition("/")[0]] += count
    return {name.value: total[name.value] for name in Bin if total[name.value]}


class Rejects:
    """Whether each refused record is in ``rejected-events``, once.

    Parameters
    ----------
    tables : Tables
        The ledgers; read before the topic is.
    """

    def __init__(self, tables: Tables) -> None:
        self.finding = Finding("rejects", "every refused record is in rejected-events, once")
        self._tables = tables
        self._places: Counter[tuple[int, int]] = Counter()

    def see(self, partition: int, value: bytes | None, headers: dict[str, bytes | None]) -> None:
        """Look at one record of ``rejected-events``; a tombstone is no refusal, but takes one away."""
        if value is None:
            return
        place = int(headers.get("partition") or b"-1"), int(headers.get("offset") or b"-1")
        if place[0] != partition:
            self.finding.differ(f"{topics.REJECTED}-{partition}", "partition", partition, place[0])
        self._places[place] += 1

    def conclude(self, *, cut: bool) -> Finding:
        """Hold the refused records against the bin INVALID."""
        for (partition, offset), count in self._places.items():
            if count > 1:
                self.finding.differ(f"{topics.INPUT}-{partition} offset {offset}", "", "once", f"{count} times")
        if cut:
            self.finding.notes.append(
                f"{topics.REJECTED} has lost its beginning (retention): only repeats are looked for"
            )
            return self.finding
        for partition in self._tables.partitions:
            position = self._tables.position(partition).offset
            there = sum(1 for at, offset in self._places if at == partition and offset <= position)
            bins = self._tables.ledger(partition).bins
            refused = sum(count for name, count in bins.items() if name.partition("/")[0] == Bin.INVALID)
            self.finding.looked_at += refused
            if there < refused and (bins.get(ERASURES) or refused > MOST_LETTERS):
                gone = f"partition {partition}: {refused - there:,} refused records are no longer in {topics.REJECTED}"
                self.finding.notes.append(f"{gone}, as learners were erased or had many; --replay looks at each")
            elif there != refused:
                self.finding.differ(f"partition {partition}", "refused records", refused, there)
        return self.finding
