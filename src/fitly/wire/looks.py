"""What goes out of a look at an experiment.

Knows topic and key, and what a look has to remember. Must never know when one is taken.
"""

from __future__ import annotations

from typing import Final

from fitly.core.experiments.looks import since_its_end
from fitly.core.experiments.report import Report, report
from fitly.core.experiments.stated import Stated, stated
from fitly.core.partials import Look, Merged
from fitly.core.topics import RESULTS
from fitly.wire.outgoing import Outgoing
from fitly.wire.results import encode_report

PROVISIONAL: Final = "provisional"


def result_key(name: str, look: int | str) -> bytes:
    """Give the key of a look's result.

    >>> result_key("spring", 7), result_key("spring", PROVISIONAL)
    (b'spring|7', b'spring|provisional')
    """
    return f"{name}|{look}".encode()


def is_provisional(key: bytes) -> bool:
    """Tell whether a key is of a view between looks.

    >>> is_provisional(b"spring|provisional"), is_provisional(b"spring|7")
    (True, False)
    """
    return key.endswith(b"|" + PROVISIONAL.encode())


def reported(look: Look, last: Look | None) -> tuple[Look, Report]:
    """Report on a look, and give it with what has to be kept of it for the next.

    Parameters
    ----------
    look : Look
        Of an experiment.
    last : Look or None
        The one before it.
    """
    assert look.about is not None  # noqa: S101 - a look at an experiment says what it is about
    planned, before = (None, ()) if last is None else (last.planned, last.stated)
    told = report(look.about, look.sums, look=look.number, closed_at=look.clock, planned=planned)
    verdict = Stated(look.number, told.verdict.winner, tuple(told.verdict.unmet))
    return look._replace(planned=told.planned_look, stated=stated(before, verdict)), told


def viewed(merged: Merged, partition: int) -> Outgoing | None:
    """Write a view of the newest sums of an experiment; None of what has not started.

    Parameters
    ----------
    merged : Merged
        What the newest words add up to.
    partition : int
        Of the topic: that in which the looks are.
    """
    about = merged.about
    if about is None or about.started_at is None:
        return None
    planned = None if merged.look is None else merged.look.planned
    sums = since_its_end(merged.sums, merged.look)
    told = report(about, sums, look=0, closed_at=merged.clock, planned=planned)
    return outgoing_report(told, partition)


def outgoing_report(told: Report, partition: int) -> Outgoing:
    """Write a report as the record it goes out as; a view in between replaces the one before."""
    key = result_key(told.experiment_name, PROVISIONAL if told.is_provisional else told.look)
    return Outgoing(RESULTS, key, encode_report(told), partition=partition)
