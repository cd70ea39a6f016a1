"""What tables show of reports: every look, and of the newest who is in it and who has won."""

from __future__ import annotations

from tests.core.experiments.test_report import crowd, told
from tests.core.experiments.trials import plan

from fitly.core.experiments.records import experiment_id
from fitly.core.experiments.results import found_record, result_record


def test_a_look_is_kept_with_what_was_published() -> None:
    look = told(plan(), crowd((0.0, 0.1), 30))
    record = result_record(look, {"look": 30})
    assert (record.experiment_id, record.look, record.is_provisional) == (experiment_id("try"), 30, False)
    assert (record.report, record.closed_at) == ({"look": 30}, look.closed_at)


def test_the_newest_look_tells_who_has_won_and_the_newest_view_who_is_in() -> None:
    look = told(plan(), crowd((0.0, 0.2), 50))
    between = told(plan(), crowd((0.0, 0.2), 51), look=0)
    assert between.closed_at < look.closed_at
    found = found_record([between, look])
    assert found is not None
    assert (found.winning_variant, found.significance_kind, found.current_participants) == ("A", "SEQUENTIAL", 100)
    assert found.statistical_significance == look.verdict.significance
    assert found.variant_metrics["A"]["composite"]["n"] == 50  # type: ignore[call-overload, index]


def test_a_view_between_looks_decides_nothing() -> None:
    found = found_record([told(plan(), crowd((0.0, 0.2), 50), look=0)])
    assert found is not None
    assert (found.winning_variant, found.statistical_significance, found.current_participants) == (None, None, 100)
    early = found_record([told(plan(min_duration_days=60), crowd((0.0, 0.2), 50))])
    assert early is not None
    assert (early.winning_variant, early.significance_kind) == (None, None)
    assert found_record([]) is None
