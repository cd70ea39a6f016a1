"""Records as people read them: one record of any topic to something JSON can hold, and to one line of text.

Knows which decoder belongs to which topic. Must never know how records are fetched.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from rich.text import Text

from fitly.cli.expand import Plain, expand, moment
from fitly.cli.rows import decode
from fitly.cli.show import COLOURS, coloured
from fitly.core import topics
from fitly.wire.snapshots import KIND_HEADER, PAGE

TABLES: Final = {changelog: table for table, changelog in {**topics.CHANGELOGS, **topics.POPULATION_CHANGELOGS}.items()}


class Record(Protocol):
    """A record as Kafka's client gives it."""

    @property
    def partition(self) -> int:
        """Which partition of its topic."""

    @property
    def offset(self) -> int:
        """Where in the partition."""

    @property
    def timestamp(self) -> int:
        """Its stamp, in milliseconds since 1970."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value; None for a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Its headers, in order."""


def text(raw: bytes | None) -> str | None:
    r"""Give bytes as text where they are, else as base64 with a mark.

    >>> text(b"ada"), text(b"\xff"), text(None)
    ('ada', 'base64:/w==', None)
    """
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(raw).decode()


def value_of(topic: str, record: Record) -> Plain:
    """Decode a record's value by what its topic holds; what cannot be read is given as text."""
    if record.value is None:
        return None
    if topic in TABLES:
        return expand(decode(TABLES[topic], record.key or b"", record.value))
    if topic == topics.REJECTED:
        return text(record.value)
    if topic == topics.SNAPSHOTS and dict(record.headers).get(KIND_HEADER) == PAGE:
        return f"a page of {len(record.value):,} bytes"
    try:
        found: Plain = json.loads(record.value)
    except ValueError:
        return text(record.value)
    return found


def document(topic: str, record: Record) -> dict[str, Plain]:
    """Give a whole record as ``--json`` prints it."""
    return {
        "topic": topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": moment(record.timestamp),
        "key": text(record.key),
        "headers": {name: _header(name, raw) for name, raw in record.headers},
        "value": value_of(topic, record),
    }


def _header(name: str, raw: bytes | None) -> Plain:
    return raw.hex() if raw is not None and name == "fitly-signature" else text(raw)


def line(topic: str, record: Record) -> Text:
    """Give a record as one coloured line: when, where, who, what."""
    head = Text.assemble(
        (f"{moment(record.timestamp) or '-'} ", "dim"), (f"{record.partition}/{record.offset:<7} ", "dim"), " "
    )
    key = text(record.key)
    shown = "(no key)" if key is None else key.replace("\x00", "␀")
    head.append(f"{shown}  ", style="bold")
    if record.value is None and topic != topics.INPUT:
        return head + Text("gone", style=COLOURS["OPTED_OUT"])
    return head + LINES.get(topic, _event)(record, value_of(topic, record))


def _event(record: Record, value: Any) -> Text:  # noqa: ANN401 - decoded JSON of any shape
    """Tell an event by its type and what it says; anything may stand in the log, so nothing is taken for granted."""
    if not isinstance(value, dict):
        return Text(f"not an event: {str(value)[:200]!r}", style="red")
    kind = str(value.get("type", "?")).removeprefix("fitly.").removesuffix(".v1")
    data = value.get("data")
    said = _facts(data) if isinstance(data, dict) else ""
    signed = " (signed)" if any(name == "fitly-signature" for name, _ in record.headers) else ""
    return Text.assemble((kind, "cyan"), f"{signed} {value.get('time', '')} {said}".rstrip())


def _selected(record: Record, value: Any) -> Text:  # noqa: ANN401
    data = value["data"] if isinstance(value, dict) and isinstance(value.get("data"), dict) else None
    if data is None:
        return _event(record, value)
    mode = str(data.get("mode"))
    variant = data.get("strategy_variant") or "no strategy"
    why = "rendered anew" if data.get("rendered_at") else "asked again"
    answers = f"  (standing, {why})" if any(name == "answers" for name, _ in record.headers) else ""
    odds = data.get("confidence")
    sure = f"  confidence {odds:.3f}" if isinstance(odds, float) else ""
    return Text.assemble(coloured(mode), f"  {variant}{sure}  {data.get('decision_id')}{answers}")


