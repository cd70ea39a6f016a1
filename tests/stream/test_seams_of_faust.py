"""Each place where we lean on Faust, by name: an upgrade that moves one fails here first.

One worker's life is recorded once (events folded, stopped, started again on what it left); each test looks at one seam.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import Mock, patch

import pytest
from faust.tables.manager import TableManager
from faust.tables.recovery import ServiceStopped
from faust.transport.drivers import aiokafka as driver
from tests.stream.world import World, until

from fitly.core.topics import CONTEXTS, CONTEXTS_CHANGELOG, INPUT, LEARNERS, LEARNERS_CHANGELOG
from fitly.core.vocabulary import ClockMode
from fitly.metrics import Meters
from fitly.settings import Settings
from fitly.stream.app import App, build_app
from fitly.stream.batches import BatchMessage, BatchScheduler, Fetched
from fitly.stream.generation import Generation, read_generation
from fitly.stream.host import Host
from fitly.stream.transport import (
    FETCH_WAIT_MS,
    Consumer,
    ConsumerThread,
    Transactions,
    Transport,
)
from fitly.stream.worker import unheard

pytestmark = pytest.mark.kafka

WATCHED: tuple[tuple[type[Any], str], ...] = (
    (Transactions, "on_rebalance"),
    (Transactions, "commit"),
    (TableManager, "on_rebalance"),
    (App, "on_rebalance_end"),
    (App, "_create_directories"),
    (Consumer, "highwaters"),
    (Consumer, "seek_to_committed"),
    (Consumer, "ack"),
    (Consumer, "_add_gap"),
    (Consumer, "wait_empty"),
    (Consumer, "verify_event_path"),
    (ConsumerThread, "_fetch_records"),
    (BatchScheduler, "iterate"),
    (Host, "hand"),
    (driver.Producer, "send"),
    (driver.Producer, "begin_transaction"),
)


@dataclass
class Trace:
    """What one worker's life looked like from inside."""

    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    app: Any = None
    facts: dict[str, Any] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Give the calls in order."""
        return [name for name, _ in self.calls]

    def count(self, name: str) -> int:
        """Count one call."""
        return self.names().count(name)


def _recorded(trace: Trace, owner: type[Any], name: str) -> Callable[..., Any]:
    original = getattr(owner, name)

    def call(self: object, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever Faust passes
        trace.calls.append((f"{owner.__name__}.{name}", args))
        return original(self, *args, **kwargs)

    return call


async def _life(world: World, trace: Trace) -> None:
    def failed(error: BaseException) -> None:
        trace.facts["failed"] = error

    generation = await read_generation(world.settings)
    host = Host(world.settings, Meters(), generation, failed)
    app: Any = build_app(world.settings, host)
    trace.app = app
    starting = asyncio.ensure_future(app.start())

    async def caught_up() -> bool:
        assert "failed" not in trace.facts, trace.facts
        rows, log = await world.positions(), await world.records(INPUT)
        return host.ready() and all(rows[p] >= records[-1].offset for p, records in log.items())

    await until(caught_up, 60, "the events are folded")
    consumer = app.consumer._thread._consumer
    trace.facts.update(
        consumer=consumer,
        fetcher=consumer._fetcher,
        tables={name: dict(app.tables[name].data) for name in app.tables},
        acked={tp: list(offsets) for tp, offsets in app.consumer._acked.items()},
        gaps=len(app.consumer._gap),
        standbys=app.assignor.assigned_standbys(),
    )
    await app.consumer.verify_all_partitions_active()
    await host.stop()
    await app.stop()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)


@pytest.fixture(scope="module")
def trace(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trace]:
    """Record two lives: the second restores what the first left."""
    folder = tmp_path_factory.mktemp("seams")
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    world = World(Settings(kafka_bootstrap=broker, control_key="key", prefix=prefix, data=folder), folder)

    async def lives() -> Trace:
        await world.create(ClockMode.AS_OF)
        await world.publish(300)
        await _life(world, Trace())
        await world.publish(300, start=None)
        second = Trace()
        with ExitStack() as watching:
            for owner, name in WATCHED:
                watching.enter_context(patch.object(owner, name, _recorded(second, owner, name)))
            await _life(world, second)
        return second

    yield asyncio.run(lives())
    assert not list(folder.iterdir())


def test_the_app_is_asked_for_its_transport(trace: Trace) -> None:
    assert type(trace.app.transport) is Transport


def test_the_transport_makes_our_consumer_with_our_thread_and_transactions(trace: Trace) -> None:
    consumer = trace.app.consumer
    assert (type(consumer), type(consumer._thread), type(consumer.transactions)) == (
        Consumer,
        ConsumerThread,
        Transactions,
    )


def test_exactly_once_in_a_worker_means_transactions(trace: Trace) -> None:
    assert trace.app.in_transaction
    assert trace.facts["consumer"]._isolation_level == "read_committed"


def test_the_aiokafka_consumer_takes_our_settings(trace: Trace) -> None:
    fetcher = trace.facts["fetcher"]
    assert fetcher._fetch_max_wait_ms == FETCH_WAIT_MS
    assert fetcher._default_reset_strategy == 0, "a position that is gone must be an error"
    assert fetcher._check_crcs is False


def test_transactions_hear_of_an_assignment_before_tables_and_before_delivery(trace: Trace) -> None:
    names = trace.names()
    order = [
        names.index(n)
        for n in ("Transactions.on_rebalance", "TableManager.on_rebalance", "App.on_rebalance_end", "Host.hand")
    ]
    assert order == sorted(order)


def test_the_end_of_a_rebalance_comes_after_fausts_seek(trace: Trace) -> None:
    names = trace.names()
    assert names.index("Consumer.seek_to_committed") < names.index("App.on_rebalance_end")


def test_recovery_asks_for_highwaters_and_reads_nothing(trace: Trace) -> None:
    assert trace.count("Consumer.highwaters") >= 1
    assert trace.facts["tables"] == {LEARNERS: {}, CONTEXTS: {}}


def test_records_are_fetched_through_the_threads_method(trace: Trace) -> None:
    assert trace.count("ConsumerThread._fetch_records") >= 1


def test_the_scheduler_is_given_what_the_thread_fetched(trace: Trace) -> None:
    given = [batch for name, args in trace.calls if name == "BatchScheduler.iterate" for batch in args[0].values()]
    assert given
    assert all(isinstance(batch, Fetched) for batch in given)


def test_a_message_carries_its_batch_to_the_agent_unopened(trace: Trace) -> None:
    events = [args[0] for name, args in trace.calls if name == "Host.hand"]
    assert events
    assert all(isinstance(event.message.value, Fetched) for event in events)
    assert sum(len(event.message.value.records) for event in events) >= 300


def test_a_batch_looks_like_a_record(trace: Trace) -> None:
    batch = next(args[0].message.value for name, args in trace.calls if name == "Host.hand")
    record = BatchMessage(next(args[0].message.tp for name, args in trace.calls if name == "Host.hand"), batch)
    assert trace.app.consumer._to_message(batch.records[0], record).offset == batch.records[-1].offset


def test_each_event_is_acknowledged_through_the_consumer_once(trace: Trace) -> None:
    assert trace.count("Consumer.ack") == trace.count("Host.hand")


def test_faust_keeps_no_list_of_acknowledged_offsets_or_holes(trace: Trace) -> None:
    assert not any(trace.facts["acked"].values())
    assert trace.count("Consumer._add_gap") >= 0
    assert trace.facts["gaps"] == 0


def test_livelock_detection_goes_through_the_method_we_silence(trace: Trace) -> None:
    assert trace.count("Consumer.verify_event_path") >= 1


def test_stopping_waits_through_our_wait_empty(trace: Trace) -> None:
    assert trace.count("Consumer.wait_empty") >= 1


def test_faust_is_kept_from_making_directories(trace: Trace) -> None:
    assert trace.count("App._create_directories") == 1


def test_fausts_own_producer_sends_nothing(trace: Trace) -> None:
    assert trace.count("Producer.send") == trace.count("Producer.begin_transaction") == 0


def test_an_agents_error_is_given_to_the_app(trace: Trace) -> None:
    failed: list[BaseException] = []
    host = Host(trace.app.host.settings, Meters(), Generation("b", ClockMode.LIVE, 4), failed.append)

    async def raise_in_agent() -> None:
        app = build_app(host.settings, host)
        agent = next(iter(app.agents.values()))
        await agent._on_error(agent, ValueError("a bug"))

    asyncio.run(raise_in_agent())
    assert [type(error) for error in failed] == [ValueError]


def test_a_crash_ends_the_wait_for_the_app(trace: Trace) -> None:
    host = trace.app.host

    async def crash() -> BaseException | None:
        app = build_app(host.settings, Host(host.settings, Meters(), host.generation, lambda _: None))
        waiting = asyncio.ensure_future(app.wait_until_stopped())
        await asyncio.sleep(0)
        await app.crash(ValueError("a bug"))
        async with asyncio.timeout(5):
            await waiting
        return app.crash_reason

    assert isinstance(asyncio.run(crash()), ValueError)


async def test_a_stop_amid_recovery_is_an_error_of_its_own_that_is_not_logged(trace: Trace) -> None:
    host = Host(trace.app.host.settings, Meters(), trace.app.host.generation, lambda _: None)
    tables: Any = build_app(host.settings, host).tables
    recovery = tables.recovery
    recovery._stopped.set()
    with pytest.raises(ServiceStopped) as stopped:
        await recovery._wait(asyncio.sleep(0))
    told: list[dict[str, Any]] = []
    loop, ours = Mock(default_exception_handler=told.append), {"exception": ZeroDivisionError("ours")}
    for context in ({"exception": stopped.value}, ours):
        unheard(loop, context)
    assert told == [ours]


def test_tables_have_the_changelogs_that_we_write(trace: Trace) -> None:
    names = {name: table.changelog_topic.get_topic_name() for name, table in trace.app.tables.items()}
    topic = trace.app.host.settings.topic
    assert names == {LEARNERS: topic(LEARNERS_CHANGELOG), CONTEXTS: topic(CONTEXTS_CHANGELOG)}


def test_nothing_failed_on_the_way(trace: Trace) -> None:
    assert "failed" not in trace.facts
