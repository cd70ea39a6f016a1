"""Turn real submissions of the Open University into events that ``fitly publish`` takes.

One ``fitly.outcome.recorded.v1`` per line of the submissions, in order of time. Start a stack for old data, then
publish::

    fitly up --as-of --data oulad &
    python examples/oulad.py --submissions S.csv.gz --assessments A.csv.gz --out oulad.ndjson
    fitly publish oulad.ndjson --as-of-event-time --data oulad

The data set (CC BY 4.0): J. Kuzilek, M. Hlosta, Z. Zdrahal, "Open University Learning Analytics dataset", Scientific
Data 4:170171 (2017). It gives days counted from the start of a presentation, and presentations by year and letter,
B for those starting in February and J for October; ``STARTS`` puts them into the calendar on the first of the month.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

STARTS: Final = {
    "2013B": datetime(2013, 2, 1, tzinfo=UTC),
    "2013J": datetime(2013, 10, 1, tzinfo=UTC),
    "2014B": datetime(2014, 2, 1, tzinfo=UTC),
    "2014J": datetime(2014, 10, 1, tzinfo=UTC),
}


class Assessment(NamedTuple):
    """What a submission was for."""

    module: str
    presentation: str


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Read a CSV, gzipped or not."""
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as lines:
        yield from csv.DictReader(lines)


def event(row: dict[str, str], assessment: Assessment) -> dict[str, Any]:
    """Make one submission the event its producer would have sent.

    ``completion_rate`` is 1: something was handed in. A missing score (``""`` or ``?``) leaves the performance out.
    ``content_type`` names the assessment, so that scores can be added up per assessment in Postgres.
    """
    start = STARTS[assessment.presentation]
    moment = start + timedelta(days=int(float(row["date_submitted"])))
    data: dict[str, Any] = {
        "outcome_type": "ASSESSMENT_COMPLETED",
        "context": "ASSESSMENT",
        "completion_rate": 1.0,
        "content_type": f"{assessment.module}-{assessment.presentation}-{row['id_assessment']}",
    }
    if row["score"] not in {"", "?"}:
        data["performance_score"] = float(row["score"]) / 100
    return {
        "specversion": "1.0",
        "id": f"{row['id_assessment']}-{row['id_student']}",
        "source": "oulad",
        "type": "fitly.outcome.recorded.v1",
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "subject": row["id_student"],
        "data": data,
    }


def events(submissions: Path, assessments: Path) -> list[dict[str, Any]]:
    """Give all events in order of time; lines of one moment stay in the order of the file.

    Raises
    ------
    KeyError
        If a submission names an assessment, or an assessment a presentation, that is not known.
    """
    known = {
        row["id_assessment"]: Assessment(row["code_module"], row["code_presentation"]) for row in rows(assessments)
    }
    found = [event(row, known[row["id_assessment"]]) for row in rows(submissions)]
    return sorted(found, key=lambda made: made["time"])


def write(made: list[dict[str, Any]], out: TextIO) -> None:
    """Write one event per line."""
    out.writelines(json.dumps(one, separators=(",", ":")) + "\n" for one in made)


def main() -> int:
    """Parse, turn, write, and say what was made on standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--submissions", type=Path, required=True, help="oulad_submissions.csv[.gz] (studentAssessment)"
    )
    parser.add_argument("--assessments", type=Path, required=True, help="oulad_assessments.csv[.gz] (assessments)")
    parser.add_argument("--out", default="-", help="file to write; - for standard output (default)")
    given = parser.parse_args()
    try:
        made = events(given.submissions, given.assessments)
    except OSError as error:
        parser.error(f"{error.filename}: {error.strerror}: name the file that holds the data set")
    except KeyError as error:
        parser.error(f"{error} is named in one file and unknown in the other: give both files of the same data set")
    with nullcontext(sys.stdout) if given.out == "-" else Path(given.out).open("w", encoding="utf-8") as out:
        write(made, out)
    scored = sum("performance_score" in one["data"] for one in made)
    print(
        f"{len(made)} events of {len({one['subject'] for one in made})} students, {scored} with a score, "
        f"{made[0]['time']} to {made[-1]['time']}",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
