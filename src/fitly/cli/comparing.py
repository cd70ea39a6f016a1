"""Shadow policies side by side: estimates made of the sums of all learners.

Knows which sums belong to which shadow, and what is worth showing. Must never know where the sums were read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from rich.table import Table

from fitly.cli import show
from fitly.core.events import ControlEvent, PolicyRevised
from fitly.core.numbers import CERTAIN, DAY
from fitly.core.rules import Policy, Shadow
from fitly.core.shadows import sums_name, weight_bound
from fitly.core.statistics.missing import Missing
from fitly.core.statistics.offpolicy import Estimate, OffPolicy, Weighed, off_policy
from fitly.core.vocabulary import Context

Sums: TypeAlias = Mapping[str, Mapping[str, int]]
"""Merged over all learners: name of the sums (`shadows.sums_name`) -> name of a sum -> its value."""

ACTED: Final = "in force"
"""What stands for the policies that acted."""
WEEK: Final = 7 * DAY


class Compared(NamedTuple):
    """One policy in one context: estimates, the same with windows to which nothing came as 0, and diagnostics."""

    context: Context
    name: str
    look: int
    joined: OffPolicy
    idle_as_zero: OffPolicy
    largest_weight: float
    unsupported: float | Missing


def compared(sums: Sums, policy: Policy, looks: Mapping[str, int]) -> Iterator[Compared]:
    """Compare the shadows in force, context by context, with the policies that acted.

    Parameters
    ----------
    sums : mapping
        Merged over all learners.
    policy : Policy
        The policy in force.
    looks : mapping
        The number of the weekly look by shadow; see `looks_of`.
    """
    for context in Context:
        for shadow in (None, *policy.shadows):
            found = sums.get(sums_name(context, shadow))
            if found is None:
                continue
            look = 1 if shadow is None else looks.get(shadow.name, 1)
            joined, zero = (off_policy(Weighed.read(found, behind), look=look) for behind in ("", "0"))
            name = ACTED if shadow is None else shadow.name
            yield Compared(context, name, look, joined, zero, _largest(found), _unsupported(found))


def _largest(sums: Mapping[str, int]) -> float:
    """Give what the largest weight is at most."""
    classes = [int(name.partition(" ")[2]) for name, count in sums.items() if name.startswith("largest ") and count]
    return weight_bound(max(classes, default=0))


def _unsupported(sums: Mapping[str, int]) -> float | Missing:
    """Give the mean probability of what could not be drawn."""
    decisions = sums.get("n0", 0)
    return sums.get("outside", 0) / (CERTAIN * decisions) if decisions else Missing.NOT_ENOUGH


def looks_of(history: Sequence[ControlEvent], policy: Policy, now: int) -> dict[str, int]:
    """Count the weeks since each shadow, as it is now, first came into force: this is its how manieth look.

    Parameters
    ----------
    history : sequence of ControlEvent
        All control events.
    policy : Policy
        The policy in force.
    now : int
        The log's clock.
    """
    first: dict[Shadow, int] = {}
    for event in history:
        if isinstance(event.data, PolicyRevised):
            for shadow in event.data.policy.shadows:
                first.setdefault(shadow, event.issued_at)
    return {shadow.name: 1 + max(now - first.get(shadow, now), 0) // WEEK for shadow in policy.shadows}


def document(one: Compared) -> dict[str, object]:
    """Give one comparison for programs."""
    joined = one.joined
    weight = joined.mean_weight
    return {
        "context": one.context.value,
        "policy": one.name,
        "look": one.look,
        "decisions": joined.decisions,
        "decisions_without_outcome": one.idle_as_zero.decisions - joined.decisions,
        "learners": joined.learners,
        "ess": joined.ess,
        **_figure("mean_weight", weight),
        "largest_weight": one.largest_weight,
        **_figure("unsupported", one.unsupported),
        **_estimates(joined),
        "unjoined_as_zero": _estimates(one.idle_as_zero),
    }


def _estimates(found: OffPolicy) -> dict[str, object]:
    return _estimate("ips", found.ips) | _estimate("snips", found.snips) | _estimate("dr", found.dr)


def _estimate(name: str, found: Estimate | Missing) -> dict[str, object]:
    if isinstance(found, Missing):
        return {name: None, f"{name}_reason": found.value}
    return {name: {"value": found.value, "se": found.se, "ci": [*found.interval]}}


def _figure(name: str, found: float | Missing) -> dict[str, object]:
    return {name: None, f"{name}_reason": found.value} if isinstance(found, Missing) else {name: found}


HEADS: Final = ("context", "policy", "decisions", "ess", "mean w", "max w", "unsupported", "IPS", "SNIPS", "DR", "look")


def overview(found: Sequence[Compared]) -> Table:
    """Lay comparisons out for people."""
    return show.grid(HEADS, map(_line, found), right=HEADS[2:7])


def _line(one: Compared) -> tuple[object, ...]:
    joined = one.joined
    return (
        one.context.value,
        one.name,
        f"{joined.decisions:,}",
        f"{joined.ess:,.1f}",
        _number(joined.mean_weight),
        f"{one.largest_weight:.2f}",
        _number(one.unsupported),
        _said(joined.ips),
        _said(joined.snips),
        _said(joined.dr),
        one.look,
    )


def _number(found: float | Missing) -> str:
    return "-" if isinstance(found, Missing) else f"{found:.3f}"


def _said(found: Estimate | Missing) -> str:
    if isinstance(found, Missing):
        return "not enough"
    return f"{found.value:.4f} [{found.interval.lower:.4f}, {found.interval.upper:.4f}]"
