"""What people see of a report: every condition, the intervals over looks, and that a bandit's numbers are its own."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from tests.core.experiments.test_report import BANDIT, bandits, classes, crowd, grouped, told
from tests.core.experiments.trials import learner, plan, trial

from fitly.cli.intervals import Seen, drawn
from fitly.cli.reported import lay_out
from fitly.cli.reporting import chosen
from fitly.core.experiments.enrolment import How
from fitly.core.experiments.plan import Guardrail, Measure
from fitly.core.experiments.report import Report
from fitly.core.experiments.trial import Afterwards
from fitly.core.statistics.welch import Interval
from fitly.wire.looks import outgoing_report

ENGAGED = Guardrail(metric=Measure.ENGAGEMENT, margin=0.05)


def seen(of: Report, *history: Report, width: int = 120) -> str:
    """Give what is printed."""
    out = io.StringIO()
    lay_out(of, [*history, of], Console(file=out, width=width, highlight=False, markup=False))
    return out.getvalue()


def test_every_condition_is_named_with_its_mark() -> None:
    found = told(plan(min_duration_days=40), crowd((0.0, 0.1), 100))
    lines = seen(found).splitlines()
    for condition in found.verdict.conditions:
        (line,) = [line for line in lines if condition.name in line.split()]
        mark = ("✗", "✓")[condition.met] if isinstance(condition.met, bool) else "-"
        assert mark == line.split()[0]
    assert "Verdict: nobody has won yet" in lines
    assert "Verdict: A wins" in seen(told(plan(), crowd((0.0, 0.1), 100)))


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    learners = [
        one._replace(n_engagement=1, s_engagement=400_000 + 9 * i) for i, one in enumerate(crowd((0.0, 0.1), 90))
    ]
    lossy = [*learners, *[learner(1, None)] * 30]
    history = [told(plan(guardrails=(ENGAGED,)), lossy[: 20 * look], look=look) for look in range(1, 9)]
    text = seen(told(plan(guardrails=(ENGAGED,)), lossy), *history, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "always-valid intervals over looks" in text
    assert "MISMATCH" in text


def test_what_is_of_a_bandit_or_of_groups_or_of_a_roll_out_says_so() -> None:
    text = seen(told(trial(plan(bandit=BANDIT), [0.5, 0.5], [0.2, 0.8]), bandits(2)))
    assert "uniform slice" in text
    assert "BANDIT_ALLOCATED, describes only: A" in text
    assert "clustered by groups" in seen(told(grouped(), classes(0.1, 30)))
    rolled = [one._replace(how=How.ROLLED_OUT if one.variant else How.HELD_BACK) for one in crowd((0.0, 0.2), 30)]
    started = trial(plan(), afterwards=Afterwards.ROLL_OUT, winner="A")
    assert "rolled out, against who was held back: A +0.1" in seen(told(started, [*crowd((0.0, 0.1), 30), *rolled]))


def test_a_report_of_nobody_can_be_read() -> None:
    text = seen(told(plan(guardrails=(ENGAGED,)), []), width=80)
    assert "nothing can be foretold yet (TOO_FEW)" in text
    assert "always-valid intervals over looks" not in text


def test_factors_are_listed() -> None:
    cells = [{"tone": tone, "length": length} for tone in ("plain", "warm") for length in ("short", "long")]
    assert "length x tone" in seen(told(plan(4, cells=cells), crowd((0.0, 0.1, 0.1, 0.3), 30)))


def test_intervals_are_drawn_on_one_scale_with_a_line_at_zero() -> None:
    lines = drawn(
        [Seen("1", -0.5, Interval(-1.0, 0.0)), Seen("2", 0.5, Interval(0.25, 1.0)), Seen("3", None, None)], 43
    )
    zero = lines[2].index("┊")
    assert lines[0].index("┤") == zero == lines[1].index("┊")
    assert lines[3].split() == ["-1", "0", "+1"]
    assert drawn([Seen("1", None, None)], 40) == ["no interval yet"]


def test_the_newest_look_is_chosen_unless_another_is_asked_for() -> None:
    reports = [told(plan(), crowd((0.0, 0.1), 20), look=look) for look in (9, 10, 11, 0)]
    sent = [outgoing_report(each, 0) for each in reports]
    documents = {one.key: one.value for one in sent if one.key is not None and one.value is not None}
    newest, ninth = chosen(documents, None, provisional=False), chosen(documents, 9, provisional=False)
    between = chosen(documents, None, provisional=True)
    assert newest is not None
    assert ninth is not None
    assert between is not None
    assert (newest.report.look, newest.document["look"]) == (11, 11)
    assert [each.look for each in newest.history] == [9, 10, 11]
    assert [each.look for each in ninth.history] == [9]
    assert [each.look for each in between.history] == [9, 10, 11, 0]
    assert chosen(documents, 12, provisional=False) is None
    assert chosen({}, None, provisional=False) is None
