"""When an experiment is looked at, and at which sums: a function of what the partitions said, in whatever order.

Knows the closing words of partitions. Must never know what is made of a look.

A look is taken at the close of a UTC day of the event clock, once every partition has passed it. Each partition says
its sums once when its clock passes into another day, and says with them which closes that passes: so for each close
there is exactly one word of each partition, whichever way they arrive and however often. Where the log was silent for
days one word stands for several closes; then only the last close is looked at that has the same words.

What was compared when the experiment ended stays as it was at the close of that day, for as long as it is rolled out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fitly.core.experiments.sums import is_of_roll_out
from fitly.core.experiments.trial import Afterwards, Trial
from fitly.core.numbers import DAY, Day, Millis, day_of
from fitly.core.partials import Closing, Look, Partial, merged


def closes(trial: Trial, passed: Closing) -> bool:
    """Tell whether a partition has to say an experiment's sums when its clock passes into another day.

    From its start on, and until the close of the day in which it ended; while it is rolled out for ever.
    """
    if trial.started_at is None or passed.day <= day_of(trial.started_at):
        return False
    ended = trial.ended_at
    return ended is None or trial.afterwards is Afterwards.ROLL_OUT or passed.after <= day_of(ended)


def newest_about(words: Iterable[Partial]) -> Partial | None:
    """Give the word that knows most control events; of several the one in whose partition the weights came last.

    Partitions' clocks differ: so an epoch is over where this one says so, and everywhere else as well.
    """
    return max(words, key=lambda word: (word.control, _weighed(word), -word.partition), default=None)


def _weighed(word: Partial) -> int:
    """Give since when the weights of an experiment are in force in a partition; -1 before its start."""
    return -1 if word.about is None or word.about.epoch is None else word.about.epoch.since


def next_look(said: Mapping[int, Sequence[Partial]], partitions: int, last: Look | None) -> Look | None:
    """Give the next look, None while some partition has not passed the close.

    Parameters
    ----------
    said : mapping
        Partition -> its closing words of one experiment, in any order; those of closes before the last look may be
        missing.
    partitions : int
        How many there are.
    last : Look or None
        The last look at the experiment.

    Returns
    -------
    Look or None
        Its clock is the close. Looks are numbered by closes, from the first one after every partition had started.
    """
    started = [_started(said[each]) for each in said if said[each]]
    if len(started) < partitions:
        return None
    first = Day(max(started) + 1)
    due = first if last is None else Day(day_of(last.clock) + 1)
    words: list[Partial] = []
    for each in range(partitions):
        word = next((one for one in said[each] if _passes(one, due)), None)
        if word is None:
            return None
        words.append(word)
    day = min(word.closes.day for word in words if word.closes is not None)
    about = newest_about(words)
    number = day - first + 1 if last is None else last.number + day - day_of(last.clock)
    sums = since_its_end(merged(words), last)
    return Look(Millis(day * DAY), sums, number, None if about is None else about.about)


def since_its_end(sums: Mapping[str, int], last: Look | None) -> dict[str, int]:
    """Give sums in which nothing moves any more that was compared, once the day of the end was looked at.

    A roll-out goes on and is counted; who was enrolled before and is measured only then, or joins it, changes no
    comparison.

    Parameters
    ----------
    sums : mapping
        What the words of the partitions add up to now.
    last : Look or None
        The last look at the experiment.
    """
    ended = None if last is None or last.about is None else last.about.ended_at
    if last is None or ended is None or day_of(last.clock) <= day_of(ended):
        return dict(sums)
    kept = {name: value for name, value in last.sums.items() if not is_of_roll_out(name)}
    return kept | {name: value for name, value in sums.items() if is_of_roll_out(name)}


def _started(words: Sequence[Partial]) -> Day:
    """Give the day in which the experiment started in a partition; all its words say the same."""
    about = words[0].about
    assert about is not None  # noqa: S101 - a closing word says what it is about
    assert about.started_at is not None  # noqa: S101 - and closes nothing before the start
    return day_of(about.started_at)


def _passes(word: Partial, day: Day) -> bool:
    return word.closes is not None and word.closes.after < day <= word.closes.day
