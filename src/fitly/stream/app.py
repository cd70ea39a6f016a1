"""The Faust app, built from settings.

Knows Faust's settings and the seams it is given. Must never know Kafka's offsets; nothing is made at module level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import faust

from fitly.core.topics import BY_NAME
from fitly.stream.agents import add_agent
from fitly.stream.batches import BatchScheduler
from fitly.stream.clients import METADATA_AGE_MS
from fitly.stream.transport import Transport

if TYPE_CHECKING:
    from fitly.settings import Settings
    from fitly.stream.host import Host

POLL_RECORDS: Final = 4_000
FETCH_BYTES: Final = 512 << 10
"""What one fetch brings of each partition: over a slow link a large answer is no progress until it is whole."""


class App(faust.App):
    """Faust's app with our transport and a host for the partitions."""

    logger = faust.app.base.logger
    host: Host

    def _new_transport(self) -> Any:  # noqa: ANN401 - Faust's TransportT
        return Transport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Make none: rows live in memory and in the changelogs, and a container's disk may be read-only."""

    async def _on_agent_error(self, agent: Any, exc: BaseException) -> None:  # noqa: ANN401, ARG002 - Faust's agent
        """End the process: Faust would log, restart the agent and skip the batch."""
        self.host.fail(exc)

    def on_rebalance_end(self) -> None:
        """Let the tasks seek: Faust has sought, cleared its queues and resumed (A2)."""
        super().on_rebalance_end()
        self.host.settled.set()


class Raw(faust.Schema[Any, Any]):
    """Hands values through: they are batches of records."""

    def loads_key(self, app: Any, message: Any, **kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Faust's signature
        """Give the key as it is."""
        return message.key

    def loads_value(self, app: Any, message: Any, **kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Faust's signature
        """Give the value as it is."""
        return message.value


def build_app(settings: Settings, host: Host) -> App:
    """Build the worker's app.

    Parameters
    ----------
    settings : Settings
        Names, addresses, time-outs.
    host : Host
        Owner of the partition tasks, and of the agent that they belong to.

    Notes
    -----
    The tables are declared for their names, help, changelogs and co-partitioned assignment. They are never written
    through (C6): rows live as bytes in the tasks' shards, and the tasks write the changelogs in their own
    transactions. Standbys would decode what is in the changelogs, so there are none.
    """
    partitions, agent = host.generation.partitions, host.agent
    app = App(
        agent.app_id(settings),
        broker=[f"kafka://{address.strip()}" for address in settings.kafka_bootstrap.split(",")],
        processing_guarantee="exactly_once",  # read-committed; calls `Transactions.on_rebalance` before delivery
        ConsumerScheduler=BatchScheduler,
        topic_partitions=partitions,
        topic_allow_declare=False,  # topics are made by `fitly topics create`, never by accident
        topic_disable_leader=True,
        table_standby_replicas=0,
        consumer_auto_offset_reset="none",  # a position that is gone is an error, never a jump (A4)
        consumer_max_fetch_size=FETCH_BYTES,
        consumer_metadata_max_age_ms=METADATA_AGE_MS,
        broker_check_crcs=False,  # TCP and the broker have checked
        broker_max_poll_records=POLL_RECORDS,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 10,
        broker_request_timeout=max(90.0, 2 * settings.session_timeout_s),
        broker_rebalance_timeout=max(60.0, settings.session_timeout_s),
        stream_buffer_maxsize=64,
        web_enabled=False,
        store="memory://",
        datadir=str(settings.data / "worker" / agent.name),
    )
    app.in_worker = True  # as `faust.Worker` sets it: only then does Faust take part in transactions
    app.host = host
    source = app.topic(settings.topic(agent.topic), schema=Raw(), partitions=partitions)
    for table, changelog in agent.changelogs.items():
        app.Table(table, partitions=partitions, help=BY_NAME[changelog].help)
    add_agent(app, agent, source)
    return app
