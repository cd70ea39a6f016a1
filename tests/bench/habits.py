"""When learners study and what they do then: days of the week, an hour of the day, a sitting of half an hour.

Knows people and calendars. Must never know events or decisions.

The figures, and what they lean on. In the Open University's data (OULAD: 32,593 registrations, 10,655,280 rows of
student, material and day over nine months) a student opens one to two materials per calendar day, all of them on the
few days of the week on which there is any study at all, five or six materials at once; school homework (ASSISTments)
comes two to four evenings a week. Here a learner has one to seven days of study a week, 3.7 on average, and keeps
nine of ten: a busy course, a sitting on every second day. In a sitting: three to five pieces of content, in six of
ten an assessment, in three of ten a mission, and the session's end, a few minutes each. That is 5.9 outcomes a
sitting and 2.8 per learner and calendar day.
"""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

from fitly.core.numbers import DAY, HOUR
from fitly.core.vocabulary import Context

MINUTE: Final = HOUR // 60
DAYS_A_WEEK: Final = (8, 15, 22, 22, 20, 9, 4)
"""How many in a hundred learners study on one, two ... seven days a week."""
WEEKDAY_WEIGHTS: Final = (10, 10, 10, 10, 6, 4, 8)
"""How much each day of the week is liked, Monday first."""
KEPT: Final = 0.9
HOURS: Final = ((16.0, 2.5), (19.5, 1.5))
"""Learners' usual hours, mean and standard deviation: the afternoon's, and the evening's."""
EVENING: Final = 0.6
UNPUNCTUAL_H: Final = 1.0
EARLIEST_H: Final = 7.0
LATEST_H: Final = 22.0
CONTENTS: Final = (3, 5)
ASSESSED: Final = 0.6
ON_A_MISSION: Final = 0.3
PIECE_MINUTES: Final = (2.0, 9.0)
PAUSE_MS: Final = (2_000, 60_000)


class Habit(NamedTuple):
    """What is constant in a learner."""

    weekdays: frozenset[int]
    hour: float
    ability: float


class Piece(NamedTuple):
    """Something a learner works on, and when."""

    begin: int
    end: int
    context: Context


def habit(draw: Random) -> Habit:
    """Draw a learner."""
    count = draw.choices(range(1, 8), DAYS_A_WEEK)[0]
    liked = sorted(range(7), key=lambda day: draw.random() ** (1 / WEEKDAY_WEIGHTS[day]), reverse=True)
    hour = draw.gauss(*HOURS[draw.random() < EVENING])
    return Habit(frozenset(liked[:count]), hour, min(0.9, max(0.2, draw.gauss(0.6, 0.13))))


def studies(who: Habit, day: int, draw: Random) -> bool:
    """Tell whether a learner studies on the n-th day, the first being a Monday."""
    return day % 7 in who.weekdays and draw.random() < KEPT


def sitting(who: Habit, draw: Random) -> list[Piece]:
    """Give what a learner does in one sitting, in order; times count from the day's midnight."""
    hour = min(LATEST_H, max(EARLIEST_H, draw.gauss(who.hour, UNPUNCTUAL_H)))
    now = began = int((hour + draw.uniform(-0.5, 0.5)) * HOUR)
    contexts = [Context.CONTENT] * draw.randint(*CONTENTS)
    if draw.random() < ASSESSED:
        contexts.append(Context.ASSESSMENT)
    if draw.random() < ON_A_MISSION:
        contexts.append(Context.MISSION)
    pieces = []
    for context in contexts:
        begin = now + draw.randint(*PAUSE_MS)
        now = begin + int(draw.uniform(*PIECE_MINUTES) * MINUTE)
        pieces.append(Piece(begin, now, context))
    pieces.append(Piece(began, now + draw.randint(*PAUSE_MS), Context.SESSION))
    assert pieces[-1].end < DAY, "a sitting ends on the day it began"
    return pieces
