"""Settings to wired roles: the one place that knows everybody.

Knows which parts make a role and how a process finds its stack. Must never know how a part works inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from fitly.core.errors import Broken
from fitly.core.vocabulary import ClockMode
from fitly.local.endpoints import FILE_NAME, read_endpoints
from fitly.settings import PREFIX, AgentName, Settings


class Need(Enum):
    """What a role or command cannot do without; the value is the setting's name."""

    KAFKA = "kafka_bootstrap"
    DATABASE = "database_url"
    KEY = "control_key"


def configured(data: Path | None = None, needs: Sequence[Need] = ()) -> Settings:
    """Find the stack: a local one by its folder, else the one that the settings name.

    Parameters
    ----------
    data : Path, optional
        Folder given by ``--data``; without it ``FITLY_DATA``, and without that ``.fitly`` here.
    needs : sequence of Need
        What must be known in the end.

    Returns
    -------
    Settings

    Notes
    -----
    What was said on purpose wins: a folder that was named (``--data`` or ``FITLY_DATA``), then addresses in the
    environment, then a stack that happens to be in ``.fitly``.

    Raises
    ------
    Broken
        Something needed is not configured.
    EndpointsError
        ``--data`` names a folder that holds no stack.
    """
    settings = Settings()
    folder = data if data is not None else settings.data
    named = data is not None or "data" in settings.model_fields_set
    if data is not None or ((folder / FILE_NAME).exists() and (named or not settings.kafka_bootstrap)):
        endpoints = read_endpoints(folder)
        settings = Settings(
            data=folder,
            kafka_bootstrap=endpoints.bootstrap,
            database_url=endpoints.database_url,
            control_key=endpoints.control_key,
        )
    demand(settings, needs)
    return settings


def demand(settings: Settings, needs: Sequence[Need]) -> None:
    """Raise `Broken` with the remedy where something needed is not configured."""
    known = {
        Need.KAFKA: settings.kafka_bootstrap,
        Need.DATABASE: settings.database_url,
        Need.KEY: settings.control_key.get_secret_value(),
    }
    missing = [need for need in needs if not known[need]]
    if missing:
        raise Broken(_nothing_found(settings.data, missing), restart_helps=False)


async def prepare(settings: Settings, clock_mode: ClockMode | None = None) -> ClockMode:
    """Bring topics and database to where the roles can start; nothing happens where they are.

    Parameters
    ----------
    settings : Settings
    clock_mode : ClockMode, optional
        What a new log shall be; without it LIVE, and an open log stays what it is.

    Returns
    -------
    ClockMode
        What the log is.

    Raises
    ------
    Broken
        The log is open under another clock mode, or topics or schema are not to be had.
    """
    from fitly import store  # noqa: PLC0415 - a worker's container asks for neither
    from fitly.stream import generation, topics  # noqa: PLC0415

    if clock_mode is None:
        try:
            clock_mode = (await generation.read_generation(settings)).clock_mode
        except Broken:
            clock_mode = ClockMode.LIVE
    await topics.create(settings, clock_mode)
    await store.upgrade(settings.database_url)
    return clock_mode


def run_worker(settings: Settings, agent: AgentName | None = None) -> int:
    """Run a worker until it is asked to stop; give its exit status.

    Parameters
    ----------
    settings : Settings
    agent : AgentName, optional
        One agent alone; without it all of them, each in processes of its own.
    """
    shares = crew_of(settings, agent)
    if len(shares) > 1:
        from fitly.local import crew  # noqa: PLC0415

        return crew.run([crew.Member([*crew.program(), "--agent", name], told) for name, told in shares])
    from fitly.stream import worker  # noqa: PLC0415 - a sink needs no Faust

    return worker.run(settings, shares[0][0])


def crew_of(settings: Settings, agent: AgentName | None = None) -> list[tuple[AgentName, dict[str, str]]]:
    """Give a worker's processes: the agent of each, and what it is told: to be alone, with a metrics page of its own.

    >>> crew_of(Settings(metrics_port=9464, processes=2))[-1]
    (<AgentName.EXPERIMENTS: 'experiments'>, {'FITLY_PROCESSES': '1', 'FITLY_METRICS_PORT': '9466'})
    """
    agents = [AgentName.LEARNERS] * settings.processes + [AgentName.EXPERIMENTS]
    port = settings.metrics_port
    return [
        (name, {f"{PREFIX}PROCESSES": "1", f"{PREFIX}METRICS_PORT": str(port + place if port else 0)})
        for place, name in enumerate(name for name in agents if agent in {None, name})
    ]


def run_sink(settings: Settings) -> int:
    """Run the sink until it is asked to stop; give its exit status."""
    from fitly.store import Writer  # noqa: PLC0415 - a worker needs no SQLAlchemy
    from fitly.stream import feed  # noqa: PLC0415

    return feed.run(settings, lambda: Writer(settings.database_url))


def _nothing_found(folder: Path, missing: Sequence[Need]) -> str:
    names = " and ".join(f"FITLY_{need.value.upper()}" for need in missing)
    return (
        f"no local stack in {folder} (there is no {folder / FILE_NAME}) and {names} not set: start one with "
        f"`fitly up --data {folder}`, name another folder with --data, or set {names}"
    )