def _outcome(record: Record, value: Any) -> Text:  # noqa: ANN401
    data = value["data"] if isinstance(value, dict) and isinstance(value.get("data"), dict) else None
    if data is None or "disposition" not in data:
        return _event(record, value)
    rest = {name: data[name] for name in ("outcome_type", "strategy_variant", "reward", "id") if data.get(name)}
    return Text.assemble(coloured(str(data["disposition"])), f"  {_facts(rest)}")


def _assessed(record: Record, value: Any) -> Text:  # noqa: ANN401
    data = value["data"] if isinstance(value, dict) and isinstance(value.get("data"), dict) else None
    if data is None:
        return _event(record, value)
    sizes, flips, records = data.get("sample_size") or {}, data.get("flips") or [], data.get("records") or []
    told = f"{sizes.get('applied')} applied, {sizes.get('control')} control"
    told += f"  {len(data.get('closed') or [])} windows closed  {len(records)} records tested"
    return Text.assemble(told, *(("  " + _flip(one), "yellow") for one in flips))


def _flip(flip: dict[str, Any]) -> str:
    which = f"{flip['window_kind']} {flip['config_id'] or 'all variants'}"
    return f"{which}: {_verdict(flip['before'])} -> {_verdict(flip['now'])}"


def _verdict(verdict: dict[str, Any]) -> str:
    flag = "significant" if verdict["is_statistically_significant"] else "not significant"
    return f"{verdict['direction'] or 'untested'}, {flag}"


def _rejected(record: Record, value: Any) -> Text:  # noqa: ANN401
    told = {name: text(raw) or "" for name, raw in record.headers}
    place = f"{told.get('topic')}-{told.get('partition')}-{told.get('offset')}"
    return Text.assemble(
        (told.get("reason", "?"), "red"), f"  at {place}: {told.get('detail', '')}  ", (repr(value)[:120], "dim")
    )


def _partial(_record: Record, value: Any) -> Text:  # noqa: ANN401
    """Tell a partition's word by whose it is, as of when, and how many sums it says; the key stands before it."""
    sums = value.get("sums") if isinstance(value, dict) else None
    if not isinstance(sums, dict):
        return Text(f"not a partial: {str(value)[:200]!r}", style="red")
    clock = value.get("clock")
    when = moment(clock) if isinstance(clock, int) else None
    return Text(f"as of offset {value.get('offset')}, {when or 'no clock'}  {len(sums)} sums")


def _row(record: Record, value: Any) -> Text:  # noqa: ANN401
    if not isinstance(value, dict):
        return Text(str(value))
    size = 0 if record.value is None else len(record.value)
    facts = {
        name: (len(part) if isinstance(part, list) else part)
        for name, part in value.items()
        if not isinstance(part, dict) and part not in (None, "")
    }
    return Text(f"{size} bytes  {_facts(facts)}")


def _snapshot(_record: Record, value: Any) -> Text:  # noqa: ANN401
    if not isinstance(value, dict):
        return Text(str(value), style="dim")
    return Text.assemble(("manifest", "cyan"), f"  {_facts(value)}")


def _facts(data: dict[str, Any]) -> str:
    return "  ".join(
        f"{name}={json.dumps(part, ensure_ascii=False) if isinstance(part, (dict, list)) else part}"
        for name, part in data.items()
        if part is not None
    )


LINES: Final[dict[str, Callable[[Record, Any], Text]]] = {
    topics.SELECTED: _selected,
    topics.OUTCOMES: _outcome,
    topics.ASSESSED: _assessed,
    topics.REJECTED: _rejected,
    topics.PARTIALS: _partial,
    topics.SNAPSHOTS: _snapshot,
    **dict.fromkeys(TABLES, _row),
}
