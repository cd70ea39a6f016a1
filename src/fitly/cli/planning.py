"""Plans of experiments as people write and read them: a file in, documents and lines out.

Knows how a plan and its experiment are written down. Must never know how an event is issued, nor what a field does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import msgspec
from pydantic import TypeAdapter, ValidationError
from rich.table import Table
from rich.text import Text

from fitly.cli import show
from fitly.cli.expand import moment
from fitly.cli.revising import read_document
from fitly.core.errors import Broken
from fitly.core.experiments.plan import Plan
from fitly.core.experiments.trial import Status, Trial
from fitly.core.numbers import CERTAIN

_PLAN: Final[TypeAdapter[Plan]] = TypeAdapter(Plan)
COLOURS: Final = {
    Status.DRAFT: "blue",
    Status.ACTIVE: "green",
    Status.PAUSED: "yellow",
    Status.COMPLETED: "cyan",
    Status.CANCELLED: "magenta",
}


def read_plan(path: Path) -> Plan:
    """Read a file that holds a plan, in YAML or JSON; also what `fitly experiments show --json` prints.

    Raises
    ------
    Broken
        It cannot be read, or is no plan; every mistake is told with its place.
    """
    found = read_document(path)
    if isinstance(found, dict) and isinstance(found.get("plan"), dict):
        found = found["plan"]
    if not isinstance(found, dict):
        message = f"{path} holds no plan: begin with `experiment_name: ...`, and see `fitly experiments define --help`"
        raise Broken(message, restart_helps=False)
    try:
        return _PLAN.validate_json(msgspec.json.encode(found))
    except ValidationError as error:
        wrong = [f"{_place(one['loc'])}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors()]
        message = f"{path} is no plan of an experiment: {'; '.join(wrong)}"
        raise Broken(message, restart_helps=False) from error


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "the plan"


def plan_document(plan: Plan) -> dict[str, Any]:
    """Give a plan as JSON and YAML hold it: every field, in the order of the code."""
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(plan))
    return document


def document(trial: Trial) -> dict[str, Any]:
    """Give an experiment for programs: where it stands, then its plan."""
    epoch = trial.epoch
    names = [variant.variant_id for variant in trial.plan.variants]
    return {
        "experiment_name": trial.plan.experiment_name,
        "number": trial.number,
        "status": trial.status.value,
        "revision": trial.revision,
        "plan_hash": trial.plan_hash or None,
        "started_at": moment(trial.started_at),
        "ended_at": moment(trial.ended_at),
        "stops_applying": trial.stops_applying,
        "afterwards": None if trial.afterwards is None else trial.afterwards.value,
        "winner": trial.winner,
        "hold_back": trial.hold_back / CERTAIN,
        "epoch": None if epoch is None else epoch.number,
        "weights": None
        if epoch is None
        else {name: weight / CERTAIN for name, weight in zip(names, epoch.weights, strict=True)},
        "plan": plan_document(trial.plan),
    }


def overview(trials: Iterable[Trial]) -> Table:
    """Give one line per experiment: what fits into a terminal of 80 columns; the rest is told by `show`."""
    heads = ("experiment", "context", "status", "traffic", "started", "ended")
    table = show.grid(heads, (_line(trial) for trial in trials), right=("traffic",))
    for column in table.columns:
        column.no_wrap = column.header in {"context", "traffic", "started", "ended"}
    return table


def _line(trial: Trial) -> tuple[object, ...]:
    plan = trial.plan
    standing = trial.status.value
    if trial.stops_applying:
        standing += " (stopped)"
    if trial.afterwards is not None:
        standing += f" ({trial.afterwards.value}{f' {trial.winner}' if trial.winner else ''})"
    return (
        plan.experiment_name,
        plan.context.value,
        Text(standing, style=COLOURS[trial.status]),
        f"{plan.traffic_share:.0%}",
        _day(trial.started_at),
        _day(trial.ended_at),
    )


def _day(value: int | None) -> str | None:
    return None if (found := moment(value)) is None else found[:10]


def changes(before: Plan | None, after: Plan) -> list[tuple[str, object, object]]:
    """Give the fields that differ, with what they were and what they are; of a new plan none."""
    if before is None:
        return []
    old, new = plan_document(before), plan_document(after)
    return [(one.name, old[one.name], new[one.name]) for one in fields(Plan) if old[one.name] != new[one.name]]
