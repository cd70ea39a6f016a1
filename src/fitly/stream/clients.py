"""How our Kafka clients are made, and what their errors mean to us.

Knows the settings of producers and readers, and which of the client library's errors is whose fault. Must never know
what is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import aiokafka
from aiokafka import errors as kafka
from aiokafka.admin import AIOKafkaAdminClient

from fitly.core.errors import Broken, FitlyError, Retryable

if TYPE_CHECKING:
    from fitly.settings import Settings

Client = TypeVar("Client")

BATCH_BYTES: Final = 1 << 20
"""Size of a producer's batch; `topics.check` sees to it that ``max.message.bytes`` is not smaller (A1)."""
FETCH_BYTES: Final = 4 << 20
METADATA_AGE_MS: Final = 5_000
"""How often members of a group ask anew which topics there are. aiokafka does not repeat a request that failed, as they
do when a broker starts: a leader without topics shares out nothing, and all stay idle until it asks again."""
TRANSACTION_TIMEOUT_MS: Final = 10_000
"""C1: an open transaction holds back every partition it touches, so an abandoned one must end soon."""
BACKOFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""How long to wait for a world that is not ready, try after try; the last from then on."""
REACH_S: Final = 10.0
"""How long a command tries to reach the broker."""

_AWAY: Final = (
    kafka.KafkaConnectionError,
    kafka.KafkaTimeoutError,
    kafka.RequestTimedOutError,
    kafka.NodeNotReadyError,
    kafka.LeaderNotAvailableError,
    kafka.NotControllerError,
    kafka.CoordinatorNotAvailableError,
    kafka.CoordinatorLoadInProgressError,
    kafka.NoBrokersAvailable,
    kafka.StaleMetadata,
    TimeoutError,
    ConnectionError,
)
_FENCED: Final = (kafka.ProducerFenced, kafka.InvalidProducerEpoch, kafka.IllegalOperation, kafka.UnknownError)
_CONFIGURATION: Final = (
    kafka.TopicAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.ClusterAuthorizationFailedError,
    kafka.TransactionalIdAuthorizationFailed,
    kafka.UnsupportedVersionError,
)


def understood(error: BaseException, bootstrap: str) -> FitlyError:
    """Say in our own words what a client's error is: the world's, the configuration's, or ours.

    Parameters
    ----------
    error : BaseException
        What aiokafka raised; one of ours is given back as it is.
    bootstrap : str
        The address, for the message.

    Examples
    --------
    >>> died = kafka.KafkaError("Unexpected error during batch delivery")  # of aiokafka's sender
    >>> died.__cause__ = kafka.KafkaConnectionError("closed")
    >>> understood(died, "kafka:9092")
    Retryable("Kafka at kafka:9092 cannot be reached (KafkaConnectionError('closed')): ...")
    """
    while type(error) is kafka.KafkaError and error.__cause__ is not None:  # the client's own word for "see there"
        error = error.__cause__
    if isinstance(error, FitlyError):
        return error
    if (place := _unpacked(error)) is not None:
        return Broken(
            f"{place} on cannot be read: a record there, or soon after, has a header whose name is not UTF-8, and "
            f"aiokafka ends at it ({error!r}). Stop its producer; docs/decisions/known-limits.md says how to go on",
            restart_helps=False,
        )
    if isinstance(error, kafka.ProducerFenced):
        return Broken(
            "another process has taken over this transactional id, or our transaction stayed open for more than "
            f"{TRANSACTION_TIMEOUT_MS / 1000:g} s and was aborted; nothing of it counts. A restart rejoins the group"
        )
    if isinstance(error, _CONFIGURATION):
        return Broken(
            f"Kafka at {bootstrap} refuses us ({error!r}): check the rights of this user", restart_helps=False
        )
    if isinstance(error, _AWAY):
        return Retryable(
            f"Kafka at {bootstrap} cannot be reached ({error!r}): check the address and that the broker runs"
        )
    theirs = isinstance(error, kafka.KafkaError)
    return Broken(f"Kafka at {bootstrap} answered {error!r}" if theirs else f"our own fault: {error!r}")


def lost_the_fence(error: BaseException | None) -> bool:
    """Tell whether a transaction failed because another producer has taken over its id; nothing of it counts.

    Newer brokers say so by a code (90) that aiokafka does not know, and sends after its sender's end are "illegal".

    >>> lost_the_fence(kafka.UnknownError()), lost_the_fence(kafka.RequestTimedOutError())
    (True, False)
    """
    while error is not None:
        if isinstance(error, _FENCED):
            return True
        error = error.__cause__
    return False


def _unpacked(error: BaseException) -> str | None:
    """Name topic, partition and offset where aiokafka was unpacking a fetch; its error says none of them.

    None for every other error. A contract test holds the name of the generator and of what it keeps.
    """
    trace = error.__traceback__ if isinstance(error, UnicodeDecodeError) else None
    while trace is not None:
        if trace.tb_frame.f_code.co_qualname == "PartitionRecords._unpack_records":
            records = trace.tb_frame.f_locals["self"]
            return f"{records._tp.topic}-{records._tp.partition} from offset {records.next_fetch_offset}"  # noqa: SLF001 - see above
        trace = trace.tb_next
    return None


def new_producer(
    settings: Settings, transactional_id: str | None = None, *, linger_ms: int = 0, compression: str | None = None
) -> aiokafka.AIOKafkaProducer:
    """Make a producer that is idempotent, and transactional where an id is given. It is not started."""
    return aiokafka.AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap,
        transactional_id=transactional_id,
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        enable_idempotence=True,
        acks="all",
        max_batch_size=BATCH_BYTES,
        max_request_size=4 * BATCH_BYTES,
        linger_ms=linger_ms,
        compression_type=compression,
    )


def new_reader(
    settings: Settings, *, fetch_bytes: int = FETCH_BYTES, max_wait_ms: int = 100, committed: bool = True
) -> aiokafka.AIOKafkaConsumer:
    """Make a reader outside any group that sees committed records only, unless told otherwise. It is not started."""
    return aiokafka.AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap,
        isolation_level="read_committed" if committed else "read_uncommitted",
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=fetch_bytes,
        fetch_max_wait_ms=max_wait_ms,
    )


class Started(Generic[Client]):
    """Connects a client on entry, stops it on exit, and lets out no error but ours.

    A class and not a generator: iterators that are left half read are closed by the event loop, and there a generator
    inside a generator cannot be unwound.

    Parameters
    ----------
    bootstrap : str
        For messages.
    make : callable
        Makes the client, inside the running loop.
    stop : callable
        Stops it.
    """

    def __init__(self, bootstrap: str, make: Callable[[], Client], stop: Callable[[Client], Awaitable[None]]) -> None:
        self._bootstrap = bootstrap
        self._make = make
        self._stop = stop
        self._client: Client | None = None

    async def __aenter__(self) -> Client:
        """Connect.

        Raises
        ------
        Retryable
            The broker cannot be reached within `REACH_S`.
        """
        client: Any = self._make()
        self._client = client
        try:
            async with asyncio.timeout(REACH_S):
                await client.start()
        except BaseException as error:
            await self._stopped(client)
            self._translate(error)
            raise
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        assert self._client is not None  # noqa: S101 - it was entered
        try:
            await self._stopped(self._client)
        finally:
            if error is not None:
                self._translate(error)

    async def _stopped(self, client: Client) -> None:
        """Stop the client; a cancellation inside aiokafka (a routine that never ran) is none of ours."""
        try:
            await self._stop(client)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise

    def _translate(self, error: BaseException) -> None:
        # IllegalOperation, which is no KafkaError, is what a producer says of every send after its sender has failed
        theirs = (kafka.KafkaError, kafka.IllegalOperation, TimeoutError, OSError)
        if isinstance(error, theirs) or _unpacked(error) is not None:
            raise understood(error, self._bootstrap) from error


def started_reader(
    settings: Settings, *, fetch_bytes: int = FETCH_BYTES, max_wait_ms: int = 100, committed: bool = True
) -> Started[aiokafka.AIOKafkaConsumer]:
    """Give a reader for the length of a block."""
    return Started(
        settings.kafka_bootstrap,
        lambda: new_reader(settings, fetch_bytes=fetch_bytes, max_wait_ms=max_wait_ms, committed=committed),
        lambda it: it.stop(),
    )


def started_producer(
    settings: Settings, transactional_id: str | None = None, *, linger_ms: int = 0, compression: str | None = None
) -> Started[aiokafka.AIOKafkaProducer]:
    """Give a producer for the length of a block; with an id it has fenced its predecessors when the block begins."""
    return Started(
        settings.kafka_bootstrap,
        lambda: new_producer(settings, transactional_id, linger_ms=linger_ms, compression=compression),
        lambda it: it.stop(),
    )


def started_admin(settings: Settings) -> Started[AIOKafkaAdminClient]:
    """Give an administration client for the length of a block."""
    return Started(
        settings.kafka_bootstrap,
        lambda: AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap),
        lambda it: it.close(),
    )
