"""Turn the file of a finished two-arm trial into events and a plan, so that Fitly reports it as one of its own.

The trial was randomized elsewhere: a learner attribute ``experiment:NAME`` gives the arm, and nobody else is enrolled.
Two files of events come out, and a plan; the experiment starts between the two, for what comes before an enrolment is
no outcome of it::

    fitly up --as-of --data trial &
    python examples/trial_events.py TRIAL.csv.gz --unit ID --arm ARM --metric SCORE --covariate BEFORE --folder made
    fitly publish made/before.ndjson --as-of-event-time --data trial
    fitly experiments define made/plan.json --data trial && fitly experiments start trial --data trial
    fitly publish made/trial.ndjson --as-of-event-time --data trial
    fitly experiments report trial --data trial

Learners are enrolled one after the other in the order of the file, every ``--minutes``, and are measured for a day: so
they close in the order of the file, and each look at the close of a day is one at the first so many rows.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

STARTS: Final = datetime(2015, 3, 2, tzinfo=UTC)
PAUSE: Final = timedelta(days=2)
"""From the last of what came before to the first enrolment: longer than a decision stands against a new one."""
METRICS: Final = {
    "retention": "retention_score",
    "performance": "performance_score",
    "completion": "completion_rate",
    "engagement": "engagement_score",
}
NUMBERS: Final = {"TRUE": 1.0, "FALSE": 0.0}


class Unit(NamedTuple):
    """One learner of the trial: the arm, what was measured, and what was known before, each 0-1."""

    name: str
    arm: str
    value: float
    before: float | None


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Read a CSV, gzipped or not."""
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as lines:
        yield from csv.DictReader(lines)


def units(path: Path, unit: str, arm: str, metric: str, covariate: str | None) -> list[Unit]:
    """Read the learners in the order of the file.

    A covariate that leaves 0-1 is scaled to it by its least and its greatest value, which changes no adjusted
    difference.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If a value is no number, a metric is not within 0-1, a learner has two rows, or there are not two arms.
    """
    found = [
        Unit(row[unit], row[arm], _number(row[metric]), None if covariate is None else _number(row[covariate]))
        for row in rows(path)
    ]
    if len({each.name for each in found}) < len(found):
        message = "a learner has two rows: the events of a trial are made of one row each"
        raise ValueError(message)
    if any(not 0 <= each.value <= 1 for each in found):
        message = f"{metric} is not within 0 and 1: scale it first"
        raise ValueError(message)
    if len({each.arm for each in found}) != 2:  # noqa: PLR2004 - an A/B test
        message = f"{arm} does not hold two arms"
        raise ValueError(message)
    return _scaled(found)


def _number(word: str) -> float:
    return NUMBERS[word.upper()] if word.upper() in NUMBERS else float(word)


def _scaled(found: list[Unit]) -> list[Unit]:
    known = [each.before for each in found if each.before is not None]
    if not known or (min(known) >= 0 and max(known) <= 1):
        return found
    low, reach = min(known), max(known) - min(known)
    return [each._replace(before=None if each.before is None else (each.before - low) / reach) for each in found]


