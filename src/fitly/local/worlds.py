"""Worlds whose truth is known: who lives there, what each strategy does to them, and how untidy the log is.

Knows effects, spreads and shares, as data. Must never know an event, a draw or what Fitly makes of it.

Effects are on the reward where every metric comes (the mean of four); where a context measures fewer, the absent ones
stand at their prior mean, and the reward moves by as much less (`World.weight`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from fitly.core.vocabulary import Context, Level, Variant

Effects: TypeAlias = Mapping[tuple[Context, Variant], float]
"""What an applied strategy adds to a learner's expected metrics; 0 where nothing is said."""
Choice: TypeAlias = Variant | None
"""What is on a learner's screen: an arm, or None for nothing."""

EVERY_METRIC: Final = ("retention_score", "performance_score", "completion_rate", "engagement_score")
EVERYWHERE: Final = dict.fromkeys(Context, EVERY_METRIC)
AS_MEASURED: Final = {
    Context.MISSION: ("retention_score", "performance_score", "completion_rate"),
    Context.CONTENT: ("completion_rate", "engagement_score"),
    Context.ASSESSMENT: ("performance_score", "completion_rate"),
    Context.SESSION: ("completion_rate", "engagement_score"),
}
"""What a platform would measure in each context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Learners who profit from the same arms; ``share`` of the population."""

    share: float = 1.0
    effects: Effects = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untidiness:
    """What a real log has in it; shares of outcomes, unless another thing is named.

    Attributes
    ----------
    delayed, delay_hours : float
        Outcomes that arrive long after they happened, out of order; by how many hours on average.
    late : float
        Outcomes that arrive after the log's acceptance window.
    repeated : float
        Events that are sent twice.
    corrected, withdrawn : float
        Outcomes that were wrong and are put right a day or two later; that never happened and are taken back.
    unshown : float
        Applied decisions that never reached the screen, and of which the consumer says so.
    missing : mapping
        Chance of each metric not to come, by what was on the screen.
    drop_out : mapping
        Chance of an outcome to be the learner's last, by what was on the screen.
    opted_out : float
        Learners who switch everything off half-way.
    """

    delayed: float = 0.0
    delay_hours: float = 20.0
    late: float = 0.0
    repeated: float = 0.0
    corrected: float = 0.0
    withdrawn: float = 0.0
    unshown: float = 0.0
    missing: Mapping[Choice, float] = field(default_factory=dict)
    drop_out: Mapping[Choice, float] = field(default_factory=dict)
    opted_out: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One truth.

    Attributes
    ----------
    kinds : tuple of Kind
        Types of learners; their shares add to 1.
    spread : float
        Standard deviation of an arm's effect between learners of one type.
    ability_mean, ability_sd : float
        Of the expected reward of a learner left alone; kept between `LEAST` and `MOST`.
    noise : float
        Standard deviation of one outcome's reward, where every metric comes.
    drift : float
        What learners gain in ability within 100 days, on average; they differ by as much.
    metrics : mapping
        What each context measures.
    diligence : tuple of float
        Between which shares of the days a learner studies.
    eager : float
        How much more of the days a learner studies for each standard deviation of ability.
    outcomes : int
        Outcomes of a day and context.
    asks : float
        Share of the days on which the application asks for a decision anyway.
    naming : float
        Share of the outcomes that name the decision they came under.
    levels : mapping
        How much learners allow; shares that add to 1.
    class_size : int
        Learners of a class, of which they tell when they begin; 0 for a world without classes.
    class_sd : float
        Standard deviation of what a class adds to the ability of all its learners.
    """

    name: str
    help: str
    kinds: tuple[Kind, ...] = (Kind(),)
    spread: float = 0.0
    ability_mean: float = 0.5
    ability_sd: float = 0.15
    noise: float = 0.2
    drift: float = 0.0
    contexts: tuple[Context, ...] = tuple(Context)
    metrics: Mapping[Context, tuple[str, ...]] = field(default_factory=lambda: EVERYWHERE)
    diligence: tuple[float, float] = (0.8, 1.0)
    eager: float = 0.0
    outcomes: int = 1
    asks: float = 0.05
    naming: float = 1.0
    levels: Mapping[Level, float] = field(default_factory=lambda: {Level.LOW: 0.3, Level.MEDIUM: 0.4, Level.HIGH: 0.3})
    untidy: Untidiness = field(default_factory=Untidiness)
    class_size: int = 0
    class_sd: float = 0.0

    def mean_effect(self, context: Context, variant: Variant) -> float:
        """Give the effect of an arm on the population's reward.

        >>> round(WORLDS["two_types"].mean_effect(Context.MISSION, Variant.PATTERN_HEAVY), 3)
        0.035
        """
        of_all = sum(kind.share * kind.effects.get((context, variant), 0.0) for kind in self.kinds)
        return of_all * self.weight(context)

    def weight(self, context: Context) -> float:
        """Give the share of the reward that a context measures."""
        return len(self.metrics[context]) / len(EVERY_METRIC)


LEAST, MOST = 0.1, 0.85
"""Between these lies everybody's ability: an effect of .1 has room below 1."""

