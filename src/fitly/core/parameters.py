"""The parameters of a decision: what the insights in force make of a variant's, each with what moved it.

Knows when an insight counts, that a learner may disable a feature, and that too much load caps. Must never know how an
arm was chosen, nor any rule by itself: those are data (`rulebook`, `scales`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from fitly.core.decisions import Because, Parameter, ParameterValue
from fitly.core.insights import PLACES, Held, Insights
from fitly.core.learner import NEVER, Preferences
from fitly.core.numbers import Millis
from fitly.core.rulebook import CAPS, GENTLE, LEANS, LOAD, RULES, Bands, Rule, load_over_tolerance
from fitly.core.scales import DEFAULTS, SCALES, Scale, Suggestion
from fitly.core.vocabulary import Context, Feature, InsightKind, Level, Variant

OF_CONTEXT: Final = {context: tuple(f for f in Feature if f.context is context) for context in Context}

DEFAULT: Final = "DEFAULT"
BELOW_THRESHOLD: Final = "BELOW_THRESHOLD"
DISABLED: Final = "DISABLED"
CAPPED_BY_LOAD: Final = "CAPPED_BY_LOAD"
EXPERIMENT: Final = "EXPERIMENT"

EXPLAINED: Final = (
    (
        "Every decision that personalizes carries the parameters of its context, and each parameter says why it is so. "
        "Other services send insights about a learner (`fitly.insight.observed.v1`): the newest of each kind counts, "
        "until it lapses, 30 days after it was observed or when its producer says. An insight moves a parameter only "
        "if its confidence reaches the threshold of the learner's level (a number of the policy: LOW 0.85, MEDIUM "
        "0.70, HIGH 0.60 unless revised)."
    ),
    (
        "So a value comes about. Of each insight the first line of a feature's table that says something counts. The "
        "variant listens to it as much as it leans on its kind. What several suggest is brought together: numbers and "
        "shares are averaged; of words the one most listened to is taken, of equals the upper one; hours are put side "
        "by side. Conservative, and every variant at level LOW, goes one step from the default and no further. Then "
        "too much load caps, and the value is rounded."
    ),
    (
        "What `because` says: the insight that moved the value most (kind, observed at, confidence); `DEFAULT`: "
        "nothing known moves it; `BELOW_THRESHOLD`: an insight would, but is not sure enough; `DISABLED`: the learner "
        "does not want this feature; `CAPPED_BY_LOAD`: it would be higher, were the load not above what the learner "
        "tolerates; `EXPERIMENT`: the learner's variant of an experiment sets it."
    ),
)
"""How a parameter comes about, for whoever designs learning."""
LEANING: Final = (
    "1: followed; 0.5: half-way, and as much as any other that is listened to as much; 0: not at all. Pattern-heavy "
    "trusts what the learner is used to, Prediction-heavy what is coming. What plans a session is listened to by all."
)
CAPPING: Final = (
    "In every variant and at every level, where load and tolerance are known surely enough: points of load above what "
    "the learner tolerates, rounded up. From 20 points on the amount of work is not raised above its default either."
)

Parameters: TypeAlias = dict[Feature, Parameter]


NOTHING_FIXED: Final[Mapping[Feature, ParameterValue]] = MappingProxyType({})


class Rendered(NamedTuple):
    """Parameters, and when the next of the insights lapses that they look at; `NEVER` where they look at none."""

    parameters: Parameters
    lapses_at: Millis


class _Listening(NamedTuple):
    """How one variant makes one parameter: the rules it listens to with their leans, and what caps it."""

    feature: Feature
    scale: Scale
    rules: tuple[tuple[float, Rule], ...]
    cap: Bands | None


UNMOVED: Final = {
    context: {feature: Parameter(DEFAULTS[feature], DEFAULT) for feature in features}
    for context, features in OF_CONTEXT.items()
}
"""Every parameter at its default: the same object for all, so that it need be written down only once."""
_UNMOVED: Final = {context: Rendered(parameters, NEVER) for context, parameters in UNMOVED.items()}
NOT_APPLIED: Final = Rendered({}, NEVER)
"""What a decision carries that does not personalize."""


def render(
    context: Context,
    variant: Variant,
    preferences: Preferences,
    threshold: float | None,
    insights: Insights,
    now: Millis,
    fixed: Mapping[Feature, ParameterValue] = NOTHING_FIXED,
) -> Rendered:
    """Give the parameters of a variant in a context.

    Parameters
    ----------
    context, variant : Context, Variant
        Whose parameters.
    preferences : Preferences
        Disabled features keep their default; level LOW goes one step from it at most.
    threshold : float or None
        Confidence that an insight must reach to move anything; None where nothing may.
    insights : Insights
        What is known of the learner.
    now : Millis
        The clock: an insight counts until it lapses.
    fixed : mapping
        What an experiment makes of some features, instead of the rules; what the learner disabled stays so, and too
        much load caps here too.

    Examples
    --------
    >>> from fitly.core.insights import NO_INSIGHTS
    >>> still = render(Context.SESSION, Variant.BALANCED, Preferences(), 0.7, NO_INSIGHTS, Millis(0))
    >>> still.parameters[Feature.SESSION_BREAK_TIMING]
    Parameter(value=25, because='DEFAULT')
    """
    if not preferences.disabled_features and not fixed and not any(insights):
        return _UNMOVED[context]
    known: dict[InsightKind, Held[Any]] = {}
    lapses = NEVER
    for kind in _LISTENS[variant, context]:
        held: Held[Any] | None = insights[PLACES[kind]]
        if held is not None and now < held.lapses_at:
            known[kind] = held
            lapses = min(lapses, held.lapses_at)
    gently = variant is GENTLE or preferences.level is Level.LOW
    enough = 2.0 if threshold is None else threshold  # no confidence is as much
    over = _overload(known, enough)
    parameters = {
        each.feature: _DISABLED[each.feature]
        if each.feature in preferences.disabled_features
        else _capped(each, _fixed(each, fixed) or _moved(each, known, enough, gently=gently), over)
        for each in _BY_VARIANT[variant, context]
    }
    return Rendered(UNMOVED[context] if parameters == UNMOVED[context] else parameters, lapses)


def _fixed(each: _Listening, fixed: Mapping[Feature, ParameterValue]) -> Parameter | None:
    return Parameter(fixed[each.feature], EXPERIMENT) if each.feature in fixed else None


def _overload(known: dict[InsightKind, Held[Any]], enough: float) -> int:
    """Give by how much the load exceeds what the learner tolerates; 0 where that is not known well enough."""
    load = known.get(LOAD)
    return 0 if load is None or load.confidence < enough else load_over_tolerance(load.payload) or 0


def _moved(each: _Listening, known: dict[InsightKind, Held[Any]], enough: float, *, gently: bool) -> Parameter:
    """Make one value of what the insights suggest."""
    scale, default = each.scale, DEFAULTS[each.feature]
    said: list[Suggestion] = []
    sources: list[InsightKind] = []
    unsure = False
    for lean, rule in each.rules:
        held = known.get(rule.kind)
        if held is None or rule.kind in sources:
            continue
        target = rule.suggest(held.payload)
        if target is None:
            continue
        suggestion = Suggestion(target, lean)
        if held.confidence >= enough:
            said.append(suggestion)
            sources.append(rule.kind)
        else:
            unsure = unsure or scale.finished(scale.blend([suggestion])[0]) != default
    if said:
        value, leader = scale.blend(said)
        finished = scale.finished(scale.gently(value) if gently else value)
        if finished != default:
            held = known[sources[leader]]
            return Parameter(finished, Because(sources[leader], held.observed_at, held.confidence))
    return Parameter(default, BELOW_THRESHOLD if unsure else DEFAULT)


def _capped(each: _Listening, parameter: Parameter, over: int) -> Parameter:
    """Keep a parameter below what too much load allows, whatever moved it."""
    most = None if each.cap is None else each.cap.suggest(over)
    value = parameter.value
    if most is None or not isinstance(value, int | float) or value <= most:
        return parameter
    return Parameter(most, CAPPED_BY_LOAD)


_CAPPED: Final = {cap.feature: cap.bands for cap in CAPS}
_DISABLED: Final = {feature: Parameter(default, DISABLED) for feature, default in DEFAULTS.items()}
_BY_VARIANT: Final = {
    (variant, context): tuple(
        _Listening(
            feature,
            SCALES[feature],
            tuple((leans[rule.kind], rule) for rule in RULES if rule.feature is feature and leans[rule.kind]),
            _CAPPED.get(feature),
        )
        for feature in OF_CONTEXT[context]
    )
    for variant, leans in LEANS.items()
    for context in Context
}
_LISTENS: Final = {
    place: tuple(
        kind
        for kind in InsightKind
        if any(rule.kind is kind for each in made for _, rule in each.rules)
        or (kind is LOAD and any(each.cap is not None for each in made))
    )
    for place, made in _BY_VARIANT.items()
}
"""The kinds of insight that may make a difference to a variant's parameters in a context."""
