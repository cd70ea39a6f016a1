"""The example turns each submission into the event its producer would have sent, whatever the file leaves out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from fitly.wire.events import parse_event

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "oulad.py"
ASSESSMENTS = "code_module,code_presentation,id_assessment\nAAA,2013J,1\nBBB,2014B,2\n"
SUBMISSIONS = "id_assessment,id_student,date_submitted,is_banked,score\n2,11,3,0,\n1,10,-2,1,78\n1,12,0,0,?\n"


def run(folder: Path, submissions: str) -> subprocess.CompletedProcess[str]:
    """Run the example over two small files."""
    (folder / "s.csv").write_text(submissions)
    (folder / "a.csv").write_text(ASSESSMENTS)
    command = [
        sys.executable,
        str(EXAMPLE),
        "--submissions",
        str(folder / "s.csv"),
        "--assessments",
        str(folder / "a.csv"),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_days_become_dates_in_order_and_missing_scores_leave_completion(tmp_path: Path) -> None:
    lines = run(tmp_path, SUBMISSIONS).stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["time"] for event in events] == [
        "2013-09-29T00:00:00Z",
        "2013-10-01T00:00:00Z",
        "2014-02-04T00:00:00Z",
    ]
    assert [event["data"].get("performance_score") for event in events] == [0.78, None, None]
    assert {event["data"]["completion_rate"] for event in events} == {1.0}
    assert [event["id"] for event in events] == ["1-10", "1-12", "2-11"]
    assert [event["data"]["content_type"] for event in events] == ["AAA-2013J-1", "AAA-2013J-1", "BBB-2014B-2"]
    assert [parse_event(line.encode()).user_id for line in lines] == ["10", "12", "11"]


def test_a_submission_for_an_unknown_assessment_is_told(tmp_path: Path) -> None:
    said = run(tmp_path, SUBMISSIONS + "9,10,1,0,50\n")
    assert said.returncode == 2
    assert "'9' is named in one file and unknown in the other" in said.stderr
