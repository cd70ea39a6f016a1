"""Real submissions of real learners, published in order of time to an AS_OF log: every line is accounted for."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import Installation
from tests.journeys.test_bad_input import bins

from fitly import store
from fitly.store import Snapshot

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
SUBMISSIONS, ASSESSMENTS = DATA / "oulad_submissions.csv.gz", DATA / "oulad_assessments.csv.gz"
STUDENT = "584914"

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not SUBMISSIONS.exists(), reason=f"the OULAD files are not in {DATA.name}/ beside this checkout"
    ),
]


def test_every_real_submission_is_in_a_bin_and_its_score_in_postgres(
    install: Callable[..., Installation], tmp_path: Path
) -> None:
    file = tmp_path / "oulad.ndjson"
    example = [sys.executable, str(ROOT / "examples" / "oulad.py"), "--submissions", str(SUBMISSIONS)]
    subprocess.run([*example, "--assessments", str(ASSESSMENTS), "--out", str(file)], check=True, timeout=120)
    events = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(events) == 18_080

    fitly = install(as_of=True)
    said = fitly.fitly("publish", str(file), "--as-of-event-time")
    assert "published 18,080 events" in said.out
    fitly.until(lambda: sum(bins(fitly).values()) - bins(fitly)["SYSTEM"] == 18_080, "all lines in bins")

    found = bins(fitly)
    orphans = without_a_standing_decision(events)
    assert {name: count for name, count in found.items() if name != "SYSTEM"} == {
        "APPLIED": len(events) - orphans,
        "ORPHAN": orphans,
    }, "ORPHAN only where nothing stood: a first submission, or one over 30 days after the last decision"

    proof = fitly.fitly("verify", "--replay", "--json").json
    assert proof["holds"], proof
    assert asyncio.run(sums(fitly)) == scores()

    asked = fitly.fitly("request", STUDENT, "assessment", "--json").json["data"]
    assert asked["user_id"] == STUDENT
    (row,) = fitly.fitly("table", "contexts", STUDENT, "--json").lines
    assert row["row"]["standing"]["decision_id"] == asked["decision_id"]
    tail = fitly.fitly("tail", "outcomes", "--no-follow", "--user", STUDENT, "--json").lines
    assert len(tail) == sum(event["subject"] == STUDENT for event in events)


def without_a_standing_decision(events: list[dict[str, Any]]) -> int:
    """Count the submissions for which nothing stood, by the definitions and not by the code.

    A submission brings a decision where none stands or the dwell (a day) is past; it stands for 30 days.
    """
    decided: dict[str, datetime] = {}
    orphans = 0
    for event in events:
        student, at = event["subject"], datetime.fromisoformat(event["time"])
        last = decided.get(student)
        orphans += last is None or at >= last + timedelta(days=30)
        if last is None or at >= last + timedelta(days=1):
            decided[student] = at
    return orphans


def scores() -> dict[str, int]:
    """Add up the file's scores per assessment, in millionths of the performance they become."""
    total: Counter[str] = Counter()
    with gzip.open(SUBMISSIONS, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            total[row["id_assessment"]] += int(float(row["score"] or 0) * 10_000)
    return dict(total)


async def sums(fitly: Installation) -> dict[str, int]:
    """Add up the performances in Postgres per assessment."""
    rows: Snapshot
    async with store.snapshot(fitly.settings.database_url) as rows:
        return {str(one.content_type).rpartition("-")[2]: one.performance for one in await rows.content_sums()}
