"""The audit log names whoever revised a policy; other control events are nobody's act."""

from __future__ import annotations

from tests.core.partition import BIRTH
from tests.core.trials import ABOUT, KINDS, NAME, PLAN, started

from fitly.core.auditing import UNNAMED, audit_record
from fitly.core.events import (
    ControlEvent,
    ControlPayload,
    ExperimentDefined,
    ExperimentJudged,
    ExperimentPaused,
    LogOpened,
    PolicyRevised,
)
from fitly.core.names import EventKey
from fitly.core.numbers import Millis, to_datetime
from fitly.core.rules import Policy
from fitly.core.vocabulary import ClockMode

NOW = Millis(1_000_000)


def event(data: ControlPayload) -> ControlEvent:
    return ControlEvent(3, EventKey("k"), KINDS[type(data)], data, NOW)


def test_a_revision_is_the_act_of_whoever_made_it() -> None:
    found = audit_record(event(PolicyRevised(revision=2, policy=Policy(), note="calmer\0", by="ada")))
    assert found is not None
    assert (found.actor, found.action, found.user_id) == ("ada", "policy.revised", None)
    assert found.detail == {"revision": 2, "control_number": 3, "note": "calmer\ufffd"}
    assert found.occurred_at == to_datetime(NOW)


def test_a_revision_that_nobody_signed_for_is_unnamed() -> None:
    found = audit_record(event(PolicyRevised(revision=1, policy=Policy())))
    assert found is not None
    assert found.actor == UNNAMED


def test_the_opening_of_a_log_is_nobodys_act() -> None:
    assert audit_record(event(LogOpened(birth_id=BIRTH, clock_mode=ClockMode.LIVE, partitions=1))) is None


def test_what_people_do_with_an_experiment_is_told_with_its_name_and_why() -> None:
    paused = audit_record(event(ExperimentPaused(**ABOUT, stop_applying=True, reason="complaints\0", by="ada")))
    assert paused is not None
    assert (paused.actor, paused.action) == ("ada", "experiment.paused")
    assert paused.detail == {
        "experiment_name": NAME, "stop_applying": True, "reason": "complaints\ufffd", "control_number": 3
    }  # fmt: skip
    defined = audit_record(event(ExperimentDefined(plan=PLAN)))
    assert defined is not None
    assert (defined.actor, defined.action) == (UNNAMED, "experiment.defined")
    assert defined.detail == {"experiment_name": NAME, "control_number": 3}
    begun = audit_record(event(started()))
    assert begun is not None
    assert begun.action == "experiment.started"


def test_a_verdict_is_nobodys_act() -> None:
    assert audit_record(event(ExperimentJudged(**ABOUT, look=1))) is None
