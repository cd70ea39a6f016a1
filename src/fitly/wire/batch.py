"""A run of records folded over a shard, not yet its own: outputs, changed rows, position.

Knows how an arrival becomes effects and effects become records. Must never know when it is committed; nothing
here may depend on where a batch begins or ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from fitly.core.assessing import looked_at_row
from fitly.core.decisions import Answer, Cause, Effect, Selected
from fitly.core.erasing import refused_once_more
from fitly.core.errors import Broken, Refused
from fitly.core.events import Arrival, ControlEvent, LearnerEvent, Tick, Unreadable
from fitly.core.experiments.looks import closes
from fitly.core.experiments.trial import Trials
from fitly.core.inforce import InForce, put_in_force
from fitly.core.learner import NEVER, ContextRow, Erased, LearnerRow
from fitly.core.names import UserId, erased_key, partition_of
from fitly.core.numbers import DAY, Day, Millis, day_of
from fitly.core.partials import Closing, Kind
from fitly.core.rules import Rules
from fitly.core.ruling import ruled
from fitly.core.scene import Moment, trials_elsewhere
from fitly.core.step import fall_due, step
from fitly.core.system import (
    FOLD_KEY,
    FOLD_VERSION,
    LEDGER_KEY,
    POSITION_KEY,
    RULES_KEY,
    SWEEP_KEY,
    Ledger,
    Position,
    Sweep,
)
from fitly.core.topics import CONTEXTS, INPUT, LEARNERS
from fitly.core.vocabulary import Bin, ClockMode, Context
from fitly.core.withdrawing import calls_for_it, withdrawn
from fitly.wire import rows as at_rest
from fitly.wire.events import Incoming, decode, decode_learner_event
from fitly.wire.letters import dead_letter, learner_named
from fitly.wire.outgoing import Change, Outgoing, outgoing
from fitly.wire.partials import outgoing_partial
from fitly.wire.refusing import MOST_BYTES
from fitly.wire.summing import PartitionSums
from fitly.wire.sweeping import next_slice

if TYPE_CHECKING:
    from fitly.core.population import Name
    from fitly.wire.shard import Shard
    from fitly.wire.summing import Sums

FORWARDED_HEADER: Final = "fitly-forwarded"
MOST_DUE: Final = 500
"""Rows that fall due at one tick or control record; the rest stays due."""
LAST_DAY: Final = Day(0xFFFE)
"""Days are kept in 16 bits, and an event may be an hour ahead of its stamp."""


class Batch:
    """Working copies of the rows that a run of records touched.

    Attributes
    ----------
    outputs : list of Outgoing
        What goes out, in the order of the log.
    position : Position
        Where the log stands after the run.
    offset : int
        Its offset.
    count : int
        Records absorbed.
    refused : bytearray
        One byte per record absorbed, 1 where it was INVALID: the refusal alarm's food.
    taken : list
        Entries popped from the shard's heap.
    """

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._learners: dict[str, LearnerRow | None] = {}
        self._contexts: dict[bytes, ContextRow | None] = {}
        self._changed_learners: dict[str, LearnerRow | None] = {}
        self._changed_contexts: dict[bytes, ContextRow | None] = {}
        self._changed_markers: dict[bytes, Erased | None] = {}
        self._encoded: list[Change] | None = None
        self._moved: list[ContextRow] = []
        self._sums = PartitionSums(shard.sums, shard.trials)
        self.rules: Rules = shard.rules
        self.trials: Trials = shard.trials
        self.force: InForce = shard.force
        self.sweep: Sweep | None = shard.sweep
        self.offset = shard.position.offset
        self.clock: Millis = shard.position.clock
        self.outputs: list[Outgoing] = []
        self._said: list[Effect | Outgoing] = []
        self._counts: Counter[tuple[Bin, str]] = Counter()
        self.count = 0
        self.refused = bytearray()
        self.taken: list[tuple[int, bytes]] = []

    # -- rows, as the core asks for them ------------------------------------------------------------------

    def learner(self, user_id: UserId) -> LearnerRow | None:
        """Give a learner's row as of this point of the run."""
        try:
            return self._learners[user_id]
        except KeyError:
            value = self._shard.rows[LEARNERS].get(user_id.encode())
            row = self._learners[user_id] = None if value is None else at_rest.decode_learner(value)
            return row

    def context(self, user_id: UserId, context: Context) -> ContextRow | None:
        """Give a learner's row of a context as of this point of the run."""
        return self._context(at_rest.context_key(user_id, context))

    def erased(self, user_id: UserId) -> Erased | None:
        """Give what is left of a learner who was erased, as of this point of the run."""
        key = erased_key(self.force.birth, user_id)
        if key in self._changed_markers:
            return self._changed_markers[key]
        value = self._shard.rows[LEARNERS].get(key)
        return None if value is None else at_rest.decode_erased(value)

    def _context(self, key: bytes) -> ContextRow | None:
        try:
            return self._contexts[key]
        except KeyError:
            value = self._shard.rows[CONTEXTS].get(key)
            row = self._contexts[key] = None if value is None else at_rest.decode_context(value)
            return row

    def _keep(self, row: ContextRow, key: bytes) -> None:
        before = self._contexts.get(key)
        self._sums.row_changed(before, row)
        self._contexts[key] = row
        self._changed_contexts[key] = row
        if before is None or before.closes_at != row.closes_at or before.lapses_at != row.lapses_at:
            due = row.due_at
            if due != NEVER and (before is None or before.due_at != due):
                heappush(self._shard.due, (due, key))

    def _forget(self, user_id: UserId, marker: Erased) -> None:
        """Let every row of a learner go; the marker takes their place."""
        for context in Context:
            self._drop(at_rest.context_key(user_id, context))
        self._learners[user_id] = None
        if user_id.encode() in self._shard.rows[LEARNERS]:
            self._changed_learners[user_id] = None
        else:
            self._changed_learners.pop(user_id, None)
        self._changed_markers[erased_key(self.force.birth, user_id)] = marker

    def _drop(self, key: bytes) -> None:
        """Let a context's row go: the one place where rows do. What it contributed to the sums goes along."""
        self._sums.row_changed(self._context(key), None)
        self._contexts[key] = None
        if key in self._shard.rows[CONTEXTS]:
            self._changed_contexts[key] = None
        else:
            self._changed_contexts.pop(key, None)

    # -- one record ----------------------------------------------------------------------------------------

    def absorb(self, records: Sequence[Incoming]) -> None:
        """Fold the next records, each into exactly one bin; those at or below the offset are passed over.

        In three passes: what the learners' records say is read first, and what comes of it is written last. Each is the
        same work again and again, and faster where nothing else comes in between: a tenth of the whole fold.
        """
        self._encoded = None
        arrivals = [None if record.key is None else decode_learner_event(record) for record in records]
        for record, arrival in zip(records, arrivals, strict=True):
            if record.offset > self.offset:
                self._absorb(record, arrival)
        self.outputs += [each if isinstance(each, Outgoing) else outgoing(each) for each in self._said]
        self._said.clear()

    def _absorb(self, record: Incoming, arrival: Arrival | None) -> None:
        """Fold the next record; None where it is one of ours, which is read by what the log has told so far."""
        self.offset = record.offset
        self.count += 1
        if not 0 <= record.timestamp // 86_400_000 <= LAST_DAY:
            detail = f"the record's stamp is {record.timestamp}; give milliseconds since 1970"
            self._refuse(record, Unreadable("STAMP", detail))
            return
        before, self.clock = self.clock, max(self.clock, Millis(record.timestamp))
        if arrival is None:
            arrival = decode(record, control_key=self._shard.control_key, birth_id=self.rules.birth_id)
        if isinstance(arrival, LearnerEvent):
            self._learner_event(record, arrival)
        elif isinstance(arrival, Tick):
            self._count(Bin.SYSTEM, "tick")
            self._catch_up()
            self._tell(self._sums.untold())
        elif isinstance(arrival, ControlEvent):
            self._control(record, arrival)
        else:
            self._refuse(record, arrival)
        if self._sums.overfull:
            self._tell(tuple(self._sums.overfull))  # a copy: what is told leaves the list
        if self.trials and self.clock // DAY != before // DAY:
            passed = Closing(day_of(before), day_of(self.clock))
            self._tell([(Kind.EXPERIMENTS, name) for name, each in self.trials.items() if closes(each, passed)], passed)

    def _tell(self, names: Sequence[Name], passed: Closing | None = None) -> None:
        """Say what the partition's sums of these names are now; which days the clock passed, where it did."""
        for name in names:
            partial = self._sums.partial(name, self._shard.partition, self.position, self.rules.control_number, passed)
            self._said.append(outgoing_partial(partial, self.rules.partitions, self._shard.control_key))

    def _count(self, bin_: Bin, detail: str) -> None:
        self._counts[bin_, detail] += 1
        self.refused.append(int(bin_ is Bin.INVALID))

    def _learner_event(self, record: Incoming, event: LearnerEvent) -> None:
        if not self.rules.birth_id:
            detail = "the log was not opened yet; run `fitly topics create`, then send the event again"
            self._refuse(record, Unreadable("BEFORE_OPENING", detail))
            return
        if self.learner(event.user_id) is None and not self._is_mine(record):
            self._forward(record, event)
            return
        senders = self.force.senders.get(event.kind)
        if senders is not None and event.source not in senders:
            detail = f"{event.source!r} may not send {event.kind}: the policy names who may in `sources`"
            self._refuse(record, Unreadable("SOURCE", detail))
            return
        at = Moment(Millis(record.timestamp), self.clock, self._shard.partition, record.offset)
        folded = step(self, event, self.force, at)
        self._count(folded.bin, event.kind)
        if folded.learner is not None:
            self._learners[event.user_id] = folded.learner
            self._changed_learners[event.user_id] = folded.learner
        for row in folded.contexts:
            self._keep(row, at_rest.context_key(row.user_id, row.context))
        if folded.erased is not None:
            self._forget(event.user_id, folded.erased)
        elif folded.returned:
            self._changed_markers[erased_key(self.force.birth, event.user_id)] = None
        self._said += folded.effects

    def _is_mine(self, record: Incoming) -> bool:
        return record.key is not None and partition_of(record.key, self.rules.partitions) == self._shard.partition

    def _forward(self, record: Incoming, event: LearnerEvent) -> None:
        """Send a record of another partition's learner there, once, marked."""
        if any(name == FORWARDED_HEADER for name, _ in record.headers):
            detail = f"sent on once and not at home in {self._shard.partition} either; partition by murmur2 of the key"
            self._refuse(record, Unreadable("FORWARDED_TWICE", detail))
            return
        assert record.key is not None  # noqa: S101 - a learner event has its subject as key
        assert record.value is not None  # noqa: S101
        size = sum(len(name.encode()) + len(content or b"") for name, content in record.headers)
        if size > MOST_BYTES:
            detail = (
                f"the headers have {size} bytes, at most {MOST_BYTES} can be sent on; partition by murmur2 of the key"
            )
            self._refuse(record, Unreadable("TOO_LARGE", detail))
            return
        self._count(Bin.MISROUTED, event.kind)
        mark = f"{self._shard.partition}-{record.offset}".encode()
        self._said.append(
            Outgoing(
                INPUT,
                record.key,
                record.value,
                (*((name, content) for name, content in record.headers), (FORWARDED_HEADER, mark)),
                partition_of(record.key, self.rules.partitions),
                record.timestamp if self.rules.clock_mode is ClockMode.AS_OF else None,
            )
        )

    def _control(self, record: Incoming, event: ControlEvent) -> None:
        """Put the next control event in force; the numbers are dense."""
        last = self.rules.control_number
        if event.number <= last:
            self._count(Bin.DUPLICATE, event.kind)
            return
        if event.number != last + 1:
            where = f"partition {self._shard.partition}, offset {record.offset}"
            message = (
                f"{where}: control event {event.number} follows {last}; "
                "the log lacks what is between. Run `fitly topics check`, and refold from a log that is whole"
            )
            raise Broken(message, restart_helps=False)
        try:
            self.rules, self.trials = ruled(self.rules, self.trials, event, self.clock)
        except Refused as refused:
            if self.rules.birth_id:  # it had its number: the next one follows it
                self.rules = replace(self.rules, control_number=event.number)
                self.force = put_in_force(self.rules, self.trials)
            self._refuse(record, Unreadable(refused.reason, refused.detail))
            return
        before, self.force = self.force, put_in_force(self.rules, self.trials)
        self._sums.know(self.trials)
        self._count(Bin.SYSTEM, event.kind)
        self._catch_up(Sweep(event.key, record.offset) if calls_for_it(before, self.force) else None)

    def _refuse(self, record: Incoming, why: Unreadable) -> None:
        """Send a refused record on as a dead letter; of an erased learner nothing is kept, readable or not."""
        named = learner_named(record.key) if self.rules.birth_id else None
        if named is not None and self.learner(named) is None and self.erased(named) is not None:
            self._count(Bin.ERASED, why.reason)
            return
        self._count(Bin.INVALID, why.reason)
        self._said.append(dead_letter(record, why, self._shard.partition))
        if named is not None and (learner := self.learner(named)) is not None:
            self._list(learner, record.offset)

    def _list(self, learner: LearnerRow, offset: int) -> None:
        """Remember with the learner which dead letters are theirs: those go with them."""
        learner, gone = refused_once_more(learner, self._shard.partition, offset)
        self._learners[learner.user_id] = self._changed_learners[learner.user_id] = learner
        if gone is not None:
            self._said.append(gone)

    def _catch_up(self, begun: Sweep | None = None) -> None:
        """Withdraw what is overruled and let fall due what is due: at most 500 rows together, withdrawals first."""
        sweep, withdrawn = begun or self.sweep, 0
        if sweep is not None and sweep.cause:
            rows = self._shard.rows[CONTEXTS]
            fresh = [key for key in self._changed_contexts if key not in rows]
            keys = (key for key in self._shard.keys.after(sweep.after, rows, fresh) if self._is_there(key))
            found = next_slice(sweep, self._shard.partition, keys, self._withdrawn, MOST_DUE)
            for key, row, selected in found.withdrawn:
                self._withdraw(key, row, Answer(selected))
            self._moved.clear()
            withdrawn = len(found.withdrawn)
            if found.sweep.cause or not begun or self.sweep is not None:
                self.sweep = found.sweep
        self._fall_due(MOST_DUE - withdrawn)

    def _withdraw(self, key: bytes, row: ContextRow, answer: Answer) -> None:
        before = self._context(key)
        assert before is not None  # noqa: S101 - what is withdrawn stood there
        at = Moment(self.clock, self.clock, self._shard.partition, self.offset)
        row, said = looked_at_row(before, row, at)
        self._keep(row, key)
        self._said.append(answer)
        self._said += said

    def _withdrawn(self, key: bytes, cause: Cause) -> tuple[ContextRow, Selected] | None:
        """Look at one row of many: what stays as it is must not stay in memory."""
        row = self._contexts.get(key) or at_rest.decode_context(self._shard.rows[CONTEXTS][key])
        learner = self.learner(row.user_id)
        assert learner is not None  # noqa: S101 - a learner's rows come and go together

        def elsewhere() -> bytes:
            moved = [each for each in self._moved if each.user_id == row.user_id] if self.force.rivals else ()
            return trials_elsewhere(self, self.force, row.user_id, row.context, moved)

        made = withdrawn(row, learner, self.force, self.clock, cause, elsewhere)
        if made is not None:
            self._moved.append(made[0])
        return made

    def _is_there(self, key: bytes) -> bool:
        return self._contexts[key] is not None if key in self._contexts else key in self._shard.rows[CONTEXTS]

    def _fall_due(self, most: int) -> None:
        """Let rows that are due do what they waited for, in the order of due time and key."""
        heap, done = self._shard.due, 0
        while heap and heap[0][0] <= self.clock and done < most:
            due, key = entry = heappop(heap)
            self.taken.append(entry)
            row = self._context(key)
            if row is None or row.due_at != due:
                continue
            learner = self.learner(row.user_id) if row.lapses_at <= self.clock else None
            at = Moment(self.clock, self.clock, self._shard.partition, self.offset)
            row, effects = fall_due(row, learner, self.force, at)
            self._keep(row, key)
            self._said += effects
            done += 1

    # -- the result ----------------------------------------------------------------------------------------

    @property
    def bins(self) -> Counter[str]:
        """Records by ``BIN/detail``."""
        return Counter({f"{bin_}/{detail}": count for (bin_, detail), count in self._counts.items()})

    @property
    def position(self) -> Position:
        """Where the log stands after the run."""
        rules = self.rules
        mode = rules.clock_mode.value if rules.birth_id else ""
        return Position(rules.birth_id, rules.partitions, mode, self.offset, self.clock)

    @property
    def ledger(self) -> Ledger:
        """The partition's bins after the run."""
        before = self._shard.ledger
        return Ledger(dict(sorted((Counter(before.bins) + self.bins).items())), before.read + self.count)

    @property
    def sums(self) -> Sums:
        """The partition's sums after the run."""
        return self._sums.now

    @property
    def changes(self) -> list[Change]:
        """The changelog records of the run: rows that changed, then system rows, the position last."""
        return [*self.row_changes(), *self.system_changes()]

    def row_changes(self) -> list[Change]:
        """Give the rows that changed, in the order in which they first did."""
        if self._encoded is None:
            changes = [
                Change(LEARNERS, user.encode(), None if row is None else at_rest.encode_learner(row))
                for user, row in self._changed_learners.items()
            ]
            changes.extend(
                Change(LEARNERS, key, None if marker is None else at_rest.encode_erased(marker))
                for key, marker in self._changed_markers.items()
            )
            changes.extend(
                Change(CONTEXTS, key, None if row is None else at_rest.encode_context(row))
                for key, row in self._changed_contexts.items()
            )
            self._encoded = changes
        return self._encoded

    def system_changes(self) -> list[Change]:
        """Give the system rows; rules, experiments and fold version only where they are new."""
        everything = not self.count or self._shard.folded_by < FOLD_VERSION
        changes = self._sums.changes(everything=everything)
        before = self._shard.trials
        for name in sorted(self.trials) if everything or self.trials is not before else ():
            trial = self.trials[name]
            if everything or trial is not before.get(name):
                changes.append(Change(CONTEXTS, at_rest.experiment_key(name), at_rest.encode_trial(trial)))
        if everything or self.rules is not self._shard.rules:
            changes.append(Change(CONTEXTS, RULES_KEY, at_rest.encode_rules(self.rules)))
            changes.append(Change(CONTEXTS, FOLD_KEY, at_rest.encode_fold_version(FOLD_VERSION)))
        if self.sweep is not None and (self.sweep != self._shard.sweep or not self.count):
            changes.append(Change(CONTEXTS, SWEEP_KEY, at_rest.encode_sweep(self.sweep)))
        changes.append(Change(CONTEXTS, LEDGER_KEY, at_rest.encode_ledger(self.ledger)))
        changes.append(Change(CONTEXTS, POSITION_KEY, at_rest.encode_position(self.position)))
        return changes
