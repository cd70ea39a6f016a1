"""An explanation as a document for programs and as a page for people: engineers, and teachers beside them.

Knows what is told in which order. Must never know where the decision was read, nor how it is explained.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from rich.console import Console
from rich.text import Text

from fitly.cli import show
from fitly.cli.expand import Plain, expand, moment
from fitly.core.decisions import ArmView, Parameter, Selected
from fitly.core.explaining import Explanation, explain
from fitly.core.numbers import CERTAIN, ONE
from fitly.core.saying import chance, percent, signed
from fitly.core.vocabulary import Feature, Unit, Variant

__all__ = ["document", "explain", "tell"]

WIDTH: Final = 112
NAMES: Final = 18
"""Columns of a line of text, and of the modes' names before it."""
UNITS: Final = {
    Unit.DECISION: "this decision was drawn by lot, between applying and not: it can teach what helps",
    Unit.LEARNER: "the learner was drawn by lot, once: it can teach what helps, learner against learner",
    Unit.NONE: "nothing was drawn between applying and not: it teaches no comparison",
}


def document(selected: Selected, explanation: Explanation, read: str) -> dict[str, Plain]:
    """Give everything for ``--json``: the record, what follows from it, and where it was read."""
    record = expand(selected)
    assert isinstance(record, dict)  # noqa: S101 - a record has fields
    return {
        "decision_id": selected.decision_id,
        "read_from": read,
        "short": explanation.short,
        "holds": not explanation.contradictions,
        "contradictions": [*explanation.contradictions],
        "unsaid": [*explanation.unsaid],
        "follows": {"mode": explanation.mode, "strategy_variant": explanation.variant},
        "greedy": explanation.greedy,
        "steps": [{"modes": [*step.modes], "fits": step.fits, "why": step.why} for step in explanation.steps],
        "draws": [
            {"purpose": fell.purpose, "draw": fell.draw, "low": fell.low, "high": fell.high, "so": fell.so}
            for fell in explanation.draws
        ],
        "record": record,
    }


def tell(selected: Selected, explanation: Explanation, read: str) -> None:
    """Print a page for people: the answer first, then how it came to it, then the record."""
    out = show.console()
    does = "do not personalize" if selected.strategy_variant is None else f"apply {selected.strategy_variant.label}"
    title = f"{selected.user_id} · {selected.context}: {does}  "
    out.print(Text.assemble((title, "bold"), show.coloured(selected.mode)))
    for line in wrap(explanation.short, WIDTH):
        out.print(Text(line, style="italic"))
    _steps(out, explanation)
    if selected.arms:
        _head(out, "What was known of each strategy")
        out.print(_arms(selected, explanation.greedy))
    if explanation.draws:
        _head(out, "What was drawn, from 0 to 1")
        out.print(show.grid(("  draw", "value", "fell in", "so"), _draws(explanation), right=("value",)))
    if selected.parameters:
        _head(out, "Parameters")
        out.print(show.grid(("  parameter", "value", "because"), _parameters(selected.parameters)))
    _head(out, "The record")
    for name, fact in _facts(selected).items():
        out.print(Text.assemble((f"  {name:<13}", "dim"), fact))
    _verdict(out, explanation, read)


def _head(out: Console, text: str) -> None:
    out.print(Text(f"\n{text}", style="bold"))


def _steps(out: Console, explanation: Explanation) -> None:
    _head(out, "How it came to this: the first mode that fits")
    for step in explanation.steps:
        mark, style = ("✓", "green") if step.fits else ("·", "dim")
        shown = [mode for mode in step.modes if not step.fits or mode is explanation.mode] or step.modes
        head = Text.assemble((f"  {mark} ", style), (f"{' / '.join(shown):<{NAMES}}", "" if step.fits else "dim"))
        first, *rest = wrap(step.why, WIDTH - NAMES)
        out.print(head + Text(first))
        for line in rest:
            out.print(Text(f"{'':<{NAMES + 4}}{line}"))


