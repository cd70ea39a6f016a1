"""Hazards of the log and of what is kept of it: offsets, stamps, order, keys, rows, foreign producers."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka.admin import NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import ConsumerRecord, TopicPartition
from confluent_kafka import Producer as ForeignProducer
from confluent_kafka.admin import AdminClient as ForeignAdmin
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from tests.stream.rig import rig
from tests.stream.scenarios.transactions import log_of
from tests.stream.world import MARCH, World, outcome, stamp, until

from fitly.core.errors import Refused
from fitly.core.names import partition_of
from fitly.core.system import FOLD_KEY, FOLD_VERSION
from fitly.core.topics import BY_NAME, CONTEXTS_CHANGELOG, CONTROL, INPUT, OUTCOMES, REJECTED, TOPICS
from fitly.core.vocabulary import ClockMode
from fitly.stream import topics
from fitly.stream.clients import started_admin, started_producer
from fitly.stream.control import open_log
from fitly.stream.publish import Publisher
from fitly.stream.read import bounds
from fitly.stream.transport import Consumer
from fitly.stream.worker import USAGE
from fitly.wire.events import encode_event, encode_tick
from fitly.wire.rows import encode_fold_version
from fitly.wire.signing import SIGNATURE_HEADER, sign

DAY = timedelta(days=1)


# A4 ---------------------------------------------------------------------------------------------


async def _folded_once(world: World) -> None:
    """Fold some events and stop."""
    await world.create(ClockMode.LIVE)
    worker = await world.started()
    await world.publish(100)
    await world.folded()
    worker.send(signal.SIGTERM)
    assert await worker.exit_code() == 0


async def _refused(world: World, words: str) -> None:
    """Start a worker and see it refuse, with the remedy, in a way that asks for no restart."""
    worker = world.start()
    assert await worker.exit_code(60) == USAGE, worker.log
    assert words in worker.log, worker.log
    assert "FITLY_PREFIX" in worker.log, "the remedy is told"


async def _anew(world: World, *names: str) -> None:
    """Delete topics and make them again, empty."""
    real = [world.settings.topic(name) for name in names]
    async with started_admin(world.settings) as admin:
        await admin.delete_topics(real)

        async def gone() -> bool:
            return not set(real) & set(await admin.list_topics())

        await until(gone, 20, f"{real} are deleted")
        await admin.create_topics(
            [
                NewTopic(
                    world.settings.topic(n),
                    BY_NAME[n].partitions,
                    1,
                    topic_configs=topics.broker_settings(BY_NAME[n], ClockMode.LIVE),
                )
                for n in names
            ]
        )


async def an_input_made_anew(world: World) -> None:
    """A4: an offset means nothing after its topic was made again."""
    await _folded_once(world)
    await _anew(world, INPUT)
    await _refused(world, "but the log ends at")


async def changelogs_made_anew(world: World) -> None:
    """A4: the committed offset is ahead of the rows: folding on would lose what they held."""
    await _folded_once(world)
    await _anew(world, CONTEXTS_CHANGELOG)
    await _refused(world, "changelog records are missing")


async def another_generation(world: World) -> None:
    """A4: same names, same length, another birth."""
    await _folded_once(world)
    await _anew(world, INPUT, CONTROL)
    await open_log(world.settings, ClockMode.LIVE, 4)
    await world.publish(400)
    await _refused(world, "this log was born")


async def records_deleted_unfolded(world: World) -> None:
    """A4: ``earliest`` would jump over them silently."""
    await world.create(ClockMode.LIVE)
    await world.publish(100)
    async with started_admin(world.settings) as admin:
        await admin.delete_records({TopicPartition(world.settings.topic(INPUT), 1): RecordsToDelete(10)})

        async def cut() -> bool:
            return (await bounds(world.settings, INPUT))[1][0] == 10

        await until(cut, 20, "the records are deleted")
    await _refused(world, "deleted unfolded")


async def committed_offsets_that_expired(world: World) -> None:
    """A4: the group's offset is a hint: without it nothing is folded twice, nothing skipped."""
    await _folded_once(world)
    foreign = ForeignAdmin({"bootstrap.servers": world.settings.kafka_bootstrap})

    async def forgotten() -> bool:
        futures = foreign.delete_consumer_groups([world.settings.app_id])
        error = await asyncio.to_thread(futures[world.settings.app_id].exception)  # it may still be emptying
        return error is None or "not found" in str(error).lower()

    await until(forgotten, 30, "the group's offsets are gone")
    await world.started()
    await world.publish(100)
    await world.folded()
    await world.assert_exact()


async def a_hole_of_a_billion_offsets(world: World) -> None:
    """A4: Faust would make a list of it."""
    consumer = object.__new__(Consumer)
    async with asyncio.timeout(1):
        await consumer._add_gap(TP(world.settings.topic(INPUT), 0), 0, 10**9)
    assert Consumer.ack is not driver.Consumer.ack


