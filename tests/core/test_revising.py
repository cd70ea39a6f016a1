"""What a look gives to say is said once, and again only when it has moved."""

from __future__ import annotations

from fitly.core.events import ControlEvent, ControlPayload, LogOpened, PriorsRevised
from fitly.core.names import EventKey
from fitly.core.numbers import Millis
from fitly.core.partials import Kind, Look
from fitly.core.revising import revisions
from fitly.core.vocabulary import ClockMode, Context


def look(n: int, total: int) -> Look:
    return Look(Millis(0), {"ALL.n": n, "ALL.sum": total})


def said(*payloads: ControlPayload) -> list[ControlEvent]:
    return [ControlEvent(n, EventKey(f"c{n}"), "", data, Millis(0)) for n, data in enumerate(payloads, 1)]


OPENED = LogOpened(birth_id="6f1c7d1e-9a0b-4f57-8d0c-5b1f0d3e7a21", clock_mode=ClockMode.LIVE, partitions=4)
LOOKS = {(Kind.PRIORS, "MISSION"): look(20, 18_000_000), (Kind.PRIORS, "SESSION"): look(20, 10_000_000)}


def test_each_context_is_told_of_by_itself() -> None:
    found = revisions(LOOKS, said(OPENED))
    assert [one.context for one in found if isinstance(one, PriorsRevised)] == [Context.MISSION, Context.SESSION]


def test_what_was_said_last_is_not_said_again() -> None:
    once = revisions(LOOKS, [])
    assert revisions(LOOKS, said(OPENED, *once)) == []
    moved = LOOKS | {(Kind.PRIORS, "MISSION"): look(20, 2_000_000)}
    (again,) = revisions(moved, said(OPENED, *once))
    assert isinstance(again, PriorsRevised)
    assert again.context is Context.MISSION
    assert len(revisions(LOOKS, said(OPENED, *once, again))) == 1, "it counts what was said last, not whether ever"


def test_looks_that_are_not_of_the_priors_say_nothing() -> None:
    other = {(Kind.SHADOWS, "MISSION"): look(20, 18_000_000), (Kind.PRIORS, "no context"): look(1, 1)}
    assert revisions(other, []) == []
