"""``fitly table effectiveness``: record 3 as the contexts' rows have it, with what chance alone would flag.

Knows which figures are worth a column. Must never know how a figure comes about, nor where rows were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from fitly.cli import show
from fitly.cli.expand import Plain, expand
from fitly.core.assessments import EffectivenessRecord
from fitly.core.effectiveness import effectiveness_records
from fitly.core.names import config_id
from fitly.core.statistics.own_baseline import by_chance
from fitly.core.vocabulary import Variant
from fitly.wire.rows import decode_context, split_context_key

NAME: Final = "effectiveness"
"""What the command calls it: there is no such changelog, it is read from that of ``contexts``."""


def records(rows: Iterable[tuple[int, bytes, bytes]]) -> Iterator[EffectivenessRecord]:
    """Give the records of rows as they are at rest, in their order."""
    for _, _, value in rows:
        yield from effectiveness_records(decode_context(value))


def documents(rows: Iterable[tuple[int, bytes, bytes]]) -> Iterator[dict[str, Plain]]:
    """Give each record in full, for ``--json``."""
    for partition, key, value in rows:
        user, context = split_context_key(key)
        variants = {str(config_id(user, context, variant)): variant.value for variant in Variant}
        for record in effectiveness_records(decode_context(value)):
            variant = None if record.config_id is None else variants[record.config_id]
            plain = expand(record)
            assert isinstance(plain, dict)  # noqa: S101 - a record has fields
            yield {"table": NAME, "partition": partition, "strategy_variant": variant, **plain}


def overview(rows: Sequence[tuple[int, bytes, bytes]]) -> Table:
    """Give one line per record."""
    heads = ("learner", "context", "window", "strategy", "against", "applied", "baseline", "score", "r", "p", "flag")
    return show.grid(heads, map(_line, documents(rows)), right=("applied", "baseline", "score", "r", "p"))


def _line(record: dict[str, Plain]) -> tuple[object, ...]:
    flag = Text(str(record["direction"]), style="yellow") if record["is_statistically_significant"] else ""
    return (
        record["user_id"],
        record["context"],
        record["window_kind"],
        record["strategy_variant"] or "all",
        record["baseline_kind"],
        record["sample_size_applied"],
        record["sample_size_baseline"],
        _short(record["composite_score"], 1),
        _short(record["correlation"], 3),
        _short(record["p_value"], 4),
        flag,
    )


def _short(value: Plain, digits: int) -> str | None:
    return f"{value:.{digits}f}" if isinstance(value, float) else None


def by_chance_alone(found: Iterable[EffectivenessRecord]) -> str:
    """Say how many records are flagged beside how many chance alone would flag.

    >>> by_chance_alone([])
    '0 records, 0 with a test; 0 flagged, where chance alone would flag 0'
    """
    listed = list(found)
    tested = sum(record.p_value is not None for record in listed)
    flagged = sum(record.is_statistically_significant for record in listed)
    return (
        f"{len(listed):,} records, {tested:,} with a test; {flagged:,} flagged, where chance alone would flag "
        f"{by_chance(tested):.3g}"
    )
