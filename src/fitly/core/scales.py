"""What a parameter may be: its default, its bounds, what one step is, and how several suggestions become one value.

Knows numbers, words, weights and hours, and which of them each feature is. Must never know insights or variants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from fitly.core.decisions import ParameterValue
from fitly.core.vocabulary import ContentSequence, Feature, Intervention


class Suggestion(NamedTuple):
    """What one insight would have a parameter be; ``lean`` is how much the variant listens, 0-1."""

    target: Any
    lean: float


class Number(NamedTuple):
    """A number between two bounds, in whole units; several suggestions are averaged.

    A suggestion with lean 1 is followed, one with lean 0.5 half-way; leans that add to more than 1 share it.

    >>> Number(3, 1, 5, unit=1, step=1).blend([Suggestion(5, 0.5), Suggestion(1, 1)])
    (2.3333333333333335, 1)
    """

    default: float
    low: float
    high: float
    unit: float
    step: float

    def blend(self, said: Sequence[Suggestion]) -> tuple[float, int]:
        """Give the value between the default and what is suggested, and which suggestion moved it most."""
        pulls = [each.lean * (min(max(each.target, self.low), self.high) - self.default) for each in said]
        move = sum(pulls) / max(1.0, sum([each.lean for each in said]))
        return self.default + move, pulls.index(max(pulls) if move > 0 else min(pulls))

    def gently(self, value: float) -> float:
        """Keep within one step of the default."""
        return min(max(value, self.default - self.step), self.default + self.step)

    def finished(self, value: float) -> ParameterValue:
        """Round to whole units, half to even."""
        units = round(value / self.unit)
        return units * int(self.unit) if self.unit >= 1 else round(units * self.unit, 1)


class Words(NamedTuple):
    """One of a few words, the default first; ``gentler`` is what a word becomes where only one step may be gone.

    >>> order = Words(("BLOCKED", "WARM_UP_FIRST", "SPACED"), {"SPACED": "WARM_UP_FIRST"})
    >>> order.gently("SPACED"), order.gently("WARM_UP_FIRST")
    ('WARM_UP_FIRST', 'WARM_UP_FIRST')
    """

    words: tuple[str, ...]
    gentler: Mapping[str, str]

    @property
    def default(self) -> str:
        """The word that stands where nothing is suggested."""
        return self.words[0]

    def blend(self, said: Sequence[Suggestion]) -> tuple[str, int]:
        """Give the word that is most listened to, of equals the first."""
        leans = [each.lean for each in said]
        leader = leans.index(max(leans))
        return str(said[leader].target), leader

    def gently(self, value: str) -> str:
        """Take the gentler form, where a word is more than one step away."""
        return self.gentler.get(value, value)

    def finished(self, value: str) -> ParameterValue:
        """A word is what it is."""
        return value


class Weights(NamedTuple):
    """Shares of a few names that add to 1, in hundredths; several suggestions are averaged.

    >>> Weights(("A", "B", "C")).finished((1 / 3, 1 / 3, 1 / 3))
    {'A': 0.34, 'B': 0.33, 'C': 0.33}
    """

    names: tuple[str, ...]
    step: float = 0.1

    @property
    def equal(self) -> float:
        """The share of each where nothing is suggested."""
        return 1 / len(self.names)

    @property
    def default(self) -> Mapping[str, float]:
        """All equal."""
        return dict.fromkeys(self.names, self.equal)

    def blend(self, said: Sequence[Suggestion]) -> tuple[tuple[float, ...], int]:
        """Give the shares between equal ones and what is suggested, and which suggestion moved them most."""
        leans = max(1.0, sum([each.lean for each in said]))
        moves = [[each.lean * (each.target[name] - self.equal) for name in self.names] for each in said]
        shares = tuple([self.equal + sum(part) / leans for part in zip(*moves, strict=True)])
        sizes = [sum([abs(part) for part in move]) for move in moves]
        return shares, sizes.index(max(sizes))

    def gently(self, value: Sequence[float]) -> tuple[float, ...]:
        """Move no share by more than one step, all in proportion."""
        most = max(self.step, *[abs(part - self.equal) for part in value])
        return tuple([self.equal + (part - self.equal) * self.step / most for part in value])

    def finished(self, value: Sequence[float]) -> ParameterValue:
        """Round to hundredths that add to 1: what rounding leaves goes to the largest remainders."""
        parts = [int(part * 100) for part in value]
        order = sorted(range(len(parts)), key=lambda place: (parts[place] - value[place] * 100, place))
        for place in order[: 100 - sum(parts)]:
            parts[place] += 1
        return {name: part / 100 for name, part in zip(self.names, parts, strict=True)}


class Hours(NamedTuple):
    """Up to three local hours; several suggestions are put together, the most listened-to first.

    >>> Hours(3).blend([Suggestion((18, 7), 0.5), Suggestion((7, 12, 20), 1)])
    ((7, 12, 20), 1)
    """

    most: int
    default: None = None

    def blend(self, said: Sequence[Suggestion]) -> tuple[tuple[int, ...], int]:
        """Give the hours in the order in which they are preferred."""
        order = sorted(range(len(said)), key=lambda place: (-said[place].lean, place))
        hours = dict.fromkeys([hour for place in order for hour in said[place].target])
        return tuple(hours)[: self.most], order[0]

    def gently(self, value: Sequence[int]) -> tuple[int, ...]:
        """Keep the most preferred only."""
        return tuple(value[:1])

    def finished(self, value: Sequence[int]) -> ParameterValue:
        """Put the hours in the order of the day."""
        return tuple(sorted(value))


class Scale(Protocol):
    """What a feature may be; the value between `blend` and `finished` is the scale's own affair."""

    @property
    def default(self) -> Any:  # noqa: ANN401 - as its values are
        """What stands where nothing is suggested."""

    def blend(self, said: Sequence[Suggestion]) -> tuple[Any, int]:
        """Make one value of at least one suggestion, and tell which of them moved it most."""

    def gently(self, value: Any) -> Any:  # noqa: ANN401
        """Keep within one step of the default."""

    def finished(self, value: Any) -> ParameterValue:  # noqa: ANN401
        """Round as people would."""


