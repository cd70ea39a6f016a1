"""Publishing events: in batches, to the partition Java would choose, with the stamps the log's clock mode wants.

Knows partitions, stamps and ticks. Must never know what an event is for; whoever wants its contents checked calls
`Publisher.publish`.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from fitly.core.errors import Refused
from fitly.core.names import partition_of
from fitly.core.numbers import HOUR, Millis
from fitly.core.topics import INPUT
from fitly.core.vocabulary import ClockMode
from fitly.stream.clients import Started, started_producer, understood
from fitly.stream.generation import Generation, read_generation
from fitly.stream.read import bounds, read_topic
from fitly.wire.events import encode_tick, parse_event
from fitly.wire.signing import SIGNATURE_HEADER, sign

if TYPE_CHECKING:
    import aiokafka

    from fitly.settings import Settings

LOOK_BACK: Final = 1_000
LINGER_S: Final = 0.005
"""The longest a record waits for others to share its batch."""


class Publisher:
    """Sends events to the input log.

    On an AS_OF log records carry their event's time, must come in its order, and between them every hour of event
    time brings a signed tick on every partition: the passing of time is part of the log, as on a LIVE one (A6). Not
    transactional: an event sent twice after a failure is a DUPLICATE.

    Parameters
    ----------
    settings : Settings
        Broker, prefix and control key.
    as_of : bool or None
        What the caller believes the log to be: True for AS_OF, False for LIVE; None takes it as it is.

    Examples
    --------
    ``async with Publisher(settings) as publisher: await publisher.publish(line)``
    """

    def __init__(self, settings: Settings, *, as_of: bool | None = None) -> None:
        self._settings = settings
        self._as_of = as_of
        self._topic = settings.topic(INPUT)
        self._batches: dict[int, Any] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        self._sent: set[asyncio.Future[Any]] = set()
        self._failed: BaseException | None = None
        self._hour: int | None = None
        self._last = 0
        self._generation: Generation | None = None
        self._producer: aiokafka.AIOKafkaProducer | None = None
        self._started: Started[aiokafka.AIOKafkaProducer] | None = None
        self._lingering: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises
        ------
        Refused
            The log is not of the clock mode that was asked for.
        Broken, Retryable
            The log is not open; the broker cannot be reached.
        """
        self._generation = generation = await read_generation(self._settings)
        if self._as_of is not None and self._as_of is not (generation.clock_mode is ClockMode.AS_OF):
            remedy = (
                "publish without --as-of-event-time, or begin an AS_OF log (`fitly topics create --as-of`)"
                if self._as_of
                else "use --as-of-event-time: records of this log carry their event's time"
            )
            reason, detail = "CLOCK_MODE", f"the log is {generation.clock_mode.value}: {remedy}"
            raise Refused(reason, detail)
        self._started = started_producer(self._settings)
        self._producer = await self._started.__aenter__()
        self._lingering = asyncio.ensure_future(self._linger())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is left, and disconnect."""
        try:
            if error is None:
                await self.flush()
        finally:
            if self._lingering is not None:
                self._lingering.cancel()
            if self._started is not None:
                await self._started.__aexit__(kind, error, trace)

    @property
    def clock_mode(self) -> ClockMode:
        """Who stamps the records of this log."""
        return self._opened.clock_mode

    async def publish(self, value: bytes) -> None:
        """Check one CloudEvent and send it under its subject, on an AS_OF log at its time.

        Raises
        ------
        Refused
            With the reason it would be refused for by the fold.
        """
        event = parse_event(value)
        await self.send(event.user_id.encode(), value, event.time if self.clock_mode is ClockMode.AS_OF else None)

    async def send(self, key: bytes, value: bytes, timestamp_ms: int | None = None) -> None:
        """Send one record as it is.

        Parameters
        ----------
        key : bytes
            User id: decides the partition, by murmur2 as Java does (C3).
        timestamp_ms : int, optional
            Its stamp: needed on an AS_OF log, refused on a LIVE one.

        Raises
        ------
        Refused
            Stamp and clock mode do not go together, or the order of time is broken.
        Retryable, Broken
            An earlier record could not be sent.
        """
        if self.clock_mode is ClockMode.AS_OF:
            await self.advance(self._in_order(timestamp_ms))
        elif timestamp_ms is not None:
            reason, detail = "CLOCK_MODE", "the log is LIVE: the broker stamps its records; publish without stamps"
            raise Refused(reason, detail)
        await self._add(partition_of(key, self._opened.partitions), key, value, [], timestamp_ms)

    async def advance(self, to_ms: int) -> None:
        """On an AS_OF log, send the ticks of every full hour since the last record up to a moment."""
        hour = to_ms // HOUR
        for passed in range((hour if self._hour is None else self._hour) + 1, hour + 1):
            stamp = Millis(passed * HOUR)
            for partition in range(self._opened.partitions):
                value = encode_tick(partition, stamp)
                signature = sign(self._settings.signing_key, self._opened.birth_id, value)
                await self._add(partition, None, value, [(SIGNATURE_HEADER, signature)], stamp)
        self._hour, self._last = hour, max(self._last, to_ms)

    async def now_of(self, key: bytes) -> int:
        """Give the highest stamp among the last records of a key's partition: on an AS_OF log, the fold's now."""
        partition = partition_of(key, self._opened.partitions)
        start, end = (await bounds(self._settings, INPUT))[partition]
        others = dict.fromkeys(range(self._opened.partitions), 0)
        now = 0
        while end > start and not now:
            begin = max(start, end - LOOK_BACK)
            async with aclosing(
                read_topic(self._settings, INPUT, start={partition: begin}, stop={**others, partition: end})
            ) as records:
                async for record in records:
                    now = max(now, record.timestamp)
            end = begin
        return now

    async def flush(self) -> None:
        """Wait until everything sent so far is in the log.

        Raises
        ------
        Retryable, Broken
            Something could not be sent.
        """
        for partition in list(self._locks):
            await self._dispatch(partition)
        await asyncio.gather(*self._sent, return_exceptions=True)
        self._raise_failed()

    @property
    def _opened(self) -> Generation:
        assert self._generation is not None  # noqa: S101 - `async with` first
        return self._generation

    def _in_order(self, timestamp_ms: int | None) -> int:
        if timestamp_ms is None or timestamp_ms < 0:
            reason, detail = "CLOCK_MODE", "the log is AS_OF: give each record its event's time"
            raise Refused(reason, detail)
        if timestamp_ms < self._last:
            reason = "ORDER"
            detail = (
                f"stamp {timestamp_ms} comes after {self._last}: publish in order of time (sort the file by `time`)"
            )
            raise Refused(reason, detail)
        return timestamp_ms

    async def _add(
        self,
        partition: int,
        key: bytes | None,
        value: bytes,
        headers: list[tuple[str, bytes | None]],
        stamp: int | None,
    ) -> None:
        self._raise_failed()
        while True:
            batch = self._batches.get(partition)
            if batch is None:
                assert self._producer is not None  # noqa: S101 - `async with` first
                batch = self._batches[partition] = self._producer.create_batch()
                self._locks.setdefault(partition, asyncio.Lock())
            if batch.append(key=key, value=value, timestamp=stamp, headers=headers) is not None:
                return
            await self._dispatch(partition)

    async def _dispatch(self, partition: int) -> None:
        """Send a partition's batch; waits while the one before is still under way: that is the back-pressure."""
        async with self._locks.setdefault(partition, asyncio.Lock()):
            batch = self._batches.pop(partition, None)
            if batch is None:
                return
            assert self._producer is not None  # noqa: S101 - `async with` first
            batch.close()
            sent = asyncio.ensure_future(await self._producer.send_batch(batch, self._topic, partition=partition))
            self._sent.add(sent)
            sent.add_done_callback(self._settle)

    def _settle(self, sent: asyncio.Future[Any]) -> None:
        self._sent.discard(sent)
        if not sent.cancelled() and (error := sent.exception()) is not None:
            self._failed = error

    def _raise_failed(self) -> None:
        if self._failed is not None:
            raise understood(self._failed, self._settings.kafka_bootstrap) from self._failed

    async def _linger(self) -> None:
        while True:
            await asyncio.sleep(LINGER_S)
            for partition in list(self._batches):
                await self._dispatch(partition)