def _arms(selected: Selected, greedy: Variant | None) -> object:
    heads = ("  strategy", "rewarded", "mean", "effect", "helps", "chance", "")
    rows = [_arm(arm, selected, first=arm is greedy) for arm in Variant if arm in selected.arms]
    none = selected.propensities.get("NONE", 0) / CERTAIN
    rows.append(("  (not applied)", None, None, None, None, percent(none), ""))
    return show.grid(heads, rows, right=heads[1:6])


def _arm(arm: Variant, selected: Selected, *, first: bool) -> tuple[object, ...]:
    view: ArmView = selected.arms[arm]
    effect, sd = view.effect or 0.0, view.sd or 0.0
    told = view.sd is not None and view.effect is not None
    return (
        f"  {arm.label}",
        view.n,
        None if view.mean is None else f"{view.mean / ONE:.3f}",
        f"{signed(effect)} ± {sd:.3f}" if told else signed(view.expected),
        percent(chance(effect, sd)) if told else None,
        percent(selected.propensities.get(arm, 0) / CERTAIN),
        "← best" if first else "",
    )


def _draws(explanation: Explanation) -> Iterator[Sequence[object]]:
    for fell in explanation.draws:
        yield f"  {fell.purpose}", f"{fell.draw:.4f}", f"{fell.low:.4g} to {fell.high:.4g}", fell.so


def _parameters(parameters: dict[Feature, Parameter]) -> Iterator[Sequence[object]]:
    for feature, one in parameters.items():
        yield f"  {feature}", _value(one.value), _because(expand(one.because))


def _value(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{name.lower()} {share:g}" for name, share in value.items())
    return json.dumps(value) if isinstance(value, (list, tuple)) else value


def _because(because: Plain) -> str:
    """Say what moved a parameter: a word, or an insight with its parts."""
    if isinstance(because, dict):
        return ", ".join(f"{name} {part}" for name, part in because.items() if part is not None)
    return str(because)


def _facts(selected: Selected) -> dict[str, str]:
    cause, grounds = selected.cause, selected.grounds
    needed = "none" if selected.threshold is None else f"{selected.threshold:g}"
    level = "" if grounds is None else f" of level {grounds.level}"
    algorithm = "" if grounds is None else f", {grounds.algorithm}"
    assigned = selected.assignment_probability / CERTAIN
    return {
        "decision": selected.decision_id,
        "cause": f"event {cause.event_id}, partition {cause.partition} offset {cause.offset}",
        "decided at": f"{moment(selected.decided_at)}, to be kept until {moment(selected.valid_until)}",
        "supersedes": selected.supersedes or "nothing: the first decision here",
        "confidence": f"{selected.confidence:.4f}, threshold {needed}{level}",
        "chances": "  ".join(f"{arm} {odds / CERTAIN:.9g}" for arm, odds in selected.propensities.items()),
        "unit": f"{selected.unit}: {UNITS[selected.unit]}",
        "assignment": f"probability {assigned:g} that the learner is among those treated so",
        "policy": f"revision {selected.policy_revision}{algorithm}, epsilon {selected.epsilon:g}",
        "experiment": _experiment(selected),
        "config": selected.config_id or "none: nothing is applied",
    }


def _experiment(selected: Selected) -> str:
    enrolled = selected.enrolled
    if selected.experiment is None or enrolled is None:
        return selected.experiment or "none"
    weight = f"{enrolled.how.name}, weight {enrolled.probability / CERTAIN:g}, epoch {enrolled.epoch}"
    own = "" if enrolled.mode is None else f"; its own policy came to {enrolled.mode}"
    return f"{selected.experiment}, variant {enrolled.variant} ({weight}){own}"


def _verdict(out: Console, explanation: Explanation, read: str) -> None:
    out.print("")
    for one in explanation.unsaid:
        out.print(Text(f"· the record does not say {one}", style="yellow"))
    if explanation.contradictions:
        out.print(Text("✗ the record contradicts itself:", style="red"))
        for one in explanation.contradictions:
            out.print(Text(f"    {one}"))
    else:
        out.print(Text.assemble(("✓ ", "green"), "mode and strategy follow from the record's own draws"))
    out.print(Text(f"  read from {read}", style="dim"))
