"""The agents: what each folds, where its rows are kept, and the loop that hands batches to its partitions.

Knows the two agents as data. Must never know a partition's life, nor what a record means: everything else is the
task's and the shard's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from fitly.core.experiments.concluding import conclusions
from fitly.core.revising import proposals
from fitly.core.topics import CHANGELOGS, INPUT, PARTIALS, POPULATION_CHANGELOGS
from fitly.settings import AgentName, Settings
from fitly.stream.following import Followers
from fitly.stream.proposing import Proposer
from fitly.stream.viewing import Viewer
from fitly.wire.population import Population
from fitly.wire.shard import Shard

if TYPE_CHECKING:
    import faust

    from fitly.core.numbers import Millis
    from fitly.core.system import Position
    from fitly.stream.app import App
    from fitly.stream.generation import Generation
    from fitly.wire.events import Incoming
    from fitly.wire.outgoing import Change, Outgoing


class Rows(Protocol):
    """Takes in what a changelog holds."""

    def load(self, table: str, key: bytes, value: bytes | None, /) -> None:
        """Take in one record, in its order; a tombstone removes."""


class Run(Protocol):
    """What came of folding some records, not yet the shard's own."""

    @property
    def outputs(self) -> Sequence[Outgoing]:
        """What goes out, in the order of the log."""

    @property
    def changes(self) -> Sequence[Change]:
        """Changed rows, the position last."""

    @property
    def count(self) -> int:
        """Records absorbed."""

    @property
    def offset(self) -> int:
        """The last one's offset."""

    @property
    def clock(self) -> Millis:
        """The fold's now after it."""

    @property
    def bins(self) -> Mapping[str, int]:
        """Records by ledger bin."""

    @property
    def refused(self) -> bytearray:
        """One byte per record, 1 where it was refused."""


class Fold(Rows, Protocol):
    """The rows of one partition and their fold; a life as in `fitly.wire.shard.Shard`."""

    @property
    def position(self) -> Position:
        """How far the input is absorbed."""

    def opened(self) -> None:
        """Make ready to fold, once all rows are loaded."""

    def fold(self, records: Sequence[Incoming], batch: Any = None, /) -> Run:  # noqa: ANN401 - a run of its own kind
        """Fold records, going on with an open run."""

    def adopt(self, batch: Any, /) -> None:  # noqa: ANN401
        """Make a committed run's rows the shard's own."""

    def overdue(self) -> int:
        """Give how many rows wait for the next tick."""


class Follower(Protocol):
    """Does what follows from the rows of one process, beside the fold and outside its transactions."""

    def see(self, partition: int, shard: Any) -> None:  # noqa: ANN401 - the agent's own kind
        """Look at a partition's rows: after its restore and after every commit."""

    def forget(self, partitions: Iterable[int]) -> None:
        """Let go of partitions that are no longer ours."""

    async def run(self) -> None:
        """Work until cancelled."""

    async def quiet(self) -> None:
        """Finish what is under way and begin nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """What one app folds.

    Attributes
    ----------
    name : AgentName
        Also names the app, its group and its transactional ids.
    topic : str
        Its input.
    changelogs : mapping
        Table to the topic its rows are written to.
    new_shard : callable
        Gives an empty shard for a partition.
    linger_s : float
        How long the first record that comes waits for others before a transaction, at the least.
    ticks : bool
        Whether it tells its input the time, where that is a LIVE log.
    follower : callable, optional
        Makes what follows from its rows.
    help : str
        What it is for, in words.
    """

    name: AgentName
    topic: str
    changelogs: Mapping[str, str]
    new_shard: Callable[[Settings, Generation, int], Fold]
    linger_s: float = 0.0
    ticks: bool = False
    follower: Callable[[Settings], Follower | None] | None = None
    help: str

    def app_id(self, settings: Settings) -> str:
        """Give the id of its app and group."""
        return settings.agent_id(self.name)


def _learners(settings: Settings, _generation: Generation, partition: int) -> Shard:
    return Shard(partition, settings.signing_key)


def _population(settings: Settings, generation: Generation, partition: int) -> Population:
    mode = generation.clock_mode.value
    return Population(partition, settings.signing_key, generation.birth_id, mode, generation.partitions)


def _followers(settings: Settings) -> Followers:
    return Followers(Proposer(settings, proposals if settings.priors == "on" else conclusions), Viewer(settings))


LEARNERS_AGENT: Final = Agent(
    name=AgentName.LEARNERS,
    topic=INPUT,
    changelogs=CHANGELOGS,
    new_shard=_learners,
    ticks=True,
    help="Fold learners' events: decide, learn, and write the rows and what came of them in one transaction.",
)
EXPERIMENTS_AGENT: Final = Agent(
    name=AgentName.EXPERIMENTS,
    topic=PARTIALS,
    changelogs=POPULATION_CHANGELOGS,
    new_shard=_population,
    linger_s=0.25,  # the partitions tell their sums at about the same time: a transaction takes in the words of all
    follower=_followers,
    help="Add up what the partitions say of their sums, look at experiments, propose to the sequencer what follows.",
)
AGENTS: Final = {agent.name: agent for agent in (LEARNERS_AGENT, EXPERIMENTS_AGENT)}


def add_agent(app: App, agent: Agent, source: faust.TopicT) -> None:
    """Give the app its agent: it hands every batch of its input to the task of the batch's partition."""

    async def hand_on(stream: Any) -> None:  # noqa: ANN401 - Faust's stream is not typed for noack
        async for event in stream.noack().events():
            app.host.hand(event)

    hand_on.__doc__ = agent.help
    app.agent(source, name=agent.name.value, concurrency=1)(hand_on)
