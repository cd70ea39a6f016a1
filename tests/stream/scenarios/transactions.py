"""Hazards of transactions: failed batches, producers that hang, zombies, open transactions, the sequencer's fence."""

from __future__ import annotations

import asyncio
import signal
import time
from unittest.mock import patch

import aiokafka
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import ProducerFenced
from aiokafka.structs import ConsumerRecord
from tests.stream.rig import rig
from tests.stream.world import World, until

from fitly.core.events import PolicyRevised
from fitly.core.numbers import Millis
from fitly.core.rules import Policy
from fitly.core.topics import BY_NAME, CONTROL, INPUT, OUTCOMES
from fitly.core.vocabulary import ClockMode
from fitly.stream import partition
from fitly.stream.clients import TRANSACTION_TIMEOUT_MS, new_producer, started_admin, started_producer
from fitly.stream.control import Sequencer
from fitly.stream.read import bounds
from fitly.stream.topics import broker_settings
from fitly.stream.waiting import MOST_RECORDS
from fitly.stream.worker import BROKEN, USAGE, exit_code
from fitly.wire.events import encode_control
from fitly.wire.signing import SIGNATURE_HEADER, sign


async def a_batch_the_broker_refuses(world: World) -> None:
    """A1: nothing of the transaction is committed, the process ends; mended, all is there once."""
    await world.create(ClockMode.LIVE)
    worker = await world.started()
    await _limit(world, OUTCOMES, "600")
    await world.publish(100)
    assert await worker.exit_code() == BROKEN
    before = await world.positions()
    outcomes = await world.records(OUTCOMES)
    assert sum(map(len, outcomes.values())) == 0
    assert all(
        before[p] < records[-1].offset for p, records in (await world.records(INPUT)).items() if len(records) > 2
    )
    await _limit(world, OUTCOMES, str(4 << 20))
    await world.started()
    await world.folded()
    await world.assert_exact()


async def _limit(world: World, name: str, size: str) -> None:
    declared = broker_settings(BY_NAME[name], ClockMode.LIVE)
    config = {**declared, "max.message.bytes": size}  # what is not named falls back to the broker's default
    async with started_admin(world.settings) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, world.settings.topic(name), config)])


async def a_stop_under_a_running_transaction(world: World) -> None:
    """A7: a commit that never ends does not keep the task, or the app, from stopping."""
    await world.create(ClockMode.LIVE)
    entered = asyncio.Event()

    async def never(_: object) -> None:
        entered.set()
        await asyncio.Event().wait()

    with patch.object(partition, "QUIET_S", 0.5):
        async with rig(world) as it:
            records = await log_of(world, 0)
            epoch = await it.assign()
            with patch.object(aiokafka.AIOKafkaProducer, "commit_transaction", never):
                it.give(epoch, 0, records)
                async with asyncio.timeout(20):
                    await entered.wait()
                async with asyncio.timeout(15):
                    await it.host.stop()
            assert not it.failures


async def a_queue_that_fills(world: World) -> None:
    """A7: the consumer pauses when the queue is full and goes on when it is low; commits stay bounded."""
    await world.create(ClockMode.LIVE)
    await world.publish(300, learners=5)
    async with rig(world) as it:
        epoch = await it.assign()
        records = await log_of(world, 0)
        await it.host.quiet()
        epoch = await it.assign()
        many, offset = MOST_RECORDS // len(records) + 2, 0
        for _ in range(many):  # the same events again and again, at later offsets: duplicates, but work
            copies = [_moved(record, offset + at) for at, record in enumerate(records)]
            it.give(epoch, offset, copies)
            offset += len(copies)
        assert it.flow.paused == {it.tp}

        async def resumed() -> bool:
            return not it.flow.paused

        await until(resumed, 60, "the consumer goes on")
        assert it.task._commits.most <= world.settings.commit_max_records


def _moved(record: ConsumerRecord, offset: int) -> ConsumerRecord:
    return ConsumerRecord(
        record.topic,
        record.partition,
        offset,
        record.timestamp,
        record.timestamp_type,
        record.key,
        record.value,
        record.checksum,
        record.serialized_key_size,
        record.serialized_value_size,
        record.headers,
    )


