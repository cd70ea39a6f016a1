"""What the newest reports say of an experiment, in its own row, whichever of the two came first.

Knows that the row follows from the control log and the reports from another topic, and that neither waits for the
other. Must never know how a column follows from a report.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import bindparam, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fitly.core.experiments.results import FoundRecord, found_record
from fitly.store import schema
from fitly.wire.results import decode_report

_ORDER: Final = text("SELECT pg_advisory_xact_lock(hashtext('fitly.experiments.found'))")
"""Held to the end of a transaction: so the second of two sees what the first wrote."""
_NAMES: Final = [field.name for field in fields(FoundRecord)]
_UPDATE: Final = (
    update(schema.EXPERIMENTS)
    .where(schema.EXPERIMENTS.c.id == bindparam("that_id"))
    .values({name: bindparam(f"that_{name}") for name in _NAMES if name != "id"})
)


async def one_at_a_time(connection: AsyncConnection) -> None:
    """Wait until nobody else writes experiments or their reports: before the first row of either is touched."""
    await connection.execute(_ORDER)


async def settle(connection: AsyncConnection, experiments: Iterable[str]) -> None:
    """Write what the newest reports of experiments say into their rows, where both are there.

    Parameters
    ----------
    connection : AsyncConnection
        In the transaction that wrote reports, or rows, one at a time.
    experiments : iterable of str
        Ids.
    """
    wanted = sorted(set(experiments))
    if not wanted:
        return
    table = schema.RESULTS.c
    newest = select(func.max(table.look)).where(table.experiment_id == bindparam("id")).scalar_subquery()
    chosen = select(table.report).where(
        table.experiment_id == bindparam("id"), or_(table.look == newest, table.is_provisional)
    )
    found: list[dict[str, Any]] = []
    for one in wanted:
        documents = [row[0] for row in await connection.execute(chosen, {"id": one})]
        record = found_record(decode_report(json.dumps(document).encode()) for document in documents)
        if record is not None:
            found.append({f"that_{name}": getattr(record, name) for name in _NAMES})
    if found:
        await connection.execute(_UPDATE, found)
