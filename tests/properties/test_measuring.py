"""The sums of experiments are those of the raw data, however enrolments, outcomes and farewells interleave."""

from __future__ import annotations

from collections import Counter
from heapq import heappush
from random import Random

from hypothesis import given
from hypothesis import strategies as some
from tests.core.partition import KEY, Record
from tests.properties.histories import crowded, history, lengths, seeds, settled
from tests.properties.studies import Studies, Unit
from tests.properties.test_sums import event_of
from tests.wire.closings import PLAN

from fitly.core.eligibility import is_allowed
from fitly.core.experiments.enrolment import ENROLMENTS, Enrolment, How, Reason
from fitly.core.experiments.measuring import enrolled
from fitly.core.experiments.trial import Trial
from fitly.core.inforce import put_in_force
from fitly.core.learner import ContextRow, Preferences
from fitly.core.names import UserId
from fitly.core.numbers import DAY
from fitly.core.partials import Kind
from fitly.core.topics import CONTEXTS
from fitly.core.vocabulary import Context
from fitly.wire.rows import decode_context, encode_context, split_context_key
from fitly.wire.shard import Shard
from fitly.wire.summing import PartitionSums, Sums

NAMES = ("one", "two")
"""The first is of groups and has one record of a learner, the second a bandit with one per epoch."""
TRIALS = {name: Trial(plan=PLAN, number=number) for number, name in enumerate(NAMES, 1)}


class Enroller:
    """Enrols at random into drafts: nothing else does."""

    def __init__(self, seed: int, shard: Shard, studies: Studies) -> None:
        self.random = Random(seed)
        self.shard = shard
        self.studies = studies
        shard.trials = TRIALS
        shard.force = put_in_force(shard.rules, TRIALS)

    def enrol(self) -> None:
        random, shard = self.random, self.shard
        keys = sorted(shard.rows[CONTEXTS])
        if not keys:
            return
        key = random.choice(keys)
        user, context = split_context_key(key)
        row, number, now = decode_context(shard.rows[CONTEXTS][key]), random.choice((1, 2, 2)), shard.position.clock
        held = [each for each in ENROLMENTS.all(row.trials) if each.trial == number]
        preferences = self.studies.preferences.get(user, Preferences())
        if not is_allowed(preferences, context) or (held and number == 1) or row.closes_at <= now:
            return
        is_bandit = number > 1
        unit = Unit(
            random.randrange(2),
            len(held),
            is_bandit and random.random() < 0.9,
            "" if is_bandit else random.choice(("00000000000000aa", "00000000000000ab")),
            now,
            now + random.choice((0, 1, DAY // 4, DAY, 9 * DAY)),
            [],
        )
        unit.given = not unit.uniform and random.random() < 0.3
        enrolment = Enrolment(
            number,
            unit.epoch,
            variant=unit.variant,
            how=How.GIVEN if unit.given else How.DRAWN,
            uniform=int(unit.uniform),
            since=now,
            until=unit.until,
            cluster=bytes.fromhex(unit.cluster) if unit.cluster else bytes(8),
        )
        after, sums = enrolled(row, enrolment), PartitionSums(shard.sums, TRIALS)
        sums.row_changed(row, after)
        shard.sums = sums.now
        shard.rows[CONTEXTS][key] = encode_context(after)
        heappush(shard.due, (after.due_at, key))
        self.studies.enrol(number, (user, context), unit)


def agree(seed: int, log: list[Record], often: float) -> Shard:
    """Fold a log with enrolments in between, and hold the sums against the books, at its end and in its middle."""
    shard, studies = Shard(0, KEY), Studies()
    shard.opened()
    enroller = Enroller(seed, shard, studies)
    for record in log:
        batch = shard.fold([record])
        (place,) = batch.bins
        shard.adopt(batch)
        studies.tell(event_of(record), place.partition("/")[0], batch.outputs, shard.rules.policy, shard.position.clock)
        if enroller.random.random() < often and shard.rules.birth_id:
            enroller.enrol()
    found = shard.sums.totals
    tests = {split_context_key(key) for key, row in shard.rows[CONTEXTS].items() if decode_context(row).left_out}
    for number, name in enumerate(NAMES, 1):
        assert found.get((Kind.EXPERIMENTS, name), {}) == studies.sums(number, tests)
    again = Sums.added_up(shard.rows[CONTEXTS].values(), TRIALS).totals
    assert again == {name: sums for name, sums in found.items() if sums}
    return shard


@given(seed=seeds, length=lengths)
def test_sums_are_those_of_the_raw_data(seed: int, length: int) -> None:
    log = history(seed, length)
    agree(seed, [*log, *settled(log)], 0.15)


@given(seed=seeds, length=some.integers(110, 170))
def test_and_still_are_when_memory_overflows(seed: int, length: int) -> None:
    log = crowded(seed, length)
    agree(seed, [*log, *settled(log)], 0.06)


def test_the_histories_hold_what_they_are_meant_to() -> None:
    """Otherwise all the above would hold of nothing."""
    found: Counter[str] = Counter()
    for seed in range(6):
        log, often = (crowded(seed, 150), 0.1) if seed > 3 else (history(seed, 300), 0.3)
        for name, sums in agree(seed, [*log, *settled(log)], often).sums.totals.items():
            if name[0] is Kind.EXPERIMENTS:
                found.update({each.partition(".")[2] if each[0].isdigit() else each: 1 for each in sums})
    behind = {"measured", "opted_out", "open", "composite.before.xy", "retention.exposed.sum", "jj"}
    assert behind <= {name.partition(".")[2] for name in found}
    assert {"u.composite.nn", "u.1.composite.sn", "u.composite.filled.sum"} <= found.keys()
    assert any(name.startswith("cluster") for name in found)
    ends = {name.rpartition(".")[2] for name in found if name.startswith("cluster")}
    assert {"given", "opted_out", "measured"} <= ends


def test_who_is_not_enrolled_is_counted_by_the_reason_and_a_test_learner_by_nothing_else() -> None:
    sums = PartitionSums(Sums(), TRIALS)
    row = ContextRow(UserId("ada"), Context.MISSION)
    held = ENROLMENTS.join([Enrolment(1, reason=Reason.LEVEL), Enrolment(2, how=How.FORCED)])
    sums.row_changed(row, row._replace(trials=held))
    assert sums.now.others == {
        (Kind.EXPERIMENTS, "one"): {"reason.2": 1},
        (Kind.EXPERIMENTS, "two"): {"forced": 1},
    }