async def log_of(world: World, number: int) -> list[ConsumerRecord]:
    """Give the records of one input partition once both control records are visible."""

    async def opened() -> list[ConsumerRecord]:
        return (await world.records(INPUT)).get(number, [])

    return await until(opened, 20, "the log is open")


async def a_zombie_commits(world: World) -> None:
    """Transactional offsets carry no member: only the fence of the partition's own id keeps a former owner out."""
    await world.create(ClockMode.LIVE)
    records = await log_of(world, 0)
    async with rig(world) as zombie:
        epoch = await zombie.assign()
        before = zombie.task._commits._producer
        assert before is not None
        async with rig(world) as owner:
            theirs = await owner.assign()
            owner.give(theirs, 0, records)
            await owner.reaches(records[-1].offset)
            zombie.give(epoch, 0, records)
            error = await zombie.fails()
            assert isinstance(error, ProducerFenced), error
            assert exit_code(error) == BROKEN
    await world.assert_exact(partitions=[0])


async def a_zombie_is_fenced_between_two_sends(world: World) -> None:
    """The client then only says that there is no transaction; what ends the process is the fence, and it says so."""
    await world.create(ClockMode.LIVE)
    await world.publish(40)
    records = await log_of(world, 0)
    original = aiokafka.AIOKafkaProducer.send_batch

    async def one_by_one(self: object, batch: object, topic: str, *, partition: int) -> asyncio.Future[object]:
        sent: asyncio.Future[object] = await original(self, batch, topic, partition=partition)
        await asyncio.wait([sent])
        return sent

    async with rig(world) as zombie:
        epoch = await zombie.assign()
        async with rig(world) as owner:
            await owner.assign()
            with patch.object(aiokafka.AIOKafkaProducer, "send_batch", one_by_one):
                zombie.give(epoch, 0, records)
                error = await zombie.fails()
            assert isinstance(error, ProducerFenced), error


async def a_worker_sleeps_past_its_session(world: World) -> None:
    """A stopped worker wakes after others took its partitions: what it still does must not count."""
    await world.create(ClockMode.LIVE)
    sleeper, other = await world.started(), await world.started()
    await other.says("restored")
    await world.publish(400, rate=400)
    sleeper.send(signal.SIGSTOP)
    await world.publish(400, rate=200)
    await other.says("restored", times=PARTITIONS_AFTER_TAKEOVER, seconds=40)
    sleeper.send(signal.SIGCONT)
    await world.publish(800, rate=200)
    await world.folded()
    await world.assert_exact()


PARTITIONS_AFTER_TAKEOVER = 4


async def an_abandoned_transaction(world: World) -> None:
    """C1: it holds readers up for as long as its time-out, and that is short."""
    assert TRANSACTION_TIMEOUT_MS == 10_000
    await world.create(ClockMode.LIVE)
    producer = new_producer(world.settings, f"{world.settings.prefix}abandoned")
    assert producer._txn_manager.transaction_timeout_ms == TRANSACTION_TIMEOUT_MS
    await producer.start()
    await producer.begin_transaction()
    lost = await (await producer.send(world.settings.topic(INPUT), b"{}", partition=0))
    await producer.client.close()  # as if the process were gone: neither commit nor abort

    async def passed() -> bool:
        return bool((await bounds(world.settings, INPUT))[0][1] > lost.offset)

    began = time.monotonic()
    await until(passed, 45, "the broker aborts the transaction")
    assert time.monotonic() - began < 45
    await producer.stop()


async def forwards_only_when_needed(world: World) -> None:
    """C1: a transaction without a misrouted record touches no partition but its own."""
    await world.create(ClockMode.LIVE)
    await world.publish(60)
    touched: set[tuple[str, int]] = set()
    original = aiokafka.AIOKafkaProducer.send_batch

    async def noted(self: object, batch: object, topic: str, *, partition: int) -> object:
        touched.add((topic, partition))
        return await original(self, batch, topic, partition=partition)

    with patch.object(aiokafka.AIOKafkaProducer, "send_batch", noted):
        async with rig(world, 1) as it:
            records = await log_of(world, 1)
            it.give(await it.assign(), 0, records)
            await it.reaches(records[-1].offset)
    assert {number for _, number in touched} == {1}
    assert world.settings.topic(INPUT) not in {topic for topic, _ in touched}


