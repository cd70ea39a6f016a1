"""A learner's rights, exercised by commands: out, erased, searched for, and back with consent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.journeys.conftest import Installation
from tests.journeys.test_first_day import bins, event, mission

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(600)]


def test_a_learner_opts_out_is_erased_and_comes_back(install: Callable[..., Installation]) -> None:
    fitly = install()
    fitly.publish([event(1, "ada", "strategy.requested", {"context": "MISSION"}), mission(2, "ada"), mission(3, "bob")])

    said = fitly.fitly("preferences", "set", "ada", "--level", "none", "--acted-by", "guardian-7", "--json").json
    assert said["level"] == "NONE"
    fitly.publish([mission(4, "ada")])
    fitly.until(lambda: bins(fitly).get("OPTED_OUT") == 1, "the outcome of whoever opted out is counted")
    answer = fitly.fitly("request", "ada", "mission", "--json").json
    assert answer["data"]["mode"] == "OPTED_OUT"
    assert fitly.fitly("preferences", "reset", "ada", "--scope", "both", "--json").json["level"] == "NONE"

    fitly.fitly("verify")
    held = fitly.fitly("export", "ada").json
    assert [len(held[part]) for part in ("learner", "contexts", "outcomes")] == [1, 1, 2]
    assert held["tables"]["personalization_preferences"][0]["level"] == "NONE"
    assert fitly.fitly("verify", "--erased", "ada", "--json", status=1).json["erased_at"] is None

    fitly.fitly("erase", "ada", given="n\n", status=1)
    assert "erased;" in fitly.fitly("erase", "ada", "--reason", "left", given="y\n").out
    assert "before" in fitly.fitly("erase", "ada", "--yes").out
    fitly.publish([mission(5, "ada"), mission(6, "bob")])
    assert "erased" in fitly.fitly("preferences", "set", "ada", "--level", "high", status=1).err
    assert "erased" in fitly.fitly("preferences", "get", "ada", status=1).err

    proof = fitly.fitly("verify", "--replay", "--json").json
    assert proof["holds"], proof
    assert proof["bins"]["ERASED"] == 3
    found = fitly.fitly("verify", "--erased", "ada", "--json").json
    assert found["gone"]
    assert found["erased_at"] is not None
    assert {one["where"] for one in found["stands"]} == {
        "learner-events",
        "strategy-selected",
        "outcomes",
        "fitly-learners-changelog",
        "fitly-contexts-changelog",
    }
    assert all(one["until"] for one in found["stands"]), "each says until when; no table and no row holds the id"
    (kept,) = [one["why"] for one in found["stands"] if one["where"] == "learner-events"]
    assert kept == "the retention of 30 days"

    said = fitly.fitly("preferences", "set", "ada", "--consent", "--level", "low", "--json").json
    assert (said["level"], said["consented_at"] is None) == ("LOW", False)
    assert fitly.fitly("request", "ada", "mission", "--json").json["data"]["supersedes"] is None
    proof = fitly.fitly("verify", "--replay", "--json").json
    assert proof["holds"], proof