_BEST: Final = dict(zip(Context, Variant, strict=True))
"""Another arm is the best one in each context."""

_UNTIDY: Final = Untidiness(
    delayed=0.05,
    late=0.002,
    repeated=0.01,
    corrected=0.01,
    withdrawn=0.002,
    unshown=0.03,
    missing={None: 0.05, Variant.PREDICTION_HEAVY: 0.15},
    drop_out={None: 0.0005, Variant.PATTERN_HEAVY: 0.002},
    opted_out=0.03,
)
_EVERYDAY: Final = Kind(
    effects={
        (Context.MISSION, Variant.PATTERN_HEAVY): 0.08,
        (Context.MISSION, Variant.PREDICTION_HEAVY): 0.03,
        (Context.MISSION, Variant.BALANCED): 0.05,
        (Context.MISSION, Variant.CONSERVATIVE): 0.01,
        (Context.CONTENT, Variant.PATTERN_HEAVY): 0.02,
        (Context.CONTENT, Variant.PREDICTION_HEAVY): 0.07,
        (Context.CONTENT, Variant.BALANCED): 0.05,
        (Context.CONTENT, Variant.CONSERVATIVE): 0.01,
        (Context.ASSESSMENT, Variant.PATTERN_HEAVY): -0.04,
        (Context.ASSESSMENT, Variant.PREDICTION_HEAVY): 0.06,
        (Context.ASSESSMENT, Variant.BALANCED): 0.02,
        (Context.ASSESSMENT, Variant.CONSERVATIVE): 0.01,
    }
)

_ALL: Final = (
    World(
        name="everyday",
        help="a platform: arms differ a little, in SESSION nothing helps, contexts measure what they can",
        kinds=(_EVERYDAY,),
        spread=0.03,
        ability_mean=0.58,
        noise=0.15,
        drift=0.03,
        metrics=AS_MEASURED,
        diligence=(0.3, 0.95),
        outcomes=2,
        asks=0.3,
        naming=0.7,
    ),
    World(name="none", help="nothing helps: whatever is found is chance"),
    World(
        name="true_effect_08",
        help="every arm adds .08 for everybody",
        kinds=(Kind(effects={(context, variant): 0.08 for context in Context for variant in Variant}),),
    ),
    World(
        name="common_effect",
        help="one arm adds .1 for everybody, the others nothing; another arm in each context",
        kinds=(Kind(effects=dict.fromkeys(_BEST.items(), 0.1)),),
    ),
    World(
        name="heterogeneous",
        help="one arm adds .06 on average, and every arm's effect differs between learners (sd .08)",
        kinds=(Kind(effects=dict.fromkeys(_BEST.items(), 0.06)),),
        spread=0.08,
    ),
    World(
        name="two_types",
        help="for half of the learners one arm adds .1, for the others another; each costs the others .03",
        kinds=(
            Kind(
                share=0.5,
                effects={(c, Variant.PATTERN_HEAVY): 0.1 for c in Context}
                | {(c, Variant.PREDICTION_HEAVY): -0.03 for c in Context},
            ),
            Kind(
                share=0.5,
                effects={(c, Variant.PREDICTION_HEAVY): 0.1 for c in Context}
                | {(c, Variant.PATTERN_HEAVY): -0.03 for c in Context},
            ),
        ),
    ),
    World(
        name="able_learners",
        help="nothing helps, and able learners study more: who takes ability for an effect finds one",
        ability_sd=0.2,
        diligence=(0.45, 0.65),
        eager=0.2,
        drift=0.05,
    ),
    World(
        name="school_year",
        help="as common_effect, with learners who study on three days in ten and differ in what helps (sd .03)",
        kinds=(Kind(effects=dict.fromkeys(_BEST.items(), 0.1)),),
        spread=0.03,
        drift=0.03,
        diligence=(0.15, 0.45),
    ),
    World(
        name="harmful",
        help="every arm costs .05: the best is to leave learners alone",
        kinds=(Kind(effects={(context, variant): -0.05 for context in Context for variant in Variant}),),
    ),
)
WORLDS: Final = {world.name: world for world in _ALL}
WORLDS["classes"] = replace(
    WORLDS["common_effect"],
    name="classes",
    help="as common_effect, for learners in classes of 25, of which some are better than others (sd .08)",
    class_size=25,
    class_sd=0.08,
)
WORLDS["untidy"] = replace(
    WORLDS["common_effect"],
    name="untidy",
    help="as common_effect, in a log with everything that goes wrong: delays, gaps, repeats, corrections, drop-out",
    drift=0.05,
    naming=0.6,
    outcomes=2,
    asks=0.3,
    untidy=_UNTIDY,
)