async def sequencers_at_the_same_time(world: World) -> None:
    """A5: numbers are dense and every partition has them in one order, whoever wins."""
    await world.create(ClockMode.LIVE)
    await asyncio.gather(*(Sequencer(world.settings).revise(Policy(epsilon=0.1 + i / 100)) for i in range(6)))
    history = await Sequencer(world.settings).history()
    assert [event.number for event in history] == list(range(1, 9))
    assert [event.data.revision for event in history if isinstance(event.data, PolicyRevised)] == list(range(1, 8))
    values = [record.value for record in (await world.records(CONTROL))[0]]

    async def copied() -> bool:
        copies = await world.records(INPUT)
        return len(copies) == 4 and all([record.value for record in records] == values for records in copies.values())

    await until(copied, 20, "every partition has the same control events in the same order")


async def a_sequencer_killed_inside_its_transaction(world: World) -> None:
    """A5: the next one fences it, and the partitions are free again at once."""
    await world.create(ClockMode.LIVE)
    killed = new_producer(world.settings, f"{world.settings.app_id}-control")
    await killed.start()
    await killed.begin_transaction()
    half = [await (await killed.send(world.settings.topic(INPUT), b"half", partition=number)) for number in range(4)]
    await killed.client.close()
    began = time.monotonic()
    assert await Sequencer(world.settings).revise(Policy(epsilon=0.2)) == 3

    async def free() -> bool:
        ends = await bounds(world.settings, INPUT)
        return all(ends[record.partition][1] > record.offset for record in half)

    await until(free, TRANSACTION_TIMEOUT_MS / 1000, "every partition can be read on")
    assert time.monotonic() - began < TRANSACTION_TIMEOUT_MS / 1000
    await killed.stop()


async def a_gap_in_the_numbers(world: World) -> None:
    """A5: the partition stops with a message, and no restart is asked for."""
    await world.create(ClockMode.LIVE)
    worker = await world.started()
    history = await Sequencer(world.settings).history()
    birth = history[0].data.birth_id  # type: ignore[union-attr]
    value = encode_control(9, "fitly.policy.revised.v1", PolicyRevised(revision=9, policy=Policy()), history_stamp())
    headers = [(SIGNATURE_HEADER, sign(world.settings.signing_key, birth, value))]
    async with started_producer(world.settings) as producer:
        await (await producer.send(world.settings.topic(INPUT), value, partition=2, headers=headers))
    assert await worker.exit_code() == USAGE
    assert "control event 9 follows 2" in worker.log


def history_stamp() -> Millis:
    """Give the present in milliseconds."""
    return Millis(int(time.time() * 1000))


async def a_forged_control_event(world: World) -> None:
    """A5: without the right signature a null-keyed record is INVALID, and its neighbours are applied."""
    await world.create(ClockMode.LIVE)
    await world.started()
    await world.publish(40)
    value = encode_control(3, "fitly.policy.revised.v1", PolicyRevised(revision=2, policy=Policy()), history_stamp())
    async with started_producer(world.settings) as producer:
        for headers in ([], [(SIGNATURE_HEADER, b"x" * 32)]):
            await (await producer.send(world.settings.topic(INPUT), value, partition=1, headers=headers))
    await world.publish(40)
    await world.folded()
    reasons = sorted(dict(record.headers)["reason"] for record in (await world.records("rejected-events"))[1])
    assert reasons == [b"FORGED", b"NULL_KEY"]
    await world.assert_exact()


async def the_owners_tick(world: World) -> None:
    """A5: ticks go through the owner's fenced producer: a former owner's never arrive."""
    await world.create(ClockMode.LIVE)
    records = await log_of(world, 0)
    async with rig(world) as former, rig(world) as owner:
        await former.assign()
        await owner.assign()
        owner.give(owner.flow.taken[-1][2], 0, records)
        await owner.reaches(records[-1].offset)
        ends = (await bounds(world.settings, INPUT))[0]
        try:
            await former.task._commits.tick(history_stamp())
        except ProducerFenced:
            pass
        else:
            message = "a former owner's tick went through"
            raise AssertionError(message)
        assert await owner.task._commits.tick(history_stamp()) >= ends[1]
