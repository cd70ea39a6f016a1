"""Simulated learners live days of old time on a real stack: every event is where it belongs, and it folds again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.journeys.conftest import Installation

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]

LEARNERS, DAYS = "25", "8"
WHO = ("--learners", LEARNERS, "--seed", "5", "--world", "untidy")


def test_an_untidy_population_is_found_in_the_bins_it_belongs_in(install: Callable[..., Installation]) -> None:
    fitly = install(as_of=True)
    said = fitly.fitly("simulate", *WHO, "--days", DAYS, "--report", "--json").json
    assert said["world"] == "untidy"
    assert [line for line in said["ledger"] if not line["holds"]] == []
    assert sum(line["sent"] for line in said["ledger"]) > 1_000
    assert said["all"]["decisions"] > 300
    assert said["all"]["applied_share"] > 0.3, "learners at MEDIUM and HIGH are personalized from the first day"
    assert len(said["effects"]) == 16
    assert fitly.fitly("verify", "--replay", "--json").json["holds"]

    again = fitly.fitly("simulate", *WHO, "--report").out
    assert "Effects on the population's reward" in again
    assert "Ledger" not in again, "nothing was sent"
    refused = fitly.fitly("simulate", *WHO, "--days", DAYS, status=None)
    assert "past the first of these days" in refused.err


def test_days_of_old_time_are_refused_on_a_live_log(install: Callable[..., Installation]) -> None:
    fitly = install(roles=())
    refused = fitly.fitly("simulate", "--learners", "2", "--days", "1", status=None)
    assert refused.status != 0
    assert "LIVE" in refused.err
