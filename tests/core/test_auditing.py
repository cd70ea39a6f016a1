"""The audit log names whoever revised a policy; other control events are nobody's act."""

from __future__ import annotations

from tests.core.partition import BIRTH

from fitly.core.auditing import UNNAMED, audit_record
from fitly.core.events import ControlEvent, ControlPayload, LogOpened, PolicyRevised
from fitly.core.names import EventKey
from fitly.core.numbers import Millis, to_datetime
from fitly.core.rules import Policy
from fitly.core.vocabulary import ClockMode

NOW = Millis(1_000_000)


def event(data: ControlPayload) -> ControlEvent:
    return ControlEvent(3, EventKey("k"), "kind", data, NOW)


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
