"""A report of an experiment laid out for people: who is in it, what came out, and what is missing for a verdict.

Knows tables, words and colours. Must never know how a figure came about, nor where it was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from fitly.cli import show
from fitly.cli.intervals import MOST_LINES, Seen, drawn
from fitly.core.experiments.alerting import AlertKind
from fitly.core.experiments.figures import ArmFigures, Comparison, CountedUnit, Role
from fitly.core.experiments.report import Report
from fitly.core.experiments.trial import Status
from fitly.core.statistics.welch import Interval

NARROW: Final = 80
LEAST_LINES: Final = 5
"""Of the intervals over looks, where there are many treatments."""
UNITS: Final = {
    CountedUnit.LEARNER: "learners",
    CountedUnit.LEARNER_EPOCH: "learner-epochs",
    CountedUnit.GROUP: "groups",
    CountedUnit.DECISION: "decisions",
}
"""In the plural."""


def lay_out(told: Report, history: Sequence[Report], console: Console) -> None:
    """Print a report.

    Parameters
    ----------
    told : Report
        The one to show.
    history : sequence of Report
        Looks up to it, in their order: the intervals over looks.
    console : Console
        Where to print.
    """
    width = max(min(console.width, 140), NARROW)
    for part in (
        _head(told), _alerts(told, width), _verdict(told, width), _arms(told, width), _primary(told, width),
        _looks(told, history, width), _others(told, width), _factors(told), _checks(told), _outlook(told, width),
    ):  # fmt: skip
        for line in part:
            console.print(line)


def _title(words: str) -> Text:
    return Text(f"\n{words}", style="bold")


def _head(told: Report) -> Iterator[Text | str]:
    since = "" if told.window.start is None else f", since {told.window.start:%Y-%m-%d}"
    yield Text.assemble(
        (told.experiment_name, "bold"), f"  {told.experiment_type} in {told.context}, {told.status}{since}"
    )
    which = "between looks, provisional: it decides nothing" if told.is_provisional else f"look {told.look}"
    yield f"{which}, as of {told.closed_at:%Y-%m-%d %H:%M} UTC; {told.participants:,} enrolled"
    when = f"{told.window.measurement_days} days after it joined"
    if told.unit == CountedUnit.LEARNER_EPOCH:
        when = f"at the end of its epoch of {told.window.measurement_days} days"
    yield f"Each {told.unit.replace('_', '-')} counts once, {when}."
    if told.not_enrolled:
        reasons = ", ".join(f"{name} {count:,}" for name, count in told.not_enrolled.items())
        yield f"Not enrolled: {reasons}"


def _alerts(told: Report, width: int) -> Iterator[Text]:
    for alert in told.alerts:
        style = "green" if alert.kind is AlertKind.VERDICT_READY else "red"
        who = f" {alert.variant_id}" if alert.variant_id else ""
        first, *more = _wrapped(f"{alert.kind}{who}: {alert.detail}", width - 4)
        yield Text.assemble(("! ", style), (first, style))
        yield from (Text(f"  {line}", style=style) for line in more)


_MARKS: Final = {True: ("✓", "green"), False: ("✗", "red")}


def _verdict(told: Report, width: int) -> Iterator[Text]:
    said = told.verdict
    yield _title(
        "Verdict: "
        + (f"{said.winner} wins" if said.winner else "nobody has won" if _is_over(told) else "nobody has won yet")
    )
    pad = max(len(each.name) for each in said.conditions)
    for each in said.conditions:
        mark = ("-", "dim") if each.met not in _MARKS else _MARKS[bool(each.met)]
        lines = _wrapped(each.detail, width - pad - 6)
        yield Text.assemble("  ", mark, f" {each.name:<{pad}}  {lines[0]}")
        for line in lines[1:]:
            yield Text(" " * (pad + 6) + line)


def _wrapped(words: str, width: int) -> list[str]:
    """Break words into lines.

    >>> _wrapped("one two three", 8)
    ['one two', 'three']
    """
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _arms(told: Report, width: int) -> Iterator[object]:
    yield _title(f"Arms ({told.primary_metric})")
    heads = tuple(name for name, is_spare in _ARM.items() if width > NARROW or not is_spare)
    yield show.grid(heads, [_arm(told, arm, heads) for arm in told.arms], right=heads[1:])


_ARM: Final = {
    "variant": False, "weight": True, "enrolled": False, "open": True, "measured": False, "out": True, "n": True,
    "mean": False, "sd": False, "joined": False, "applied": False,
}  # fmt: skip
"""Columns, and whether a narrow terminal does without."""


def _arm(told: Report, arm: ArmFigures, heads: Sequence[str]) -> list[object]:
    mean = arm.measures[told.primary_metric]
    found = {
        "variant": arm.variant_id,
        "weight": _percent(arm.weight),
        "enrolled": f"{arm.enrolled:,}",
        "open": f"{arm.open:,}",
        "measured": f"{arm.measured:,}",
        "out": f"{arm.opted_out:,}",
        "n": f"{mean.n:,}",
        "mean": _plain(mean.mean),
        "sd": _plain(mean.sd),
        "joined": _percent(arm.join_rate),
        "applied": _percent(arm.applied_share),
    }
    return [found[head] for head in heads]


def _primary(told: Report, width: int) -> Iterator[object]:
    primary, rest, rolled = (
        [each for each in part if each.role is Role.PRIMARY]
        for part in (told.comparisons, told.allocated, told.roll_out)
    )
    where = primary[0].allocation.lower().replace("_", " ")
    yield _title(f"{told.primary_metric}, treatment less {primary[0].control} ({where})")
    heads = ("treatment", "difference", "always-valid 95 %", "p", "Holm", "naive p")
    yield show.grid(heads, [_compared(each) for each in primary], right=heads[1:])
    notes = [f"{each.treatment}: {', '.join(_beside(each))}" for each in primary]
    notes += [f"{each.allocation}, describes only: {each.treatment} {_signed(each.difference)}" for each in rest]
    for each in rolled:
        bounds = "" if each.always_valid is None else f", {_interval(each.always_valid.ci)}"
        notes.append(f"rolled out, against who was held back: {each.treatment} {_signed(each.difference)}{bounds}")
    notes.append("Always-valid p and intervals hold at every look; the naive p is as if this look were the only one.")
    for note in notes:
        yield from (Text(f"  {line}") for line in _wrapped(note, width - 4))


def _compared(each: Comparison) -> tuple[object, ...]:
    valid, fixed = each.always_valid, each.fixed
    return (
        each.treatment,
        _signed(each.difference),
        each.always_valid_reason if valid is None else _interval(valid.ci),
        None if valid is None else _p(valid.p_value),
        None if each.adjusted is None else _p(each.adjusted.always_valid),
        each.fixed_reason if fixed is None else _p(fixed.p_value),
    )


def _beside(each: Comparison) -> Iterator[str]:
    """Say what else is known of a comparison."""
    yield f"n {each.n_treatment:,} / {each.n_control:,}"
    if each.d is not None:
        yield f"d {each.d:+.2f}"
    if each.lift is not None:
        yield f"lift {each.lift:+.1%}"
    if each.cuped is not None:
        yield f"CUPED {_half(each.cuped.difference, each.cuped.ci)} (p {_p(each.cuped.p_value)})"
    if each.robust is not None:
        by = UNITS[each.robust.clusters]
        yield f"clustered by {by} {_half(each.difference or 0.0, each.robust.ci)} (p {_p(each.robust.p_value)})"


def _looks(told: Report, history: Sequence[Report], width: int) -> Iterator[Text | str]:
    primary = [each for each in told.comparisons if each.role is Role.PRIMARY]
    for each in primary:
        seen = [one for past in history if (one := _seen(past, each.treatment)).interval is not None]
        if seen:
            yield _title(f"{each.treatment}: always-valid intervals over looks")
            yield from (
                Text(f"  {line}") for line in drawn(seen, width - 4, max(MOST_LINES // len(primary), LEAST_LINES))
            )


def _seen(past: Report, treatment: str) -> Seen:
    found = [each for each in past.comparisons if each.role is Role.PRIMARY and each.treatment == treatment]
    valid = found[0].always_valid if found else None
    which = "between" if past.is_provisional else str(past.look)
    label = f"{which:>4} {past.closed_at:%m-%d}"
    return Seen(label, found[0].difference if valid else None, None if valid is None else valid.ci)


def _others(told: Report, width: int) -> Iterator[object]:
    """List the other measures; narrow terminals get what matters of them."""
    others = [each for each in told.comparisons if each.role is not Role.PRIMARY and each.difference is not None]
    if not others:
        return
    yield _title("Other measures")
    wide = width > NARROW + 20
    heads = ("measure", "treatment", "difference", "always-valid 95 %", "BH p", "guardrail")
    rows = []
    for each in others:
        valid = each.always_valid
        row = [
            each.measure.value, each.treatment, _signed(each.difference),
            each.always_valid_reason if valid is None else _interval(valid.ci),
            None if each.adjusted is None else _p(each.adjusted.always_valid), _guarded(each),
        ]  # fmt: skip
        rows.append([*row, f"{each.n_treatment:,} / {each.n_control:,}"] if wide else row)
    yield show.grid((*heads, "n") if wide else heads, rows, right=(*heads[2:5], "n"))


def _guarded(each: Comparison) -> Text | str:
    rail = each.guardrail
    if rail is None:
        return ""
    if rail.crossed:
        return Text(f"crossed ({rail.margin:g})", style="red")
    return Text(f"kept ({rail.margin:g})", style="green") if rail.kept else f"open ({rail.margin:g})"


def _factors(told: Report) -> Iterator[object]:
    if told.factors:
        yield _title(f"Factors ({told.primary_metric})")
        rows = [
            (
                " x ".join(each.factors),
                " x ".join(each.levels),
                _signed(each.estimate),
                _interval(each.ci),
                _p(each.p_value),
            )
            for each in told.factors
        ]
        yield show.grid(("factor", "level", "effect", "95 %", "naive p"), rows, right=("effect", "95 %", "naive p"))


def _checks(told: Report) -> Iterator[object]:
    yield _title("Did the arms differ in anything else?")
    rows = []
    for check in told.checks:
        if check.p_value is None and not check.alarm:
            continue
        what = f"{check.suspicion.value.lower().replace('_', ' ')}{f' {check.measure}' if check.measure else ''}"
        seen = ", ".join(f"{count:,}/{check.expected[name]:,.0f}" for name, count in check.observed.items())
        state = Text("blocks", style="red") if check.blocks else Text("alarm", style="yellow") if check.alarm else "no"
        rows.append((what, UNITS[check.unit], seen, _p(check.p_value), state))
    yield show.grid(("check", "of", "seen / expected, by arm", "p", "differs"), rows, right=("p",))


def _outlook(told: Report, width: int) -> Iterator[Text]:
    yield _title("Outlook")
    lines = []
    for each in told.outlooks:
        if each.detectable_planned is None or each.detectable_now is None:
            lines.append(f"{each.treatment}: nothing can be foretold yet ({each.detectable_planned_reason})")
            continue
        lines.append(
            f"{each.treatment}: a difference of {each.detectable_now:.4f} is found in 4 of 5 experiments with the "
            f"{each.n_now:,} {UNITS[each.unit]} now, {each.detectable_planned:.4f} with {each.n_planned:,.0f}"
        )
    left = told.left
    lines.append(
        "it is over: no day is left"
        if _is_over(told)
        else f"days left: {left.minimum_duration:.0f} to the minimum, {left.planned_end:.0f} to the planned end, "
        f"{_days(left.planned_n)} to the planned size ({_days(left.measured_per_day, 1)} measured a day)"
    )
    for words in lines:
        yield from (Text(f"  {line}") for line in _wrapped(words, width - 4))


def _is_over(told: Report) -> bool:
    return told.status in {Status.COMPLETED, Status.CANCELLED}


def _days(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4f}"


def _interval(found: Interval) -> str:
    return f"{found.lower:+.4f} … {found.upper:+.4f}"


def _half(middle: float, found: Interval) -> str:
    return f"{middle:+.4f} ± {found.upper - middle:.4f}"


def _p(value: float | None) -> str:
    """Write a p with as many digits as say something.

    >>> _p(0.04321), _p(3e-9), _p(1.0), _p(None)
    ('0.043', '3e-09', '1', '-')
    """
    if value is None:
        return "-"
    return f"{value:.2g}" if value < 0.995 else "1"  # noqa: PLR2004 - it rounds to 1
