"""How answers look: JSON for programs, text with colour for people.

Knows consoles and layout. Must never know where an answer came from.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Final

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

COLOURS: Final = {
    "EXPLOIT": "green",
    "EXPLORE": "cyan",
    "PROBE": "cyan",
    "CONTROL": "yellow",
    "HOLDOUT": "yellow",
    "FALLBACK": "blue",
    "OPTED_OUT": "magenta",
    "PINNED": "magenta",
    "APPLIED": "green",
    "ORPHAN": "yellow",
    "DUPLICATE": "yellow",
    "LATE": "yellow",
    "FUTURE": "yellow",
    "INVALID": "red",
    "MISROUTED": "red",
}
"""Modes and bins by what they mean: acted, held back at random, held back for a reason, refused."""


def console(*, err: bool = False) -> Console:
    """Give a console on standard output, or error; ids are never cut, and never taken for mark-up."""
    return Console(stderr=err, highlight=False, soft_wrap=True, markup=False)


def line(value: object) -> None:
    """Print one value as one line of JSON."""
    click.echo(json.dumps(value, ensure_ascii=_narrow(), separators=(",", ":")))


def document(value: object) -> None:
    """Print one value as JSON with indents."""
    click.echo(json.dumps(value, ensure_ascii=_narrow(), indent=2))


def _narrow() -> bool:
    """Tell whether standard output cannot take every letter; JSON can say each in plain ones."""
    return not (getattr(sys.stdout, "encoding", None) or "").casefold().startswith("utf")


def coloured(word: str) -> Text:
    """Give a mode or bin in its colour."""
    return Text(word, style=COLOURS.get(word.partition("/")[0], ""))


def grid(heads: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> Table:
    """Lay rows out under heads; numbers go to the right."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right" if head in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text("-" if cell is None else str(cell)) for cell in row))
    return table


def tree(value: object, indent: int = 0) -> list[str]:
    """Lay a nested value out as indented lines, the way people read settings.

    >>> tree({"bins": {"APPLIED": 3}, "read": 3})
    ['bins:', '  APPLIED: 3', 'read: 3']
    """
    pad = "  " * indent
    if isinstance(value, dict):
        lines: list[str] = []
        for key, inner in value.items():
            if isinstance(inner, (dict, list)) and inner and not _is_flat(inner):
                lines += [f"{pad}{key}:", *tree(inner, indent + 1)]
            else:
                lines.append(f"{pad}{key}: {_plain(inner)}")
        return lines
    if isinstance(value, list):
        return [f"{pad}- {_plain(item)}" for item in value]
    return [f"{pad}{_plain(value)}"]


def _is_flat(value: object) -> bool:
    return isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value)


def _plain(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return "  ".join(f"{key}={_plain(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
