"""``fitly experiments``: the life of an experiment, from its plan to what follows its end.

Knows the verbs and what they print. Must never know what is legal when: the sequencer asks the table of states.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.issuing import login, signed, with_note
from fitly.cli.moving import demand_time, issue, shown, standing
from fitly.cli.options import as_json, configured, run
from fitly.cli.program import Exit, fail
from fitly.settings import Settings

if TYPE_CHECKING:
    from fitly.core.events import ExperimentPayload
    from fitly.core.experiments.trial import Trials

Command = TypeVar("Command", bound=Callable[..., Any])
THEN = ("release", "keep", "roll-out")


@click.group(short_help="Define, start, pause, complete and list experiments.")
def experiments() -> None:
    """Run experiments: define a plan, start it, and end it.

    Whatever is illegal in the state an experiment is in is refused with the reason, and what is possible, by status 1;
    a file or option that cannot be meant so by status 2.
    """


def _issuing(command: Command) -> Command:
    """Give a command what every one has that says something of one experiment."""
    for decorate in (configured(Need.KAFKA, Need.KEY), as_json, signed):
        command = decorate(command)
    return command


def _named(command: Command) -> Command:
    return click.argument("name")(command)


@experiments.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Say whether it would be accepted, and write nothing.")
@_issuing
def define(settings: Settings, *, file: Path, dry_run: bool, by: str | None, timeout: float, as_json: bool) -> None:
    """Define an experiment as a draft, or revise it.

    FILE (YAML or JSON) holds the whole plan: experiment_name, experiment_type (AB_TEST, MULTIVARIATE,
    MULTI_ARMED_BANDIT), context, and variants, each with variant_id, weight and config: {strategy_variant,
    parameters}, {apply: false} or {policy}. All other fields have defaults; `schemas/control.json` describes them. A
    draft may be revised at will; once started, only traffic_share may differ.
    """
    from fitly.cli.planning import read_plan  # noqa: PLC0415 - not loaded for `--help`
    from fitly.core.events import ExperimentDefined  # noqa: PLC0415

    plan = read_plan(file)

    def said(trials: Trials) -> ExperimentPayload | None:
        before = trials.get(plan.experiment_name)
        is_new = before is None or before.plan != plan
        return ExperimentDefined(plan=plan, by=by or login()) if is_new else None

    issue(settings, plan.experiment_name, said, timeout, as_json=as_json, dry_run=dry_run)


@experiments.command()
@_named
@_issuing
def start(settings: Settings, *, name: str, by: str | None, timeout: float, as_json: bool) -> None:
    """Start a draft: its plan is frozen, but for the share of traffic, and learners are enrolled."""
    from fitly.core.events import ExperimentStarted  # noqa: PLC0415
    from fitly.core.experiments.fingerprint import plan_hash  # noqa: PLC0415
    from fitly.core.experiments.lifecycle import known  # noqa: PLC0415

    def said(trials: Trials) -> ExperimentPayload:
        frozen = plan_hash(known(trials, name).plan)
        return ExperimentStarted(experiment_name=name, plan_hash=frozen, by=by or login())

    run(demand_time(settings))
    issue(settings, name, said, timeout, as_json=as_json)


@experiments.command()
@_named
@click.option("--stop-applying", is_flag=True, help="Withdraw what stands of it as well, within seconds.")
@with_note
@_issuing
def pause(
    settings: Settings, *, name: str, stop_applying: bool, note: str, by: str | None, timeout: float, as_json: bool
) -> None:
    """Pause an experiment: nobody joins; whoever is enrolled keeps the variant, unless it stops applying."""
    from fitly.core.events import ExperimentPaused  # noqa: PLC0415

    paused = ExperimentPaused(experiment_name=name, stop_applying=stop_applying, reason=note, by=by or login())
    issue(settings, name, lambda _: paused, timeout, as_json=as_json)


@experiments.command()
@_named
@_issuing
def resume(settings: Settings, *, name: str, by: str | None, timeout: float, as_json: bool) -> None:
    """Resume a paused experiment."""
    from fitly.core.events import ExperimentResumed  # noqa: PLC0415

    resumed = ExperimentResumed(experiment_name=name, by=by or login())
    issue(settings, name, lambda _: resumed, timeout, as_json=as_json)


@experiments.command()
@_named
@click.option(
    "--then",
    type=click.Choice(THEN),
    default=THEN[0],
    show_default=True,
    help="What follows: the policy decides again; whoever is enrolled keeps the variant; or everybody who may be "
    "enrolled gets the winner.",
)
@click.option("--winner", metavar="VARIANT", help="The variant_id to roll out.")
@click.option(
    "--hold-back",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Of a roll-out: learners who get the control instead, to confirm it (default: 0.1).",
)
@with_note
@_issuing
def complete(
    settings: Settings, *, name: str, then: str, winner: str | None, hold_back: float | None, note: str,
    by: str | None, timeout: float, as_json: bool,
) -> None:  # fmt: skip
    """End an experiment, and say what follows.

    A completed experiment that keeps or rolls out is ended for good by completing it again with --then release.
    """
    from fitly.core.events import ExperimentCompleted  # noqa: PLC0415
    from fitly.core.experiments.trial import Afterwards  # noqa: PLC0415

    afterwards = Afterwards(then.replace("-", "_").upper())
    if (afterwards is Afterwards.ROLL_OUT) != (winner is not None):
        fail("--then roll-out needs --winner, and nothing else has one: give both or neither", Exit.USAGE)
    if hold_back is not None and afterwards is not Afterwards.ROLL_OUT:
        fail("--hold-back is of a roll-out: give --then roll-out, or leave it out", Exit.USAGE)
    completed = ExperimentCompleted(
        experiment_name=name,
        afterwards=afterwards,
        winner=winner,
        reason=note,
        by=by or login(),
        **({} if hold_back is None else {"hold_back": hold_back}),
    )
    issue(settings, name, lambda _: completed, timeout, as_json=as_json)


@experiments.command()
@_named
@with_note
@_issuing
def cancel(settings: Settings, *, name: str, note: str, by: str | None, timeout: float, as_json: bool) -> None:
    """End an experiment without an answer; what stands of it is withdrawn."""
    from fitly.core.events import ExperimentCancelled  # noqa: PLC0415

    cancelled = ExperimentCancelled(experiment_name=name, reason=note, by=by or login())
    issue(settings, name, lambda _: cancelled, timeout, as_json=as_json)


@experiments.command()
@_named
@click.argument("share", type=click.FloatRange(0, 1))
@_issuing
def ramp(settings: Settings, *, name: str, share: float, by: str | None, timeout: float, as_json: bool) -> None:
    """Set the SHARE (0-1) of learners who may be enrolled; raising it keeps everybody who was in."""
    from dataclasses import replace  # noqa: PLC0415

    from fitly.core.events import ExperimentDefined  # noqa: PLC0415
    from fitly.core.experiments.lifecycle import known  # noqa: PLC0415

    def said(trials: Trials) -> ExperimentPayload | None:
        before = known(trials, name).plan
        after = replace(before, traffic_share=share)
        return None if after == before else ExperimentDefined(plan=after, by=by or login())

    issue(settings, name, said, timeout, as_json=as_json)


@experiments.command("list")
@as_json
@configured(Need.KAFKA, Need.KEY)
def list_experiments(settings: Settings, *, as_json: bool) -> None:
    """List every experiment, where it stands, and since when."""
    from fitly.cli.planning import document, overview  # noqa: PLC0415

    trials = list(run(standing(settings)).values())
    if as_json:
        show.document([document(trial) for trial in trials])
    elif trials:
        show.console().print(overview(trials))
    else:
        click.echo("no experiment is defined yet: `fitly experiments define FILE`")


@experiments.command("show")
@_named
@as_json
@configured(Need.KAFKA, Need.KEY)
def show_experiment(settings: Settings, *, name: str, as_json: bool) -> None:
    """Show one experiment: where it stands, its weights, its plan, and where each partition stands with it."""
    from fitly.cli.planning import document  # noqa: PLC0415

    trial, partitions = run(shown(settings, name))
    found = document(trial)
    found["partitions"] = {str(number): f"{one.status} r{one.revision}" for number, one in sorted(partitions.items())}
    if as_json:
        show.document(found)
    else:
        click.echo("\n".join(show.tree(found)))


@experiments.command()
@_named
@click.option("--look", type=click.IntRange(min=1), metavar="N", help="That of look N (default: the newest look).")
@click.option("--provisional", is_flag=True, help="The view between looks: newer, and it decides nothing.")
@as_json
@configured(Need.KAFKA)
def report(settings: Settings, *, name: str, look: int | None, provisional: bool, as_json: bool) -> None:
    """Report on an experiment: every condition of a verdict, the arms, the intervals over looks, mismatches.

    Looks are taken at the close of each UTC day of the event clock. Status 1: there is no such report yet.
    """
    from fitly.cli.reported import lay_out  # noqa: PLC0415
    from fitly.cli.reporting import chosen, read_reports  # noqa: PLC0415

    if look is not None and provisional:
        fail("a view between looks has no number: give --look or --provisional", Exit.USAGE)
    documents = run(read_reports(settings, name))
    found = chosen(documents, look, provisional=provisional)
    if found is None:
        which = "view between looks" if provisional else "look" if look is None else f"look {look}"
        fail(
            f"there is no {which} at {name!r}: `fitly experiments show {name}` tells where it stands; the first look "
            "is taken at the first close of a UTC day after the start that every partition has passed",
            Exit.NO,
        )
    document, told, history = found
    if as_json:
        show.document(document)
    else:
        lay_out(told, history, show.console())
