"""Verdicts and new weights are said once, when they are due, and whoever asks again has nothing more to say."""

from __future__ import annotations

from tests.core.partition import replace
from tests.core.trials import BANDIT, CANCELLED, KINDS, NAME, PAUSED, PLAN, started

from fitly.core.events import (
    ControlEvent,
    ControlPayload,
    ExperimentDefined,
    ExperimentJudged,
    ExperimentReweighted,
)
from fitly.core.experiments.concluding import conclusions
from fitly.core.experiments.lifecycle import lived
from fitly.core.experiments.plan import Bandit, BanditAlgorithm, Plan
from fitly.core.experiments.stated import MOST_KEPT
from fitly.core.names import EventKey
from fitly.core.numbers import DAY, Millis
from fitly.core.partials import Kind, Look
from fitly.core.revising import proposals
from fitly.wire.looks import reported

DAYS = 15


def said(*payloads: ControlPayload, plan: Plan = PLAN) -> list[ControlEvent]:
    """A history in which the experiment has started; all at moment 0."""
    events: tuple[ControlPayload, ...] = (ExperimentDefined(plan=plan), started(plan), *payloads)
    return [ControlEvent(n, EventKey(f"c{n}"), KINDS[type(each)], each, Millis(0)) for n, each in enumerate(events, 1)]


def measured(place: str, n: int, mean: float, sd: float) -> dict[str, int]:
    """Sums of so many learners, half of them above the mean and half below."""
    low, high = round((mean - sd) * 1e6), round((mean + sd) * 1e6)
    half = n // 2
    sums = {"n": n, "sum": half * (low + high), "squares": half * (low * low + high * high)}
    counts = {"enrolled": n, "measured": n, "with_outcome": n, "decisions": n, "joined": n, "outcomes": n}
    squared = {"dd": n, "jj": n, "dj": n}
    values = {f"composite.{part}": value for part, value in sums.items()}
    values |= {f"composite.filled.{part}": value for part, value in sums.items()} | {"composite.outcomes": n}
    epoch = {f"0.composite.{part}": value for part, value in sums.items()} | {"0.enrolled": n}
    return {f"{place}.{name}": value for name, value in (counts | squared | values | epoch).items()}


def look(
    history: list[ControlEvent], number: int = DAYS, *, effect: float = 0.1, slices: str = "a", last: Look | None = None
) -> Look:
    """A look at 1,000 learners of each variant, the second of whom fare better by so much; after another look."""
    sums: dict[str, int] = {}
    for slice_ in slices:
        sums |= measured(f"0.{slice_}", 1_000, 0.5, 0.1) | measured(f"1.{slice_}", 1_000, 0.5 + effect, 0.1)
    return reported(Look(Millis(number * DAY), sums, number, lived(history)[NAME]), last)[0]


def concluded(history: list[ControlEvent], seen: Look) -> list[ControlPayload]:
    return conclusions({(Kind.EXPERIMENTS, NAME): seen}, history)


def after(history: list[ControlEvent], *more: ControlPayload) -> list[ControlEvent]:
    """The history with what was concluded."""
    new = [
        ControlEvent(n, EventKey(f"c{n}"), KINDS[type(each)], each, Millis(0))
        for n, each in enumerate(more, len(history) + 1)
    ]
    return [*history, *new]


def test_a_winner_is_said_once() -> None:
    history = said()
    (judged,) = concluded(history, look(history))
    assert judged == ExperimentJudged(experiment_name=NAME, look=DAYS, winner="balanced", unmet=())
    history = after(history, judged)
    assert concluded(history, look(history)) == [], "the same look says the same"
    assert concluded(history, look(history, DAYS + 1)) == [], "so does the next"
    assert concluded(history, look(history, DAYS - 1, effect=0.0)) == [], "an older one comes too late"


def test_a_verdict_that_changes_is_said_again_with_what_is_missing() -> None:
    history = said()
    first = look(history, 3)
    (early,) = concluded(history, first)
    assert isinstance(early, ExperimentJudged)
    assert (early.winner, early.look) == (None, 3)
    assert "duration" in early.unmet
    history = after(history, early)
    second = look(history, last=first)
    (late,) = concluded(history, second)
    assert isinstance(late, ExperimentJudged)
    assert late.winner == "balanced"
    third = look(history, DAYS + 1, effect=0.0, last=second)
    (lost,) = concluded(after(history, late), third)
    assert isinstance(lost, ExperimentJudged)
    assert lost.winner is None


def test_verdicts_that_nobody_was_there_to_say_are_said_later_in_their_order() -> None:
    history = said()
    seen = look(history, 3)
    for number, effect in ((4, 0.1), (DAYS, 0.1), (DAYS + 1, 0.1), (DAYS + 2, 0.0)):
        seen = look(history, number, effect=effect, last=seen)
    early, late, lost = concluded(history, seen)
    assert isinstance(late, ExperimentJudged)
    assert (late.look, late.winner) == (DAYS, "balanced")
    assert concluded(after(history, early), seen) == [late, lost]
    assert concluded(after(history, early, late, lost), seen) == []


def test_of_verdicts_that_nobody_says_the_newest_are_kept() -> None:
    history = said()
    seen = look(history, 3)
    for number in range(4, 4 + 2 * MOST_KEPT):
        seen = look(history, number, effect=number % 2 / 10, last=seen)
    assert len(seen.stated) == MOST_KEPT
    assert seen.stated[-1].look == seen.number


def test_nothing_is_said_of_what_was_cancelled_of_what_is_unknown_and_of_other_sums() -> None:
    history = said()
    seen = look(history)
    assert concluded(after(history, CANCELLED), seen) == []
    assert concluded([], seen) == []
    assert conclusions({(Kind.SHADOWS, NAME): seen}, history) == []
    assert concluded(history, seen._replace(about=None)) == []
    assert proposals({(Kind.EXPERIMENTS, NAME): seen}, history) == concluded(history, seen)


def reweighted(history: list[ControlEvent], seen: Look) -> list[ExperimentReweighted]:
    return [each for each in concluded(history, seen) if isinstance(each, ExperimentReweighted)]


def test_a_bandits_weights_move_at_the_first_look_after_its_epoch_once() -> None:
    history = said(plan=BANDIT)
    assert reweighted(history, look(history, 6, slices="au")) == []
    (new,) = reweighted(history, look(history, 7, slices="au"))
    assert (new.epoch, new.look, new.experiment_name) == (1, 7, NAME)
    assert new.weights["balanced"] > 0.9, "epsilon-greedy"
    assert abs(sum(new.weights.values()) - 1) < 1e-9
    assert new.means["balanced"] is not None
    assert abs(new.means["balanced"] - 0.6) < 1e-3
    seen = look(history, 7, slices="au")
    history = after(history, new)
    assert reweighted(history, seen) == [], "the look is of the epoch before"
    assert reweighted(history, look(history, 6, slices="au")) == []


def test_nothing_measured_weighs_all_alike_and_a_pause_keeps_the_weights() -> None:
    plan = replace(BANDIT, bandit=Bandit(algorithm=BanditAlgorithm.THOMPSON))
    history = said(plan=plan)
    nothing = Look(Millis(8 * DAY), {}, 8, lived(history)[NAME])
    (new,) = reweighted(history, nothing)
    assert list(new.weights.values()) == [0.5, 0.5]
    assert reweighted(after(history, PAUSED), nothing) == []
    assert len(lived(after(history, *concluded(history, nothing)))[NAME].epochs) == 2, "and the partitions take it"
