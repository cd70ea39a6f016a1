"""``fitly worker`` and ``fitly sink``: one role of a stack, in the foreground.

Knows nothing but how a role is started. Must never know what it does.
"""

from __future__ import annotations

import click

from fitly import bootstrap
from fitly.bootstrap import Need
from fitly.cli.options import configured
from fitly.settings import AgentName, Settings


@click.command(short_help="Decide and learn: fold the log of outcomes.")
@click.option(
    "--agent",
    type=click.Choice([agent.value for agent in AgentName]),
    help="One agent alone: `learners` decides and learns, `experiments` adds up what the partitions say of their "
    "sums. Without it both run.",
)
@configured(Need.KAFKA, Need.KEY, speaks=True)
def worker(settings: Settings, *, agent: str | None) -> None:
    """Run one worker: it folds its share of the log's partitions until SIGTERM or Ctrl-C.

    Start as many as there are partitions at most; they share the partitions by themselves. A worker is a process for
    each agent; with FITLY_PROCESSES=N the agent `learners` has N of them, to use the cores of a machine. When one of
    them ends, all do. It exits with 2 where starting again cannot help (wrong key, wrong generation of the log), with 4
    where its supervisor should start it again.
    """
    raise click.exceptions.Exit(bootstrap.run_worker(settings, None if agent is None else AgentName(agent)))


@click.command(short_help="Keep Postgres equal to the log's tables.")
@configured(Need.KAFKA, Need.DATABASE, Need.KEY, speaks=True)
def sink(settings: Settings) -> None:
    """Run the sink: it copies what the worker decided and learned into Postgres, each change exactly once.

    While Postgres is away it waits; the worker does not.
    """
    raise click.exceptions.Exit(bootstrap.run_sink(settings))
