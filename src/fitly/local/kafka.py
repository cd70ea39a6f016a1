"""The embedded broker: one KRaft node, broker and controller in one process, on the loopback address.

Knows Kafka's settings, its storage tool, and the one request that tells whether it is ready. Must never know topics or
clients.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import struct
import uuid
from dataclasses import dataclass
from pathlib import Path

from fitly.local.errors import LocalError, UnavailableError
from fitly.local.ports import LOOPBACK
from fitly.local.roles import Role, run_to_end

_ANSWER_SECONDS = 2.0
_METADATA, _METADATA_VERSION, _CORRELATION = 3, 5, 0x46697431

# Small where the defaults are made for a cluster, quick where they wait for other nodes. Timeouts of producers,
# consumers and transactions are their owners' business.
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",  # an expired one stops holding readers back
    "broker.session.timeout.ms": "3000",  # after kill -9, how long the controller believes in the former incarnation
    "broker.heartbeat.interval.ms": "500",
    "log.cleaner.dedupe.buffer.size": str(32 * 1024 * 1024),  # on the heap: 1.3 million keys a pass
    "num.network.threads": "2",
    "num.io.threads": "4",
    "controlled.shutdown.enable": "false",  # there is no other broker to hand leadership to
}

_JVM = ("-Xms256m", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
"""One broker that shares a small machine with everything else: the quick compiler and the plain collector.

Both together took 2.1 s of CPU to start and 5.1 s for 2.3 GB of transactions; the server's (G1, C2) 3.2 s and 8.0 s.
"""

_LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601}{UTC}Z %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


@dataclass(frozen=True, slots=True)
class SideDoor:
    """A second address of the broker, for clients that are to reach it through something else, such as a slow link.

    Parameters
    ----------
    port
        Where the broker listens behind it.
    advertised
        The port that clients who came this way are told to come back to: that of whatever stands between.
    """

    port: int
    advertised: int


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker on this machine.

    Parameters
    ----------
    home
        Its folder: configuration and data.
    java
        The Java that runs it.
    jars
        Its class path.
    port, controller_port
        Where clients, and where its own controller, find it on the loopback address. Both may differ from one start to
        the next: a static quorum of one remembers its voter's id, not its address.
    side_door
        A second address, where somebody wants one.
    """

    home: Path
    java: Path
    jars: tuple[Path, ...]
    port: int
    controller_port: int
    side_door: SideDoor | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"{LOOPBACK}:{self.port}"

    async def prepare(self) -> None:
        """Write the configuration, and format the storage if that never succeeded before.

        Raises
        ------
        UnavailableError
            The storage tool refused.
        LocalError
            The folder's name cannot be told to Kafka.
        """
        if "," in str(self._data):
            raise LocalError(
                f"Kafka takes the comma in {self._data} for the end of a name: name another folder with --data"
            )
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._configuration.write_text(self._properties(), encoding="utf-8")
        self._log_configuration.write_text(_LOGGING, encoding="utf-8")
        formatted = self.home / "formatted"
        if formatted.exists():
            return
        shutil.rmtree(self._data, ignore_errors=True)  # what an interrupted format left: no broker ever ran on it
        argv = self._java_argv(
            "kafka.tools.StorageTool", "format", "-t", _new_cluster_id(), "-c", str(self._configuration)
        )
        status, output = await run_to_end(argv)
        if status != 0:
            raise UnavailableError(
                f"Kafka's storage in {self._data} cannot be formatted (exit status {status}): {output[-2000:]}"
            )
        formatted.touch()

    def role(self) -> Role:
        """Return what a supervisor keeps running; call `prepare` before."""
        argv = self._java_argv("kafka.Kafka", str(self._configuration))
        # No exit status of Kafka's is final: what is wrong is in its log, and the supervisor shows that when a first
        # start fails.
        return Role(name="kafka", argv=argv, ready=self.is_ready, fatal_exits=frozenset(), stop_seconds=30.0)

    async def is_ready(self) -> bool:
        """Whether the broker answers, and is registered and unfenced: then topics can be made."""
        try:
            return await asyncio.wait_for(_count_brokers(LOOPBACK, self.port), _ANSWER_SECONDS) > 0
        except (OSError, EOFError, TimeoutError, struct.error):
            return False

    @property
    def _configuration(self) -> Path:
        return self.home / "server.properties"

    @property
    def _log_configuration(self) -> Path:
        return self.home / "log4j2.properties"

    @property
    def _data(self) -> Path:
        return self.home / "data"

    def _properties(self) -> str:
        settings = {
            **_SETTINGS,
            "log.dirs": str(self._data),
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@{LOOPBACK}:{self.controller_port}",
        }
        if self.side_door is not None:
            settings["listeners"] += f",SIDE://{LOOPBACK}:{self.side_door.port}"
            settings["advertised.listeners"] += f",SIDE://{LOOPBACK}:{self.side_door.advertised}"
            settings["listener.security.protocol.map"] += ",SIDE:PLAINTEXT"
        return "".join(f"{name}={_escaped(value)}\n" for name, value in settings.items())

    def _java_argv(self, main_class: str, *arguments: str) -> tuple[str, ...]:
        path = ":".join(str(jar) for jar in self.jars)
        logging = f"-Dlog4j2.configurationFile={self._log_configuration.absolute().as_uri()}"
        return (str(self.java), *_JVM, logging, "-cp", path, main_class, *arguments)


def _new_cluster_id() -> str:
    """Return a random id in Kafka's own notation; one that begins with a dash would be taken for an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
        if not text.startswith("-"):
            return text


def _escaped(value: str) -> str:
    r"""Escape a value for a Java properties file.

    >>> _escaped(r"a\b")
    'a\\\\b'
    """
    return "".join(c if 32 <= ord(c) < 127 else f"\\u{ord(c):04x}" for c in value.replace("\\", "\\\\"))  # noqa: PLR2004 - ASCII


async def _count_brokers(host: str, port: int) -> int:
    """Ask for metadata of no topic, and return how many brokers the answer lists: fenced ones are not listed.

    Source: Kafka protocol guide, Metadata request and response version 5, request header version 1.
    """
    reader, writer = await asyncio.open_connection(host, port)
    try:
        client = b"fitly"
        header = struct.pack(f">hhih{len(client)}s", _METADATA, _METADATA_VERSION, _CORRELATION, len(client), client)
        request = header + struct.pack(">i?", 0, False)  # noqa: FBT003 - topics: none; allow_auto_topic_creation: no
        writer.write(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        correlation, _throttle, brokers = struct.unpack(">iii", (await reader.readexactly(size))[:12])
        return int(brokers) if correlation == _CORRELATION else 0
    finally:
        writer.close()
