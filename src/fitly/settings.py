"""Everything that is configured, and the only reader of the environment.

Knows names, bounds, defaults and meanings; the documentation is generated from them. Must never know a
client, a command, or how a local stack is found (that is ``bootstrap``).
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from fitly.core.rules import Sources
from fitly.core.topics import BY_NAME
from fitly.core.vocabulary import Level

PREFIX: Final = "FITLY_"
APP: Final = "fitly"
DRIVER: Final = "postgresql+asyncpg://"


class AgentName(StrEnum):
    """The agents of a worker: each is an app and a consumer group of its own."""

    LEARNERS = "learners"
    EXPERIMENTS = "experiments"


class Settings(BaseSettings):
    """One process's configuration: arguments first, then ``FITLY_…`` variables, then defaults.

    Examples
    --------
    >>> Settings(kafka_bootstrap="127.0.0.1:9092", prefix="t1-").topic("control")
    't1-control'
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    data: Path = Field(
        default=Path(".fitly"),
        description="Folder of a local stack; its endpoints.json names the addresses. `--data DIR` overrides.",
    )
    kafka_bootstrap: str = Field(
        default="",
        description="Kafka's addresses, `host:port[,host:port…]`. Needed by every role without a local stack.",
    )
    database_url: str = Field(
        default="",
        repr=False,
        description="Postgres, `postgresql+asyncpg://user:password@host:port/database`; `postgresql://` will do.",
    )
    control_key: SecretStr = Field(
        default=SecretStr(""),
        description="Secret that signs control events and ticks: any text, the same in every role.",
    )
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = Field(
        default="",
        description="Put before every topic, group and transactional id, so that several Fitlys share one broker.",
    )
    default_level: Level = Field(
        default=Level.MEDIUM,
        description="Level of a learner who never chose one (NONE: opt-in). `topics create` writes it into the policy.",
    )
    erasure_sources: str = Field(
        default="",
        description="Sources (comma between them) that may send `learner.erased`; empty: any. `topics create` writes "
        "it into the policy, where a replay finds it. Our own commands send as `fitly/rights`.",
    )
    preference_sources: str = Field(
        default="",
        description="The same for `preferences.changed` and `preferences.reset`.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="The least important messages that are logged."
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="`console` for people, `json` (one object per line) for machines."
    )
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        default=0, description="Port of the Prometheus page of a worker or sink; 0 shows none."
    )
    processes: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1,
        description="Processes of the agent `learners` in one `fitly worker`, which share its partitions; their "
        "metrics pages are on METRICS_PORT and the ports after it, that of the agent `experiments` comes next. More "
        "than partitions or cores are of no use.",
    )
    priors: Literal["on", "off"] = Field(
        default="on",
        description="Whether the agent `experiments` proposes what the population's sums say of the priors. `off` "
        "where a run's priors are written beforehand: sums are merged and kept all the same.",
    )
    session_timeout_s: Annotated[float, Field(gt=0, le=300)] = Field(
        default=30.0, description="Seconds without a heartbeat after which Kafka gives a worker's partitions to others."
    )
    commit_max_records: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=5_000, description="The most input records that one transaction absorbs."
    )
    commit_linger_ms: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=0, description="Milliseconds a transaction waits for more records; 0 takes what is there."
    )
    watchdog_s: Annotated[float, Field(gt=0, le=3_600)] = Field(
        default=30.0, description="Seconds of lag without progress after which a worker stops itself, to be restarted."
    )
    tick_interval_s: Annotated[float, Field(gt=0, le=3_600)] = Field(
        default=60.0, description="Seconds between two clock ticks of a partition on a LIVE log."
    )

    snapshot_days: Annotated[float, Field(ge=0, le=30)] = Field(
        default=7.0,
        description="Days of the log's clock between two snapshots of a partition on a LIVE log: how much of the log's "
        "30 days a replay may be unable to cover. 0 takes none but where a release changes the fold.",
    )

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, url: str) -> str:
        """Accept the URL as operators have it at hand; the one driver we speak is asyncpg."""
        if not url or url.startswith(DRIVER):
            return url
        scheme, separator, rest = url.partition("://")
        if separator and scheme in {"postgres", "postgresql"}:
            return DRIVER + rest
        message = f"begin it with {DRIVER} or postgresql://"
        raise ValueError(message)

    @property
    def app_id(self) -> str:
        """The application and group id of the agent `learners`; others begin with it."""
        return self.prefix + APP

    def agent_id(self, agent: AgentName) -> str:
        """Give the application and group id of an agent.

        >>> Settings(prefix="t1-").agent_id(AgentName.EXPERIMENTS)
        't1-fitly-experiments'
        """
        return self.app_id if agent is AgentName.LEARNERS else f"{self.app_id}-{agent}"

    @property
    def signing_key(self) -> bytes:
        """The control key as the signature takes it: the UTF-8 bytes of the text."""
        return self.control_key.get_secret_value().encode()

    @property
    def sources(self) -> Sources:
        """Who may speak of a learner's rights, as the first policy of a log has it."""
        return Sources(erasure=_names(self.erasure_sources), preferences=_names(self.preference_sources))

    def topic(self, name: str) -> str:
        """Give the name a topic of `fitly.core.topics` has on the broker."""
        return self.prefix + BY_NAME[name].name


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(",") if (name := part.strip()))


def unknown_variables() -> list[str]:
    """Name the ``FITLY_…`` variables of the environment that mean nothing: most likely misspelt."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