# A6 ---------------------------------------------------------------------------------------------


async def old_records_on_an_as_of_log(world: World) -> None:
    """A6: the stamps are the events', nothing deletes them by age, no live tick makes them late."""
    await world.create(ClockMode.AS_OF)
    await world.started(FITLY_TICK_INTERVAL_S="0.2")
    await world.publish(300, start=datetime(2013, 10, 1, tzinfo=UTC), hours=30 * 24)
    await world.folded()
    shards = await world.rows()
    assert sum(n for shard in shards.values() for name, n in shard.ledger.bins.items() if name.startswith("LATE")) == 0
    assert all(shard.position.clock < stamp(datetime(2013, 11, 2, tzinfo=UTC)) for shard in shards.values())
    async with started_admin(world.settings) as admin:
        config = (await topics._configs(admin, [world.settings.topic(INPUT)]))[world.settings.topic(INPUT)]
    assert (config["retention.ms"], config["message.timestamp.type"]) == ("-1", "CreateTime")
    ticks = [r for records in (await world.records(INPUT)).values() for r in records if b"clock.ticked" in r.value]
    assert len(ticks) >= 29 * 24 * 4, "the publisher's hours"
    assert all(record.timestamp % 3_600_000 == 0 for record in ticks), "and no live ones"
    await world.assert_exact()


async def publishing_in_the_wrong_mode(world: World) -> None:
    """A6: refused both ways, before anything is sent; and so is what is out of the order of time."""
    await world.create(ClockMode.LIVE)
    value = outcome(world.draw, "ada", datetime.now(UTC))
    with pytest.raises(Refused, match="CLOCK_MODE"):
        await Publisher(world.settings, as_of=True).__aenter__()
    async with Publisher(world.settings) as publisher:
        with pytest.raises(Refused, match="CLOCK_MODE"):
            await publisher.send(b"ada", value, 1)
    world.settings = world.settings.model_copy(update={"prefix": world.settings.prefix + "b-"})
    await world.create(ClockMode.AS_OF)
    with pytest.raises(Refused, match="CLOCK_MODE"):
        await Publisher(world.settings, as_of=False).__aenter__()
    async with Publisher(world.settings, as_of=True) as publisher:
        with pytest.raises(Refused, match="CLOCK_MODE"):
            await publisher.send(b"ada", value)
        await publisher.send(b"ada", value, stamp(MARCH + DAY))
        with pytest.raises(Refused, match="ORDER"):
            await publisher.send(b"ada", value, stamp(MARCH))


# B ----------------------------------------------------------------------------------------------


async def batch_boundaries(world: World) -> None:
    """B1: commits of at most 7 records give what one fold of the whole log gives."""
    await world.create(ClockMode.AS_OF)
    await world.publish(500, learners=10)
    await world.started(FITLY_COMMIT_MAX_RECORDS="7")
    await world.folded()
    await world.assert_exact()


async def restores_under_other_hash_seeds(world: World) -> None:
    """B4: killed in the middle, restored by a process whose dicts and sets are ordered otherwise."""
    await world.create(ClockMode.AS_OF)
    await world.publish(3_000, learners=40, hours=30 * 24)
    for seed in ("1", "2"):
        worker = await world.started(PYTHONHASHSEED=seed, FITLY_COMMIT_MAX_RECORDS="50")
        worker.send(signal.SIGKILL)
        await worker.exit_code()
    await world.started(PYTHONHASHSEED="3")
    await world.folded()
    await world.assert_exact()


async def rows_of_a_newer_release(world: World) -> None:
    """B6: rows say which version of the fold made them; an older program does not touch them."""
    await _folded_once(world)
    row = encode_fold_version(FOLD_VERSION + 1)
    async with started_producer(world.settings) as producer:
        await (await producer.send(world.settings.topic(CONTEXTS_CHANGELOG), row, key=FOLD_KEY, partition=2))
    worker = world.start()
    assert await worker.exit_code(60) == USAGE
    assert "newer release" in worker.log


async def dead_letters_can_be_erased(world: World) -> None:
    """B7, as far as it exists: a dead letter's key names user and place, and compaction does not wait for ever.

    The marker row under a keyed hash and the list in the row come with erasure itself.
    """
    await world.create(ClockMode.LIVE)
    await world.started()
    home = partition_of(b"eve", 4)
    async with started_producer(world.settings) as producer:
        sent = await (await producer.send(world.settings.topic(INPUT), b"{not json", key=b"eve", partition=home))
    await world.publish(10)
    await world.folded()
    letters = (await world.records(REJECTED))[home]
    assert [letter.key for letter in letters] == [f"eve|{INPUT}-{home}-{sent.offset}".encode()]
    assert letters[0].value == b"{not json"
    async with started_admin(world.settings) as admin:
        compacted = [world.settings.topic(topic.name) for topic in TOPICS if topic.cleanup == "compact"]
        found = await topics._configs(admin, compacted)
    assert all(int(config["max.compaction.lag.ms"]) <= 14 * 86_400_000 for config in found.values())


