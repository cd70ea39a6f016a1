"""``fitly request``: ask for a decision as an application would, and wait for it.

Knows one question and one answer. Must never know how a decision is made.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click
from rich.text import Text

from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.options import as_json, configured, run
from fitly.cli.program import Exit, fail
from fitly.core import topics
from fitly.core.errors import Broken
from fitly.core.names import UserId
from fitly.core.numbers import Millis, to_datetime
from fitly.core.vocabulary import ClockMode, Context
from fitly.settings import Settings

if TYPE_CHECKING:
    from fitly.stream.publish import Publisher

SOURCE = "fitly/request"


@click.command(short_help="Ask for a decision and wait for it.")
@click.argument("user")
@click.argument("context", type=click.Choice(tuple(Context), case_sensitive=False))
@click.option("--timeout", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Seconds to wait.")
@as_json
@configured(Need.KAFKA, Need.KEY)
def request(settings: Settings, *, user: str, context: Context, timeout: float, as_json: bool) -> None:
    """Ask what to do for learner USER in CONTEXT (mission, content, assessment, session), and wait for the decision.

    Within the dwell of a standing decision the answer is that decision, unchanged. Status 1: no answer came.
    """
    found = run(_ask(settings, user, Context(context), timeout))
    if found is None:
        fail(
            f"no answer within {timeout:g} s: is a worker running? `fitly doctor` tells; `fitly tail rejected-events` "
            "shows whether the request was refused; --timeout waits longer",
            Exit.NO,
        )
    value, repeated = found
    if as_json:
        show.document({**value, "answers_standing": repeated})
    else:
        tell(value["data"], repeated=repeated)


async def _ask(settings: Settings, user: str, context: Context, timeout: float) -> tuple[dict[str, Any], bool] | None:  # noqa: ASYNC109 - waiting has one end here
    """Publish the request and give the answer with whether it repeats what stood, or None after the timeout."""
    from fitly.stream import read  # noqa: PLC0415 - Kafka's client is not loaded for `--help`
    from fitly.stream.publish import Publisher  # noqa: PLC0415
    from fitly.wire.events import encode_event, parse_event  # noqa: PLC0415
    from fitly.wire.rows import context_key  # noqa: PLC0415
    from fitly.wire.selected import ANSWERS_HEADER  # noqa: PLC0415

    number = str(uuid4())
    async with Publisher(settings, as_of=None) as publisher:
        now, stamp = datetime.now(UTC), None
        if publisher.clock_mode is ClockMode.AS_OF:
            stamp = await now_of(publisher, user)
            now = to_datetime(stamp)
        value = encode_event("fitly.strategy.requested.v1", SOURCE, number, user, now, {"context": context.value})
        event = parse_event(value)
        ends = {partition: end for partition, (_, end) in (await read.bounds(settings, topics.SELECTED)).items()}
        await publisher.send(user.encode(), value, stamp)
        await publisher.flush()
        try:
            async with asyncio.timeout(timeout):
                async for record in read.follow(settings, topics.SELECTED, start=ends):
                    if record.key != context_key(UserId(user), context) or record.value is None:
                        continue
                    answers = next((raw for name, raw in record.headers if name == ANSWERS_HEADER), None)
                    found = json.loads(record.value)
                    if answers == event.key.encode() or found["data"]["cause"]["event_id"] == event.key:
                        return found, answers is not None
        except TimeoutError:
            return None
    return None


async def now_of(publisher: Publisher, user: str) -> Millis:
    """Give the now of the learner's partition, which alone counts on an AS_OF log."""
    now = await publisher.now_of(user.encode())
    if not now:
        message = "this AS_OF log holds no events yet, so it has no now: publish some first"
        raise Broken(message, restart_helps=False)
    return Millis(now)


def _reason(because: str | dict[str, Any]) -> str:
    """Say what moved a parameter.

    >>> _reason({"kind": "COGNITIVE_LOAD", "observed_at": "2026-03-02T08:00:00Z", "confidence": 0.8})
    'COGNITIVE_LOAD of 2026-03-02T08:00:00Z, confidence 0.80'
    """
    if isinstance(because, str):
        return because
    return f"{because['kind']} of {because['observed_at']}, confidence {because['confidence']:.2f}"


def tell(data: dict[str, Any], *, repeated: bool) -> None:
    """Print a decision for people: what to do, since when, and why."""
    out = show.console()
    does = f"apply {data['strategy_variant']}" if data["apply"] else "do not personalize"
    head = Text.assemble((f"{data['user_id']} · {data['context']}: {does}  ", "bold"), show.coloured(data["mode"]))
    out.print(head)
    threshold = "none" if data["threshold"] is None else f"{data['threshold']:.2f}"
    facts = {
        "decision": data["decision_id"] + ("  (standing: asked again within its dwell)" if repeated else "  (new)"),
        "decided at": data["decided_at"],
        "valid until": data["valid_until"],
        **({"rendered at": data["rendered_at"]} if data["rendered_at"] else {}),
        "confidence": f"{data['confidence']:.4f}, threshold {threshold}",
        "chances": "  ".join(f"{arm} {odds:.3f}" for arm, odds in data["propensities"].items()),
        "unit": f"{data['unit']}, assignment probability {data['assignment_probability']:g}",
        "policy": f"revision {data['policy_revision']}",
        "cause": f"event {data['cause']['event_id']} at {data['cause']['partition']}/{data['cause']['offset']}",
    }
    for name, fact in facts.items():
        out.print(Text.assemble((f"  {name:<12}", "dim"), fact))
    if data["parameters"]:
        cells = (
            (
                name,
                json.dumps(one["value"]) if isinstance(one["value"], (dict, list)) else one["value"],
                _reason(one["because"]),
            )
            for name, one in data["parameters"].items()
        )
        out.print(show.grid(("  parameter", "value", "because"), ((f"  {name}", *rest) for name, *rest in cells)))
