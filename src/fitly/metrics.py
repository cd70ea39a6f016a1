"""Every metric of the product, by name, with its kind and what it means.

Knows the one list and how to register it with prometheus-client. Must never know who counts or why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family


class Kind(StrEnum):
    """What a metric does over time."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes
    ----------
    name : str
        As the monitoring system shows it (a counter's ``_total`` is added there).
    kind : Kind
        Counter, gauge or histogram.
    help : str
        What it means and what to do about it.
    labels : tuple of str
        The dimensions it is split by.
    buckets : tuple of float
        A histogram's upper bounds.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

RECORDS: Final = Metric("fitly_records", Kind.COUNTER, "Input records absorbed, by ledger bin.", ("partition", "bin"))
OUTPUTS: Final = Metric("fitly_outputs", Kind.COUNTER, "Records written, by topic.", ("topic",))
CHANGES: Final = Metric("fitly_changes", Kind.COUNTER, "Rows written to the changelogs.")
COMMITS: Final = Metric("fitly_commits", Kind.COUNTER, "Transactions committed.", ("partition",))
COMMIT_SECONDS: Final = Metric(
    "fitly_commit_seconds", Kind.HISTOGRAM, "Duration of one transaction, without its fold.", buckets=_SECONDS
)
FOLD_SECONDS: Final = Metric(
    "fitly_fold_seconds", Kind.HISTOGRAM, "Duration of one fold; over 0.2 the loop is held up.", buckets=_SECONDS
)
TICKS: Final = Metric("fitly_ticks", Kind.COUNTER, "Clock ticks sent to partitions we own.", ("partition",))
OVERDUE: Final = Metric(
    "fitly_overdue_rows",
    Kind.GAUGE,
    "Rows whose deadline has passed and which still wait for their slice; one more while something is withdrawn.",
    ("partition",),
)
LAG: Final = Metric(
    "fitly_lag_records", Kind.GAUGE, "Last stable offset minus our position; markers count.", ("partition",)
)
POSITION: Final = Metric("fitly_position", Kind.GAUGE, "Last offset absorbed.", ("partition",))
CLOCK: Final = Metric("fitly_clock_seconds", Kind.GAUGE, "The fold's now, seconds since 1970.", ("partition",))
OWNED: Final = Metric("fitly_partitions", Kind.GAUGE, "Input partitions this worker folds at the moment.")
RESTORED: Final = Metric(
    "fitly_restored_rows", Kind.COUNTER, "Changelog records read to restore a partition.", ("partition",)
)
RESTORE_SECONDS: Final = Metric(
    "fitly_restore_seconds",
    Kind.HISTOGRAM,
    "Duration of a restore, fencing included.",
    buckets=(*_SECONDS, 120.0, 600.0),
)
SNAPSHOTS: Final = Metric("fitly_snapshots", Kind.COUNTER, "Snapshots of a partition's rows completed.", ("partition",))
REFUSED_SHARE: Final = Metric(
    "fitly_refused_share", Kind.GAUGE, "Share of the last 1,000 records that were refused.", ("partition",)
)
REFUSAL_ALARM: Final = Metric(
    "fitly_refusal_alarm",
    Kind.GAUGE,
    "1 while over 20 % of the last 1,000 records were refused: `fitly tail rejected-events` shows reasons and senders.",
    ("partition",),
)
LOST_BATCHES: Final = Metric(
    "fitly_lost_batches", Kind.COUNTER, "Batches the framework lost on the way; each was read again.", ("partition",)
)
READY: Final = Metric("fitly_ready", Kind.GAUGE, "1 while this process does its work and no alarm stands.")
SINK_RECORDS: Final = Metric(
    "fitly_sink_records", Kind.COUNTER, "Records the sink applied to Postgres, by topic.", ("topic",)
)
SINK_SECONDS: Final = Metric(
    "fitly_sink_seconds", Kind.HISTOGRAM, "Duration of one database transaction of the sink.", buckets=_SECONDS
)
SINK_WAITS: Final = Metric("fitly_sink_waits", Kind.COUNTER, "Times the sink waited because Postgres was away.")
SINK_LAG: Final = Metric(
    "fitly_sink_lag_records", Kind.GAUGE, "Last stable offset minus the sink's position.", ("topic", "partition")
)

METRICS: Final = (
    RECORDS, OUTPUTS, CHANGES, COMMITS, COMMIT_SECONDS, FOLD_SECONDS, TICKS, OVERDUE, LAG, POSITION, CLOCK, OWNED,
    RESTORED, RESTORE_SECONDS, REFUSED_SHARE, REFUSAL_ALARM, LOST_BATCHES, READY, SINK_RECORDS, SINK_SECONDS,
    SINK_WAITS, SINK_LAG, SNAPSHOTS,
)  # fmt: skip


class Meters:
    """The metrics of one process, registered once.

    Parameters
    ----------
    registry : CollectorRegistry, optional
        Where to register; a fresh one by default, so that two of them in one process never meet.
    common : str
        Labels that every sample of the process carries when it is shown.

    Examples
    --------
    >>> meters = Meters()
    >>> meters.add(COMMITS, 2, partition="0")
    >>> meters.registry.get_sample_value("fitly_commits_total", {"partition": "0"})
    2.0
    """

    def __init__(self, registry: CollectorRegistry | None = None, **common: str) -> None:
        self._common = common
        self.registry = CollectorRegistry() if registry is None else registry
        self._counters = {
            m: Counter(m.name, m.help, m.labels, registry=self.registry) for m in METRICS if m.kind is Kind.COUNTER
        }
        self._gauges = {
            m: Gauge(m.name, m.help, m.labels, registry=self.registry) for m in METRICS if m.kind is Kind.GAUGE
        }
        self._histograms = {
            m: Histogram(m.name, m.help, m.labels, registry=self.registry, buckets=m.buckets)
            for m in METRICS
            if m.kind is Kind.HISTOGRAM
        }

    def add(self, metric: Metric, amount: float = 1, **labels: str) -> None:
        """Count further."""
        counter = self._counters[metric]
        (counter.labels(**labels) if labels else counter).inc(amount)

    def set(self, metric: Metric, value: float, **labels: str) -> None:
        """Give a gauge its present value."""
        gauge = self._gauges[metric]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """Add one observation to a histogram."""
        histogram = self._histograms[metric]
        (histogram.labels(**labels) if labels else histogram).observe(value)

    def collect(self) -> Iterator[Family]:
        """Give everything as a page shows it, with the labels of the process.

        >>> [sample.labels for family in Meters(agent="learners").collect() for sample in family.samples][0]
        {'agent': 'learners'}
        """
        for family in self.registry.collect():
            family.samples = [one._replace(labels={**self._common, **one.labels}) for one in family.samples]
            yield family

    def forget(self, metric: Metric, **labels: str) -> None:
        """Leave out a gauge whose subject is no longer ours (a partition given away)."""
        self._gauges[metric].remove(*(labels[name] for name in metric.labels))