async def a_thousand_deadlines_at_one_tick(world: World) -> None:
    """B10: one tick closes a slice, the rest stays due, and ticks come faster until it is done."""
    await world.create(ClockMode.LIVE)
    opening = await log_of(world, 0)
    now = datetime.now(UTC)
    learners = [name for n in range(4_000) if partition_of((name := f"l{n}").encode(), 4) == 0][:700]
    async with rig(world) as it:
        birth = it.host.generation.birth_id
        records = list(opening)
        for learner in learners:
            value = encode_event("fitly.strategy.requested.v1", "test", learner, learner, now, {"context": "CONTENT"})
            records.append(_record(it.tp, len(records), now, learner.encode(), value))
        later = now + 40 * DAY
        tick = encode_tick(0, stamp(later))
        signature = (SIGNATURE_HEADER, sign(world.settings.signing_key, birth, tick))
        records.append(_record(it.tp, len(records), later, None, tick, (signature,)))
        it.give(await it.assign(), 0, records)
        await it.reaches(records[-1].offset)
        shard = it.task._commits.shard
        assert shard is not None
        assert 0 < shard.overdue() < 700

        async def ticked() -> bool:
            return any(b"clock.ticked" in r.value for r in (await world.records(INPUT))[0])

        await until(ticked, 15, "a tick comes long before the interval of a minute has passed")


def _record(
    tp: TP, offset: int, moment: datetime, key: bytes | None, value: bytes, headers: tuple[tuple[str, bytes], ...] = ()
) -> ConsumerRecord:
    return ConsumerRecord(tp.topic, tp.partition, offset, stamp(moment), 1, key, value, None, -1, len(value), headers)


# C ----------------------------------------------------------------------------------------------


async def a_producer_that_partitions_otherwise(world: World) -> None:
    """C3: librdkafka's CRC32 puts learners elsewhere: their events are sent on, marked, and folded at home once."""
    await world.create(ClockMode.LIVE)
    await world.started()
    events = [(f"learner-{n % 40}", outcome(world.draw, f"learner-{n % 40}", datetime.now(UTC))) for n in range(200)]

    def produce() -> None:
        producer = ForeignProducer({"bootstrap.servers": world.settings.kafka_bootstrap, "partitioner": "consistent"})
        for user, value in events:
            producer.produce(world.settings.topic(INPUT), key=user, value=value)
        assert producer.flush(20) == 0

    await asyncio.to_thread(produce)
    expected = {user for user, _ in events}

    async def filed() -> bool:
        found = [r for records in (await world.records(OUTCOMES)).values() for r in records]
        assert len(found) <= len(events)
        assert all(record.partition == partition_of(record.key, 4) for record in found)
        return len(found) == len(events) and {record.key.decode() for record in found} == expected

    await until(filed, 60, "every outcome is filed once, at home")
    await world.folded()
    bins = [shard.ledger.bins for shard in (await world.rows()).values()]
    misrouted = sum(n for one in bins for name, n in one.items() if name.startswith("MISROUTED"))
    assert misrouted > 50
    assert not any(name.startswith("INVALID") for one in bins for name in one), "never forwarded twice"
    await world.assert_exact()


async def a_changelog_that_cannot_be_cleaned(world: World) -> None:
    """C5: small segments and eager cleaning keep a restore short; a change is told with its remedy."""
    await world.create(ClockMode.LIVE)
    assert await topics.check(world.settings) == []
    name = world.settings.topic(CONTEXTS_CHANGELOG)
    async with started_admin(world.settings) as admin:
        config = (await topics._configs(admin, [name]))[name]
        assert (config["segment.bytes"], config["min.cleanable.dirty.ratio"]) == (str(64 << 20), "0.1")
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"cleanup.policy": "delete"})])
    problems = await topics.check(world.settings)
    assert any("cleanup.policy is delete" in p.what for p in problems)
    assert any("segment.bytes" in p.what for p in problems)
    assert all("kafka-configs" in problem.remedy for problem in problems)


async def nothing_of_fausts_own(world: World) -> None:
    """C6: no topic of Faust's making, no record but ours; its livelock warnings are silenced at their source."""
    await world.create(ClockMode.LIVE)
    worker = await world.started()
    await world.publish(100)
    await world.folded()
    async with started_admin(world.settings) as admin:
        mine = {name for name in await admin.list_topics() if name.startswith(world.settings.prefix)}
    assert mine == {world.settings.topic(topic.name) for topic in TOPICS}
    assert Consumer.verify_event_path is not driver.Consumer.verify_event_path
    assert "error" not in worker.log
    await world.assert_exact()
