"""Reports of an experiment as they stand in ``experiment-results``, and the one that is asked for.

Knows the topic's keys. Must never know how a report looks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from fitly.core.experiments.report import Report
from fitly.core.topics import RESULTS
from fitly.settings import Settings
from fitly.stream import read
from fitly.wire.results import decode_report


class Chosen(NamedTuple):
    """A report as it was published, the same as it is read, and those of the looks up to it."""

    document: dict[str, Any]
    report: Report
    history: list[Report]


async def read_reports(settings: Settings, name: str) -> dict[bytes, bytes]:
    """Read all reports of an experiment, by key."""
    beginning, found = f"{name}|".encode(), dict[bytes, bytes]()
    async for record in read.read_topic(settings, RESULTS):
        if record.key is not None and record.key.startswith(beginning) and record.value is not None:
            found[record.key] = record.value
    return found


def chosen(documents: Mapping[bytes, bytes], look: int | None, *, provisional: bool) -> Chosen | None:
    """Give the report that is asked for, None where there is none.

    Parameters
    ----------
    documents : mapping
        Key -> value, as `read_reports` gives them.
    look : int or None
        Number of a look; None for the newest.
    provisional : bool
        Whether the view between looks is asked for.
    """
    reports = {key: decode_report(value) for key, value in documents.items()}
    looks = sorted((each.look, key) for key, each in reports.items() if not each.is_provisional)
    between = [key for key, each in reports.items() if each.is_provisional]
    wanted = between if provisional else [key for number, key in looks if look in {None, number}]
    if not wanted:
        return None
    key = wanted[-1]
    history = [reports[each] for number, each in looks if provisional or number <= reports[key].look]
    return Chosen(json.loads(documents[key]), reports[key], [*history, reports[key]] if provisional else history)
