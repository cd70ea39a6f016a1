"""Rows of the tables as answers: a document, a few lines, or one line of an overview.

Knows what is worth saying first of each table's rows. Must never know where the rows were read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rich.table import Table
from rich.text import Text

from fitly.cli import show
from fitly.cli.decoded import text
from fitly.cli.expand import Plain, expand, moment
from fitly.cli.rows import decode, is_word
from fitly.cli.withheld import without_few
from fitly.core import topics
from fitly.core.entries import ARMS, DECISIONS
from fitly.core.system import EXPERIMENT_PREFIX
from fitly.core.vocabulary import MODES, ArmCode
from fitly.wire import rows
from fitly.wire.merged import decode_merged

Row: TypeAlias = tuple[int, bytes, bytes]
"""Partition, key, and bytes at rest."""


def document(name: str, row: Row) -> dict[str, Plain]:
    """Give a row in full, for ``--json``."""
    partition, key, value = row
    due = rows.due_of(value)
    shown, withheld = without_few(decode(name, key, value))
    return {
        "table": name,
        "partition": partition,
        "key": text(key),
        "due": moment(due),
        "bytes": len(value),
        "row": expand(shown),
        **({"withheld": withheld} if withheld else {}),
    }


def title(name: str, row: Row) -> str:
    """Name a row for people."""
    partition, key, value = row
    who = f"partition {partition}" if name not in topics.TABLES else text(key)
    if key.startswith(EXPERIMENT_PREFIX):
        who = text(key.removeprefix(EXPERIMENT_PREFIX))
    return f"{name} {who}  ({len(value)} bytes in partition {partition})"


def lines(name: str, row: Row) -> list[str]:
    """Give a row for reading, as indented lines: remembered events are only counted, empty parts left out."""
    shown, withheld = without_few(decode(name, *row[1:]))
    plain = expand(shown)
    if isinstance(plain, dict):
        if withheld:
            plain["withheld"] = f"{withheld} sums that tell of fewer than 5 learners, or would reveal them"
        for part, value in plain.items():
            if isinstance(value, list):
                plain[part] = f"{len(value)} events" if part == "seen" else [_said(entry) for entry in value]
    return show.tree(plain, 1)


def _said(entry: Plain) -> Plain:
    """Leave out of an entry what is nothing."""
    return {name: part for name, part in entry.items() if part} if isinstance(entry, dict) else entry


def overview(name: str, found: Sequence[Row]) -> Table:
    """Give one line per row; of ``population`` only what the partitions' words add up to."""
    if name == topics.POPULATION:
        return _population([row for row in found if not is_word(row[1])])
    return _learners(found) if name == topics.LEARNERS else _contexts(found)


def _population(found: Sequence[Row]) -> Table:
    heads = ("kind", "name", "partitions", "clock", "sums", "last look")
    return show.grid(heads, (_merged(row) for row in found), right=("partitions", "sums"))


def _merged(row: Row) -> tuple[object, ...]:
    merged = decode_merged(row[2])
    look = None if merged.look is None else moment(merged.look.clock)
    return merged.kind.value, merged.name, len(merged.clocks), moment(merged.clock), len(merged.sums), look


def _learners(found: Sequence[Row]) -> Table:
    heads = ("learner", "level", "auto-adapt", "off", "updated")
    return show.grid(heads, (_learner(row) for row in found))


def _learner(row: Row) -> tuple[object, ...]:
    learner = rows.decode_learner(row[2])
    allowed = learner.preferences
    switches = {
        "mission": allowed.mission_enabled,
        "content": allowed.content_enabled,
        "assessment": allowed.assessment_enabled,
        "session": allowed.session_enabled,
    }
    off = [context for context, on in switches.items() if not on] + [one.value for one in allowed.disabled_features]
    auto = "yes" if allowed.auto_adapt_enabled else "no"
    return learner.user_id, allowed.level.value, auto, ", ".join(off), moment(learner.updated_at)


def _contexts(found: Sequence[Row]) -> Table:
    heads = ("learner", "context", "stands", "strategy", "decisions", "outcomes", "rewarded", "updated")
    return show.grid(heads, (_context(row) for row in found), right=("decisions", "outcomes", "rewarded"))


def _context(row: Row) -> tuple[object, ...]:
    context = rows.decode_context(row[2])
    stands: Text | None = None
    strategy: str | None = None
    if context.decisions:
        last = DECISIONS.at(context.decisions, -1)
        stands = show.coloured(MODES[last.mode].value)
        strategy = None if last.variant == ArmCode.NOTHING else ArmCode(last.variant).name
    rewarded = sum(arm.n for arm in ARMS.all(context.arms))
    return (
        context.user_id,
        context.context.value,
        stands,
        strategy,
        DECISIONS.count(context.decisions),
        context.own_n,
        rewarded,
        moment(context.updated_at),
    )
