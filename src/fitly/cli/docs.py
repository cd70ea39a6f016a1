"""Pages of ``docs/`` made from the code: commands, settings, metrics, topics, tables, parameters.

Knows what each page says. Must never hold a fact of its own: sentences about the product stand where the thing is.

``python -m fitly.cli.docs`` writes the pages; with ``--check`` it compares and ends with 1 where one has drifted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import click

from fitly.cli import main as program
from fitly.cli.program import MEANINGS
from fitly.core.parameters import CAPPING, EXPLAINED, LEANING
from fitly.core.rulebook import CAPS, LEANS, READINGS, RULES, VARIETY, AsSaid, Band, Bands, Spread
from fitly.core.scales import SCALES, Hours, Number, Weights, Words
from fitly.core.topics import TOPICS
from fitly.core.vocabulary import InsightKind
from fitly.metrics import METRICS
from fitly.settings import PREFIX, Settings
from fitly.store.schema import METADATA
from fitly.wire.refusing import REASONS

MADE: Final = "<!-- Made from the code by `make schemas`; edit the text where the thing itself stands. -->\n"
TYPES: Final = {"CHAR(32)": "uuid", "TIMESTAMP": "timestamptz", "DOUBLE": "double precision"}
"""What Postgres calls some of the schema's types."""


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""Lay rows out as a Markdown table.

    >>> print(table(("a", "b"), [(1, "x|y")]))
    | a | b |
    |---|---|
    | 1 | x\|y |
    """
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def commands() -> str:
    """Give the page of commands."""
    parts = ["# Commands\n", MADE, f"{_help(program)}\n", "## Exit status\n"]
    parts.append(table(("status", "meaning"), ((status.value, meaning) for status, meaning in MEANINGS.items())) + "\n")
    for path, command in _all(program, "fitly"):
        parts += [f"## `{path}`\n", f"{_help(command)}\n"]
        if options := [_parameter(one) for one in command.params if isinstance(one, click.Option)]:
            parts.append(table(("option", "meaning", "default"), options) + "\n")
    return "\n".join(parts)


def _all(group: click.Group, path: str) -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            found += _all(command, f"{path} {name}")
        else:
            arguments = [_argument(one) for one in command.params if isinstance(one, click.Argument)]
            found.append((" ".join([path, name, *arguments]), command))
    return found


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    return name if argument.required else f"[{name}]"


def _parameter(option: click.Option) -> tuple[str, str, str]:
    names = " / ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    shown = "" if option.is_flag or option.metavar is None else f" {option.metavar}"
    default = "" if not option.show_default or option.default is None else f"{option.default}"
    return names + shown, option.help or "", default


def _help(command: click.Command) -> str:
    return "\n".join(line.strip() for line in (command.help or "").splitlines()).strip()


def settings() -> str:
    """Give the page of settings."""
    rows = []
    for name, one in Settings.model_fields.items():
        default = one.default.get_secret_value() if hasattr(one.default, "get_secret_value") else one.default
        rows.append((f"`{PREFIX}{name.upper()}`", one.description or "", f"`{default}`" if str(default) else ""))
    words = (
        "Environment variables. A local stack needs none: commands find it by `--data DIR`, `FITLY_DATA` or `.fitly`.\n"
    )
    return "\n".join(("# Settings\n", MADE, words, table(("variable", "meaning", "default"), rows) + "\n"))


def metrics() -> str:
    """Give the page of metrics."""
    rows = [(f"`{one.name}`", one.kind.value, ", ".join(one.labels), one.help) for one in METRICS]
    words = (
        "Prometheus, at `/metrics` of a worker or sink whose `FITLY_METRICS_PORT` is set; `/live` and `/ready` "
        "beside it. Counters are shown with `_total` at the end. Every process of a worker has a page of its own, on "
        "that port and those after it, and all it shows carries the label `agent`.\n"
    )
    return "\n".join(("# Metrics\n", MADE, words, table(("metric", "kind", "labels", "meaning"), rows) + "\n"))


def topics() -> str:
    """Give the page of topics and of the reasons for refusal."""
    parts = ["# Topics\n", MADE, "`FITLY_PREFIX` stands before every name on the broker.\n"]
    for one in TOPICS:
        kept = "for ever" if one.retention_ms is None else f"{one.retention_ms / 86_400_000:g} days"
        rows = [
            ("key", one.key),
            ("partitions", one.partitions),
            ("kept", "the newest of each key" if one.cleanup == "compact" else kept),
            ("value", f"`schemas/{one.schema}`" if one.schema else "see text"),
            ("written by", ", ".join(one.writer)),
            ("read by", ", ".join(one.readers)),
            *((f"`{name}`", value) for name, value in one.config.items()),
        ]
        parts += [f"## `{one.name}`\n", f"{one.help}\n", table(("", ""), rows) + "\n"]
    parts += ["## Reasons in `rejected-events`\n", table(("reason", "meaning"), sorted(REASONS.items())) + "\n"]
    return "\n".join(parts)


def tables() -> str:
    """Give the page of Postgres tables."""
    parts = ["# Tables in Postgres\n", MADE, "`fitly db upgrade` makes them, the sink fills them.\n"]
    for one in sorted(METADATA.tables.values(), key=lambda found: found.name):
        parts += [f"## `{one.name}`\n", f"{one.comment}.\n"]
        rows = (
            (
                f"`{column.name}`",
                TYPES.get(str(column.type), str(column.type).lower()),
                "yes" if column.nullable else "",
                column.comment or "",
            )
            for column in one.columns
        )
        parts.append(table(("column", "type", "may be null", "meaning"), rows) + "\n")
        indexes = sorted(", ".join(column.name for column in index.columns) for index in one.indexes)
        if indexes:
            parts.append(f"Indexes: {'; '.join(indexes)}.\n")
    return "\n".join(parts)


def parameters() -> str:
    """Give the page of parameters: what each may be, who listens to what, and every rule."""
    parts = ["# Parameters\n", MADE, *(f"{words}\n" for words in EXPLAINED)]
    features = ((f"`{feature.value}`", *_may_be(scale)) for feature, scale in SCALES.items())
    parts += ["## What each may be\n", table(("feature", "default", "may be", "one step"), features) + "\n"]
    kinds = list(InsightKind)
    leans = ((variant.label, *(f"{leans[kind]:g}" for kind in kinds)) for variant, leans in LEANS.items())
    parts += ["## Who listens to what\n", f"{LEANING}\n", table(("variant", *kinds), leans) + "\n"]
    readings = ((f"`{name}`", _first_line(read)) for name, read in READINGS.items())
    parts += ["## What is read that no insight says by itself\n", table(("reading", "meaning"), readings) + "\n"]
    parts.append("## The rules\n")
    for feature in SCALES:
        rules = (
            (rule.kind, f"`{rule.reads}`", _gives(rule.gives), rule.why) for rule in RULES if rule.feature is feature
        )
        parts += [f"### `{feature.value}`\n", table(("insight", "reads", "suggests", "because"), rules) + "\n"]
    caps = ((f"`{cap.feature.value}`", _gives(cap.bands)) for cap in CAPS)
    parts += ["## Caps\n", f"{CAPPING}\n", table(("feature", "at most"), caps) + "\n"]
    return "\n".join(parts)


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").splitlines()[0]


def _may_be(scale: Number | Words | Weights | Hours) -> tuple[str, str, str]:
    """Tell a scale: default, values, one step."""
    match scale:
        case Number(default, low, high, unit, step):
            return f"{default:g}", f"{low:g} to {high:g}, in steps of {unit:g}", f"{step:g}"
        case Words(words, gentler):
            turned = "; ".join(f"{word} becomes {instead}" for word, instead in gentler.items())
            return words[0], ", ".join(words), turned
        case Weights(names, step):
            return "equal", f"shares of {', '.join(names)} that add to 1", f"{step:g} of any share"
        case Hours(most):
            return "none", f"local start hours, up to {most}", "the most preferred hour only"


def _gives(gives: Bands | AsSaid | Spread) -> str:
    """Tell what a rule suggests."""
    match gives:
        case Bands(bands):
            return "; ".join(f"{_range(band)}: {_target(band.target)}" for band in bands)
        case Spread(over):
            shares = ", ".join(f"{style} as {name}" for style, name in over.items())
            return f"its shares ({shares}), of which each keeps {VARIETY:g}"
        case _:
            return "what it says"


def _range(band: Band) -> str:
    start, below = band.start, band.below
    if start is None:
        return f"below {below:g}"
    return f"from {start:g}" if below is None else f"from {start:g}, below {below:g}"


def _target(target: object) -> str:
    if not isinstance(target, dict):
        return str(target)
    return ", ".join(f"{name} {part:g}" for name, part in target.items())


PAGES: Final[dict[str, Callable[[], str]]] = {
    "commands.md": commands,
    "settings.md": settings,
    "metrics.md": metrics,
    "topics.md": topics,
    "tables.md": tables,
    "parameters.md": parameters,
}


@click.command()
@click.option("--check", is_flag=True, help="Compare only; 1 where a page has drifted.")
@click.option("--to", "folder", type=click.Path(path_type=Path), default=Path("docs"), help="Where the pages are.")
def write(*, check: bool, folder: Path) -> None:
    """Write the pages made from the code."""
    drifted = []
    for name, page in PAGES.items():
        path, text = folder / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            drifted.append(str(path))
            if not check:
                folder.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    if check and drifted:
        click.echo(f"{', '.join(drifted)}: not as the code says; run `make schemas` and commit the result", err=True)
        sys.exit(1)


if __name__ == "__main__":
    write()
