"""The broker's jars: which ones exactly, and how they come to this machine once and for all.

Knows the lock file beside it (coordinates, sizes, digests) and a cache folder. Must never know how the broker is
configured or run.

A jar enters the cache under its final name only after its digest agreed with the lock, so that a file found there is
whole and the right one, whatever was interrupted before; and the second start needs neither a network nor a resolution.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

from fitly.local.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from jgo.maven import MavenContext

    from fitly.local.telling import Teller

    ProgressCallback = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]

KAFKA_VERSION = "4.1.1"
LOGGING_VERSION = "2.24.3"
BROKER = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
LOGGING = f"org.apache.logging.log4j:log4j-slf4j-impl:{LOGGING_VERSION}"
LOCK_NAME = "kafka_jars.lock"

_AT_ONCE = 8
_ROUNDS = 3
_TICK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock."""

    coordinate: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """The name in the cache: artifact and version."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def locked_jars() -> tuple[Jar, ...]:
    """Return the jars that the lock file names, in its order."""
    text = resources.files("fitly.local").joinpath(LOCK_NAME).read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(Jar(coordinate, int(size), sha256) for coordinate, size, sha256 in rows)


def default_cache() -> Path:
    """Return the folder that all stacks of this user share.

    Raises
    ------
    UnavailableError
        The user has no home.
    """
    try:
        return Path.home() / ".cache" / "fitly"
    except RuntimeError:
        raise UnavailableError("this user has no home folder to keep Kafka's jars in; set HOME") from None


async def ensure_jars(cache: Path, teller: Teller) -> list[Path]:
    """Return the paths of all jars, after fetching those that are not in the cache.

    Parameters
    ----------
    cache
        Folder of verified jars; made when missing.
    teller
        Is told the bytes that have come, of how many, while something is fetched.

    Raises
    ------
    UnavailableError
        A jar is neither in the cache nor to be had, or what came is not what the lock names.
    """
    jars = locked_jars()
    folder = cache / f"kafka-{KAFKA_VERSION}"
    missing = [jar for jar in jars if not _is_whole(folder / jar.file_name, jar)]
    if missing:
        await _fetch(missing, folder, teller)
    return [folder / jar.file_name for jar in jars]


def _is_whole(path: Path, jar: Jar) -> bool:
    try:
        return path.stat().st_size == jar.size
    except OSError:
        return False


async def _fetch(missing: Sequence[Jar], folder: Path, teller: Teller) -> None:
    what = f"downloading Kafka {KAFKA_VERSION}"
    total = sum(jar.size for jar in missing)
    incoming = _incoming(folder)
    download = _Download(folder, incoming)
    work = asyncio.create_task(asyncio.to_thread(download.run, missing))
    try:
        teller.progress(what, 0, total)
        while not (await asyncio.wait({work}, timeout=_TICK_SECONDS))[0]:
            teller.progress(what, min(download.received, total - 1), total)
        work.result()
        teller.progress(what, total, total)
    finally:
        download.cancelled.set()
        await asyncio.wait({work})
        shutil.rmtree(incoming, ignore_errors=True)


def _incoming(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".incoming-", dir=folder))
    except OSError as error:
        raise UnavailableError(
            f"cannot keep Kafka's jars in {folder} ({error.strerror}); make it writable for this user"
        ) from None


class _CancelledError(Exception):
    """The download is no longer wanted."""


@dataclass(slots=True)
class _Download:
    """Fetches jars through jgo into `incoming`, and moves each verified one into `folder`."""

    folder: Path
    incoming: Path
    cancelled: Event = field(default_factory=Event)
    received: int = 0
    lock: Lock = field(default_factory=Lock)

    def run(self, missing: Sequence[Jar]) -> None:
        """Fetch all; a jar that failed is tried again in the next round, up to `_ROUNDS` times."""
        left, failure = list(missing), ""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="jars") as pool:
            for _ in range(_ROUNDS):
                failures = list(pool.map(self._try, left))
                left = [jar for jar, message in zip(left, failures, strict=True) if message]
                failure = next((message for message in failures if message), "")
                if not left or self.cancelled.is_set():
                    break
        if left and not self.cancelled.is_set():
            raise UnavailableError(
                f"Kafka {KAFKA_VERSION} cannot be had: {len(left)} of its jars are not in {self.folder} and did not "
                f"come ({failure}). Connect this machine to the network (or set its HTTPS_PROXY) for the first start, "
                "or copy that folder from another machine"
            )

    def _try(self, jar: Jar) -> str:
        """Fetch one jar; return what went wrong, or an empty text."""
        before = self.received
        try:
            self._get(jar)
        except _CancelledError:
            return "stopped"
        except (OSError, RuntimeError) as error:
            with self.lock:
                self.received = min(before, self.received)
            return f"{jar.coordinate}: {_shortened(error)}"
        return ""

    def _get(self, jar: Jar) -> None:
        group, artifact, version = jar.coordinate.split(":")
        context = maven_context(self.incoming, self._count)
        path = context.project(group, artifact).at_version(version).artifact().resolve()
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != jar.sha256:
            path.unlink()
            raise RuntimeError(f"what came has the digest {found[:12]}…, expected {jar.sha256[:12]}…")
        path.replace(self.folder / jar.file_name)

    @contextmanager
    def _count(self, _name: str, _size: int) -> Iterator[Callable[[int], None]]:
        def update(chunk: int) -> None:
            if self.cancelled.is_set():
                raise _CancelledError
            with self.lock:
                self.received += chunk

        yield update


def maven_context(folder: Path, progress: ProgressCallback | None = None) -> MavenContext:
    """Return jgo's view of the public repository, keeping files in `folder`.

    Raises
    ------
    UnavailableError
        jgo is not installed.
    """
    try:
        from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - half a second that only the first start pays
    except ImportError:
        raise UnavailableError(
            "jgo, which fetches Kafka's jars, is not installed: run `pip install 'fitly[local]'`"
        ) from None
    return MavenContext(resolver=PythonResolver(progress_callback=progress), repo_cache=folder)


def _shortened(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "…"  # noqa: PLR2004 - a line or two on a terminal
