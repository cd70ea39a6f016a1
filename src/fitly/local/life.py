"""Days of a population's life, round by round: what arrives when, given what stands.

Knows habits, delays and everything else that makes a log untidy. Must never know Kafka or the fold: whoever plays the
rounds tells what stands before each, so that the loop between decision and outcome is closed.

Two rounds a day. Before six in the morning applications ask what to do; in the hours after, learners finish things
under what stands by then. Between the rounds decisions have time to come back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from heapq import heappop, heappush
from random import Random
from typing import Any, Final, NamedTuple

from fitly.core.dedupe import ACCEPTANCE_DAYS
from fitly.core.numbers import DAY, HOUR, Millis, to_datetime, to_millis
from fitly.core.vocabulary import Context, Level
from fitly.local.simulate import START, Event, Learner, Oracle, Population, Standing
from fitly.local.worlds import Untidiness

MORNING: Final = 6
"""The hour at which the second round of a day begins."""
NIGHT: Final = 23.5
"""The latest hour of a day at which anything happens."""
REPEAT_HOURS: Final = 48.0
"""A repeated event comes within so many hours."""
AMEND_DAYS: Final = (1.0, 3.0)
TOO_LATE_DAYS: Final = ACCEPTANCE_DAYS + 4
LONGEST_DELAY_DAYS: Final = ACCEPTANCE_DAYS - 5
"""What is delayed comes in time all the same, and so does what puts it right."""


class Arrival(NamedTuple):
    """An event, and when it reaches the log; ordered by that."""

    at: Millis
    number: int
    event: Event


class Round(NamedTuple):
    """What arrives between one moment and another, in order."""

    begin: Millis
    end: Millis
    arrivals: list[Arrival]


class Life:
    """A population, day by day.

    Parameters
    ----------
    people : Population
        Who lives.
    days : int
        How long.
    start : datetime
        Midnight of the first day.

    Attributes
    ----------
    sent : Counter
        Arrivals given so far, by what they are: ``outcome``, ``request``, ``repeat``, ``late`` …
    gone : set of int
        Learners who dropped out.
    """

    def __init__(self, people: Population, *, days: int, start: datetime = START) -> None:
        self.people = people
        self.days = days
        self.start = to_millis(start)
        self.learners = [people.learner(index) for index in range(people.size)]
        self.sent: Counter[str] = Counter()
        self.gone: set[int] = set()
        self._waiting: list[tuple[Arrival, str]] = []
        self._number = 0
        self._asked: set[tuple[int, Context]] = set()

    def rounds(self, standing: Oracle) -> Iterator[Round]:
        """Give the rounds; what stands is asked when a round is taken, for all of it.

        Parameters
        ----------
        standing : callable
            What a learner's application has heard of by then.
        """
        for day in range(self.days):
            midnight = Millis(self.start + day * DAY)
            morning = Millis(midnight + MORNING * HOUR)
            at_work = [(learner, self._draw(day, learner)) for learner in self.learners if self._studies(day, learner)]
            for learner, draw in at_work:
                self._ask(day, learner, draw)
            yield self._round(midnight, morning)
            for learner, draw in at_work:
                self._work(day, learner, draw, standing)
            yield self._round(morning, Millis(midnight + DAY))

    # -- one learner's day -----------------------------------------------------------------------------------

    def _draw(self, day: int, learner: Learner) -> Random:
        return self.people.draw("day", day, learner.number)

    def _studies(self, day: int, learner: Learner) -> bool:
        if learner.number in self.gone:
            return False
        return self.people.draw("studies", day, learner.number).random() < learner.diligence

    def _ask(self, day: int, learner: Learner, draw: Random) -> None:
        """Let the application ask, before the first thing in a context and now and then; set the level at first."""
        people, untidy = self.people, self.people.world.untidy
        new = all((learner.number, context) not in self._asked for context in people.world.contexts)
        if new and people.world.class_size:
            at = self._moment(day, 2.0)
            self._put("groups", at, people.groups(learner, to_datetime(at)))
        if new and learner.level is not Level.MEDIUM:
            self._prefer(day, learner, {"level": learner.level.value}, 3.0)
        elif day == self.days // 2 and people.draw("leaves", learner.number).random() < untidy.opted_out:
            self._prefer(day, learner, {"level": Level.NONE.value}, 3.0)
        for context in people.world.contexts:
            hour = draw.uniform(3.5, MORNING)
            if (learner.number, context) in self._asked and draw.random() >= people.world.asks:
                continue
            self._asked.add((learner.number, context))
            at = self._moment(day, hour)
            name = f"{day}-{learner.number}-{context[0]}r"
            self._send("request", at, people.request(name, learner, context, to_datetime(at)), draw)

    def _prefer(self, day: int, learner: Learner, what: dict[str, Any], hour: float) -> None:
        at = self._moment(day, hour)
        event = self.people.event(
            "fitly.preferences.changed.v1", f"{day}-{learner.number}-p", learner.user_id, to_datetime(at), what
        )
        self._put("preferences", at, event)

    def _work(self, day: int, learner: Learner, draw: Random, standing: Oracle) -> None:
        """Let a learner finish things in each context, one after the other."""
        people, untidy = self.people, self.people.world.untidy
        hour = learner.hour + draw.uniform(-1.0, 1.0)
        for context in people.world.contexts:
            stands = standing(learner.user_id, context)
            shown = stands if stands is None else self._on_screen(day, learner, context, stands, draw)
            for turn in range(people.world.outcomes):
                hour = min(NIGHT, hour + draw.uniform(0.05, 0.4))
                at = self._moment(day, hour)
                name = f"{day}-{learner.number}-{context[0]}{turn}"
                event = people.outcome(name, learner, context, to_datetime(at), shown, day=day)
                self._hand_in(learner, event, at, draw)
            choice = shown.variant if shown is not None and shown.apply else None
            if untidy.drop_out and draw.random() < untidy.drop_out.get(choice, 0.0):
                self.gone.add(learner.number)
                return

    def _on_screen(self, day: int, learner: Learner, context: Context, stands: Standing, draw: Random) -> Standing:
        """Give what the learner really sees; where that is not what was decided, the application says so."""
        unshown = self.people.world.untidy.unshown
        if not (stands.apply and unshown and draw.random() < unshown):
            return stands
        at = self._moment(day, MORNING + 0.1)
        data = {"decision_id": stands.decision_id, "applied": False, "reason": "the screen was offline"}
        name = f"{day}-{learner.number}-{context[0]}d"
        event = self.people.event("fitly.decision.applied.v1", name, learner.user_id, to_datetime(at), data)
        self._put("denial", at, event)
        return Standing(stands.decision_id, apply=False, variant=None)

    def _hand_in(self, learner: Learner, event: Event, at: Millis, draw: Random) -> None:
        """Let an outcome arrive: mostly at once, sometimes late or wrong and put right."""
        untidy = self.people.world.untidy
        fate = draw.random() if _is_untidy(untidy) else 1.0
        if fate < untidy.late:
            self._put("late", Millis(at + TOO_LATE_DAYS * DAY), event)
            return
        arrives = at
        if untidy.delayed and draw.random() < untidy.delayed:
            arrives = Millis(at + int(draw.expovariate(1 / untidy.delay_hours) * HOUR))
            arrives = min(arrives, Millis(at + LONGEST_DELAY_DAYS * DAY))
        self._send("outcome", arrives, event, draw)
        fate -= untidy.late
        if 0 <= fate < untidy.corrected + untidy.withdrawn:
            self._amend(learner, event, arrives, draw, withdrawn=fate >= untidy.corrected)

    def _amend(self, learner: Learner, event: Event, arrived: Millis, draw: Random, *, withdrawn: bool) -> None:
        """Make the outcome wrong, and put it right later: the truth is what was drawn for it at first."""
        at = Millis(arrived + int(draw.uniform(*AMEND_DAYS) * DAY))
        if at >= self.end:
            return
        data, metrics = event["data"], self.people.world.metrics[Context(event["data"]["context"])]
        right = {name: data[name] for name in metrics if name in data}
        data.update({name: round(draw.random(), 6) for name in right})
        said: dict[str, Any] = {
            "context": data["context"],
            "outcome_source": event["source"],
            "outcome_id": event["id"],
            **({"withdrawn": True} if withdrawn else right),
        }
        name = event["id"].removeprefix(f"{self.people.run}-") + "c"
        amended = self.people.event("fitly.outcome.corrected.v1", name, learner.user_id, to_datetime(at), said)
        self._put("withdrawal" if withdrawn else "correction", at, amended)

    # -- arrivals --------------------------------------------------------------------------------------------

    @property
    def end(self) -> int:
        """When the last day ends; what would arrive later never does."""
        return self.start + self.days * DAY

    def _moment(self, day: int, hour: float) -> Millis:
        return Millis(self.start + day * DAY + int(hour * HOUR))

    def _send(self, what: str, at: Millis, event: Event, draw: Random) -> None:
        """Let an event arrive, perhaps twice."""
        self._put(what, at, event)
        repeated = self.people.world.untidy.repeated
        if repeated and draw.random() < repeated:
            self._put("repeat", Millis(at + int(draw.uniform(0, REPEAT_HOURS) * HOUR)), event)

    def _put(self, what: str, at: Millis, event: Event) -> None:
        if at < self.end:
            self._number += 1
            heappush(self._waiting, (Arrival(at, self._number, event), what))

    def _round(self, begin: Millis, end: Millis) -> Round:
        arrivals = []
        while self._waiting and self._waiting[0][0].at < end:
            arrival, what = heappop(self._waiting)
            self.sent[what] += 1
            arrivals.append(arrival)
        return Round(begin, end, arrivals)


def _is_untidy(untidy: Untidiness) -> bool:
    return bool(untidy.late or untidy.corrected or untidy.withdrawn)