_DIFFICULTY: Final = Number(3, 1, 5, unit=1, step=1)
STYLES: Final = ("VISUAL", "AUDITORY", "READING", "KINESTHETIC")

SCALES: Final[dict[Feature, Number | Words | Weights | Hours]] = {
    Feature.MISSION_TIMING: Hours(3),
    Feature.MISSION_DURATION: Number(45, 10, 120, unit=5, step=15),
    Feature.MISSION_OBJECTIVES: Number(3, 1, 6, unit=1, step=1),
    Feature.MISSION_DIFFICULTY: _DIFFICULTY,
    Feature.MISSION_INTERVENTION: Words(
        tuple(word.value for word in Intervention), {"SHORTER_MISSION": "NONE", "TUTOR_PROMPT": "WORKED_EXAMPLES"}
    ),
    Feature.CONTENT_TYPES: Weights(("TEXT", "VIDEO", "INTERACTIVE", "AUDIO")),
    Feature.CONTENT_LEARNING_STYLE: Weights(STYLES),
    Feature.CONTENT_TOPIC_SELECTION: Words(
        ("CURRICULUM", "SPACED_REVIEW", "WEAKNESS_FIRST"), {"WEAKNESS_FIRST": "SPACED_REVIEW"}
    ),
    Feature.ASSESSMENT_FREQUENCY: Number(3, 1, 14, unit=1, step=1),
    Feature.ASSESSMENT_DIFFICULTY: _DIFFICULTY,
    Feature.ASSESSMENT_QUESTION_TYPES: Weights(("RECALL", "COMPREHENSION", "APPLICATION", "ANALYSIS")),
    Feature.SESSION_BREAK_TIMING: Number(25, 15, 60, unit=5, step=5),
    Feature.SESSION_CONTENT_SEQUENCE: Words(
        tuple(word.value for word in ContentSequence), {"INTERLEAVED": "WARM_UP_FIRST", "SPACED": "WARM_UP_FIRST"}
    ),
    Feature.SESSION_INTENSITY: Number(1.0, 0.5, 1.5, unit=0.1, step=0.2),
}
"""What each feature may be."""
DEFAULTS: Final[dict[Feature, ParameterValue]] = {
    feature: dict(scale.default) if isinstance(scale, Weights) else scale.default for feature, scale in SCALES.items()
}
"""What each feature is when nothing moves it."""