def event(kind: str, unit: Unit, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    """Write one event as its producer would have."""
    return {
        "specversion": "1.0",
        "id": f"{kind}-{unit.name}-{at:%Y%m%d%H%M%S}",
        "source": "trial",
        "type": f"fitly.{kind}.v1",
        "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "subject": unit.name,
        "data": data,
    }


def outcome(unit: Unit, at: datetime, metrics: dict[str, float]) -> dict[str, Any]:
    """Write what was measured of a learner."""
    return event(
        "outcome.recorded", unit, at, {"outcome_type": "ASSESSMENT_COMPLETED", "context": "ASSESSMENT", **metrics}
    )


def before(found: Iterable[Unit], name: str) -> Iterator[dict[str, Any]]:
    """Give the arm of each learner, and an outcome whose reward is the covariate: all four metrics at its value."""
    for number, unit in enumerate(found):
        at = STARTS + number * timedelta(seconds=10)
        yield event("learner.attributes", unit, at, {"attributes": {f"experiment:{name}": unit.arm}})
        if unit.before is not None:
            yield event("strategy.requested", unit, at + timedelta(seconds=1), {"context": "ASSESSMENT"})
            yield outcome(unit, at + timedelta(seconds=2), dict.fromkeys(METRICS.values(), unit.before))


def trial(found: list[Unit], name: str, measure: str, step: timedelta) -> Iterator[dict[str, Any]]:
    """Enrol each learner by a request, and bring the outcome before the next one comes.

    The last event says again what is known of the last learner, when every day of measuring is over and a day has
    closed: on a log whose time is that of its events, time passes by events.
    """
    first = (STARTS + len(found) * timedelta(seconds=10) + PAUSE).replace(hour=0, minute=0, second=0)
    at = first
    for number, unit in enumerate(found):
        at = first + number * step + step / 4
        yield event("strategy.requested", unit, at, {"context": "ASSESSMENT"})
        yield outcome(unit, at + step / 4, {METRICS[measure]: unit.value})
    close = (at + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)
    over = close + timedelta(hours=2)
    yield event("learner.attributes", found[-1], over, {"attributes": {f"experiment:{name}": found[-1].arm}})


def plan(found: Iterable[Unit], name: str, measure: str, control: str | None, planned: int) -> dict[str, Any]:
    """Write the plan: nobody is drawn (a share of 0), whoever was given an arm is in it."""
    arms = sorted({unit.arm for unit in found})
    control = arms[0] if control is None else control
    does = {arm: {"apply": False} if arm == control else {"strategy_variant": "BALANCED"} for arm in arms}
    return {
        "experiment_name": name,
        "experiment_type": "AB_TEST",
        "context": "ASSESSMENT",
        "variants": [{"variant_id": arm, "weight": 0.5, "config": does[arm]} for arm in arms],
        "control": control,
        "primary_metric": measure,
        "min_duration_days": 1,
        "measurement_days": 1,
        "planned_n": planned,
        "traffic_share": 0,
    }


def write(path: Path, made: Iterable[dict[str, Any]]) -> int:
    """Write one event per line, and give how many."""
    lines = [json.dumps(one, separators=(",", ":")) for one in made]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(lines)


def options() -> argparse.ArgumentParser:
    """Say what can be asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a CSV with one row per learner, plain or .gz")
    parser.add_argument("--unit", required=True, help="column that says whose row it is")
    parser.add_argument("--arm", required=True, help="column that says which arm the learner was in; two arms")
    parser.add_argument("--metric", required=True, help="column of what was measured, 0-1, true or false")
    parser.add_argument("--covariate", help="column of what was known before: becomes an outcome before the enrolment")
    parser.add_argument("--control", help="the arm that the other is compared with (default: the first by name)")
    parser.add_argument("--name", default="trial", help="of the experiment (default: trial)")
    parser.add_argument("--measure", choices=METRICS, default="completion", help="what the metric is to Fitly")
    parser.add_argument("--planned", type=int, default=5_000, help="planned size: tunes the always-valid p")
    parser.add_argument("--minutes", type=float, default=10.0, help="from one enrolment to the next (default: 10)")
    parser.add_argument("--folder", type=Path, required=True, help="where before.ndjson, trial.ndjson, plan.json go")
    return parser


def main() -> int:
    """Parse, turn, write, and say what was made on standard error."""
    parser = options()
    given = parser.parse_args()
    try:
        found = units(given.file, given.unit, given.arm, given.metric, given.covariate)
    except OSError as error:
        parser.error(f"{error.filename}: {error.strerror}: name the file of the trial")
    except KeyError as error:
        parser.error(f"there is no column {error}: give the names of the first line")
    except ValueError as error:
        parser.error(f"{given.file}: {error}")
    folder: Path = given.folder
    folder.mkdir(parents=True, exist_ok=True)
    earlier = write(folder / "before.ndjson", before(found, given.name))
    step = timedelta(minutes=given.minutes)
    later = write(folder / "trial.ndjson", trial(found, given.name, given.measure, step))
    said = plan(found, given.name, given.measure, given.control, given.planned)
    (folder / "plan.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    print(f"{len(found)} learners: {earlier} events before the start and {later} after it", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
