"""The day sums of a row as a whole: what it has let go of, and what it still remembers."""

from __future__ import annotations

from fitly.core.entries import BUCKETS, DECISIONS, Bucket
from fitly.core.learner import ContextRow
from fitly.core.numbers import Day, Millis
from fitly.core.tally import retire


def day_sums(row: ContextRow) -> dict[tuple[Day, int], Bucket]:
    """Give the bucket of each day and arm, and of everything since activation (day 0)."""
    buckets = row.buckets
    for entry in DECISIONS.all(row.decisions):
        buckets = retire(buckets, entry, Millis(entry.since))
    return {(Day(bucket.day), bucket.arm): bucket for bucket in BUCKETS.all(buckets)}
