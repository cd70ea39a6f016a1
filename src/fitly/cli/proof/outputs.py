"""What the worker said: every selected event has one cause, and every outcome event was answered once.

Knows the records of the output topics. Must never fold anything: that is ``replay``.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from fitly.cli.decoded import Record
from fitly.cli.proof.findings import Finding
from fitly.cli.proof.tables import Tables
from fitly.core import topics
from fitly.core.decisions import OutcomeFiled, Selected
from fitly.core.errors import Refused
from fitly.core.events import LearnerEvent, OutcomeRecorded
from fitly.core.names import EventKey, decision_id, packed_id, unpacked_id
from fitly.core.vocabulary import Bin
from fitly.wire.events import parse_control
from fitly.wire.outcomes import decode_outcome
from fitly.wire.rows import context_key
from fitly.wire.selected import ANSWERS_HEADER, decode_selected, encode_selected

WIDTH = 16
UNHEARD = f"{Bin.ERASED}/fitly.outcome.recorded.v1"
"""Where a ledger counts outcomes that came after their learner's erasure."""


def digest(key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """Give 16 bytes that stand for a whole record as it was sent."""
    told = (key, value, *(part for name, content in headers for part in (name.encode(), content)))
    parts = [b"-" if part is None else b"+" + part for part in told]
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.blake2b(framed, digest_size=WIDTH).digest()


@dataclass(slots=True)
class Sent:
    """The records of one partition of an output topic, in order, as digests; small enough for millions."""

    offsets: array[int] = field(default_factory=lambda: array("q"))
    stamps: array[int] = field(default_factory=lambda: array("q"))
    digests: bytearray = field(default_factory=bytearray)
    start: int = 0

    def add(self, record: Record) -> None:
        """Take a record down."""
        self.offsets.append(record.offset)
        self.stamps.append(record.timestamp)
        self.digests += digest(record.key, record.value, record.headers)

    def at(self, index: int) -> bytes | None:
        """Give the digest of a record, None past the end."""
        return bytes(self.digests[index * WIDTH : (index + 1) * WIDTH]) or None


def _unrendered(selected: Selected) -> bytes:
    """Give 16 bytes that stand for all of a decision but its parameters."""
    return digest(None, encode_selected(selected._replace(parameters={}, rendered_at=None)), ())


class Causes:
    """Whether each selected event has exactly one cause, and no cause the same answer twice."""

    def __init__(self) -> None:
        self.finding = Finding("causes", "every selected event has exactly one cause, and stands once")
        self._answered: set[bytes] = set()
        self._said: dict[bytes, tuple[bytes, int, bytes]] = {}
        self._causes: dict[tuple[int, int], bytes] = {}

    def see(self, record: Record) -> None:
        """Look at one record of ``strategy-selected``."""
        where = f"{topics.SELECTED}-{record.partition} offset {record.offset}"
        finding = self.finding
        finding.looked_at += 1
        if record.value is None:
            return
        try:
            selected = decode_selected(record.value)
        except (msgspec.MsgspecError, ValueError) as error:
            finding.differ(where, "", "a selected strategy", f"{error}")
            return
        named = decision_id(selected.cause.event_id, selected.user_id, selected.context)
        if selected.decision_id != named:
            finding.differ(where, "decision_id", f"{named}, from its cause", selected.decision_id)
        key = context_key(selected.user_id, selected.context)
        if record.key != key:
            finding.differ(where, "key", key, record.key)
        if selected.cause.partition != record.partition:
            finding.differ(where, "cause.partition", record.partition, selected.cause.partition)
        answers = dict(record.headers).get(ANSWERS_HEADER) or b""
        mark = packed_id(selected.decision_id) + answers
        if mark in self._answered:
            finding.differ(where, "decision_id, answers", "once", f"{selected.decision_id}, {answers!r} once more")
        self._answered.add(mark)
        self._same_words(where, selected, record, answers)
        self._causes[record.partition, selected.cause.offset] = packed_id(selected.cause.event_id)

    def _same_words(self, where: str, selected: Selected, record: Record, answers: bytes) -> None:
        """Hold a decision against what was said of it before: only a rendering may differ, and only in parameters."""
        decision, moment = selected.decision_id, selected.rendered_at or 0
        place, said = packed_id(decision), digest(None, record.value, ())
        first, at, words = self._said.setdefault(place, (_unrendered(selected), moment, said))
        if moment and not answers:
            self.finding.differ(where, "answers", "what made it be rendered anew", "nothing")
        if first != _unrendered(selected):
            self.finding.differ(where, "value", f"what {decision} said before, but for its parameters", "other words")
        elif moment < at:
            self.finding.differ(where, "rendered_at", f"none before {at}, the newest rendering so far", moment)
        elif moment == at and said != words:
            self.finding.differ(where, "value", f"the same bytes as {decision} had before", "others")
        else:
            self._said[place] = first, moment, said

    def see_event(self, partition: int, offset: int, event: LearnerEvent) -> None:
        """Look at an input event that may be the cause some decision names."""
        self._see(partition, offset, event.key)

    def see_control(self, partition: int, offset: int, value: bytes) -> None:
        """Look at a record without a key: a control event is the cause of what it withdrew, of many at once."""
        if (partition, offset) not in self._causes:
            return
        try:
            key = parse_control(value).key
        except Refused:
            return
        self._see(partition, offset, key)

    def _see(self, partition: int, offset: int, key: EventKey) -> None:
        named = self._causes.pop((partition, offset), None)
        if named is not None and named != packed_id(key):
            self.finding.differ(f"{topics.INPUT}-{partition} offset {offset}", "cause", named.hex(), key)

    def conclude(self, first: dict[int, int]) -> Finding:
        """Take down the causes that no input event was; those before the log's start cannot be looked up."""
        cut = 0
        for (partition, offset), named in self._causes.items():
            if offset < first[partition]:
                cut += 1
            else:
                place = f"{topics.INPUT}-{partition} offset {offset}"
                self.finding.differ(place, "cause", f"event {named.hex()}, which a decision names", "no such event")
        if cut:
            self.finding.notes.append(
                f"{cut:,} causes lie before the input's start: their ids were checked, not the events"
            )
        return self.finding


class Filings:
    """Whether the topic ``outcomes`` holds exactly one record per outcome event."""

    def __init__(self) -> None:
        self.finding = Finding("outcomes", "the topic outcomes holds exactly one record per outcome event")
        self._filed: Counter[bytes] = Counter()
        self._home: dict[bytes, int] = {}

    def see(self, record: Record) -> None:
        """Look at one record of ``outcomes``."""
        if record.value is None:
            return
        try:
            effect = decode_outcome(record.value)
        except (msgspec.MsgspecError, ValueError) as error:
            where = f"{topics.OUTCOMES}-{record.partition} offset {record.offset}"
            self.finding.differ(where, "", "a filed or amended outcome", f"{error}")
            return
        if isinstance(effect, OutcomeFiled):
            self._filed[packed_id(effect.id)] += 1

    def see_event(self, partition: int, event: LearnerEvent, *, absorbed: bool) -> None:
        """Look at an input event at home in its partition; where the tables have absorbed it, it must be filed."""
        if not isinstance(event.data, OutcomeRecorded):
            return
        mark = packed_id(event.key)
        if absorbed:
            self.finding.looked_at += 1
        elif self._filed[mark] <= 0:
            return
        self._filed[mark] -= 1
        if self._filed[mark] < 0:
            self._home[mark] = partition

    def conclude(self, tables: Tables, *, cut: bool, input_cut: bool) -> Finding:
        """Take down what is missing or too much; what retention removed cannot be missed.

        Outcomes that came after their learner's erasure are not filed: so many may be missing as the ledger counts.
        """
        missing = [] if cut else self._missed(tables)
        extra = [mark for mark, count in self._filed.items() if count > 0]
        if cut:
            self.finding.notes.append(
                f"{topics.OUTCOMES} has lost its beginning (retention): only repeats are looked for"
            )
        else:
            for mark in missing:
                self.finding.differ(f"outcome {unpacked_id(mark)}", "", "one record", "none, or one too few")
        if input_cut:
            self.finding.notes.append(
                f"{topics.INPUT} has lost its beginning (retention): earlier outcomes are not looked up"
            )
        else:
            for mark in extra:
                self.finding.differ(f"outcome {unpacked_id(mark)}", "", "one record", f"{self._filed[mark]} too many")
        return self.finding

    def _missed(self, tables: Tables) -> list[bytes]:
        """Give the outcomes without a record, of the partitions that lack more or fewer than were ERASED."""
        lacking = [mark for mark, count in self._filed.items() if count < 0]
        lacks = Counter[int]()
        for mark in lacking:
            lacks[self._home[mark]] -= self._filed[mark]
        erased = {partition: tables.ledger(partition).bins.get(UNHEARD, 0) for partition in tables.partitions}
        odd = {partition for partition, count in erased.items() if lacks[partition] != count}
        for partition in odd:
            if not lacks[partition]:
                place = f"{topics.OUTCOMES}-{partition}"
                self.finding.differ(place, "", f"no record of {erased[partition]} ERASED outcomes", "a record of each")
        return [mark for mark in lacking if self._home[mark] in odd]
