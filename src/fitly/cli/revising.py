"""What a revision changes: a file or a switch, laid over the policy in force.

Knows how a policy is written and read by people. Must never know how a revision is issued.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import TypeAdapter, ValidationError

from fitly.core.errors import Broken
from fitly.core.events import ControlEvent, PolicyRevised
from fitly.core.rules import Policy
from fitly.core.vocabulary import Context, Variant

_POLICY: Final = TypeAdapter(Policy)
LARGEST: Final = 1 << 20
"""Bytes of a file that is read as a policy."""


class InForce(NamedTuple):
    """The newest revision of the control log: its number, the control event's, and what it says."""

    control_number: int
    revised: PolicyRevised
    issued_at: int


class Difference(NamedTuple):
    """One field that changes."""

    field: str
    before: object
    after: object


def in_force(history: Sequence[ControlEvent]) -> InForce:
    """Give the newest revision.

    Raises
    ------
    Broken
        The log was never opened.
    """
    for event in reversed(history):
        if isinstance(event.data, PolicyRevised):
            return InForce(event.number, event.data, event.issued_at)
    message = "the log is not open: run `fitly topics create`"
    raise Broken(message, restart_helps=False)


def as_document(policy: Policy) -> dict[str, Any]:
    """Give a policy as JSON and YAML hold it: every field, in the order of the code."""
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(policy))
    return document


def read_changes(path: Path) -> dict[str, Any]:
    """Read a file of policy fields.

    Raises
    ------
    Broken
        It cannot be read, or does not hold fields.
    """
    found = read_document(path)
    if isinstance(found, dict) and set(found) <= {
        "revision",
        "policy",
        "note",
        "by",
        "control_number",
        "issued_at",
        "partitions",
    }:
        found = found.get("policy", found)  # what `fitly policy show --json` prints
    if not isinstance(found, dict) or not found or not all(isinstance(name, str) for name in found):
        message = f"{path} holds no fields of a policy: write `epsilon: 0.05`, or begin with `fitly policy show --json`"
        raise Broken(message, restart_helps=False)
    return found


def read_document(path: Path) -> Any:  # noqa: ANN401 - what YAML holds
    """Read a file of one YAML document; JSON is YAML too. None for what is larger than such a file is.

    Raises
    ------
    Broken
        It cannot be read.
    """
    try:
        raw = path.read_bytes()
        return msgspec.yaml.decode(raw) if len(raw) <= LARGEST else None
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise Broken(message, restart_helps=False) from error
    except msgspec.DecodeError as error:
        message = f"{path} is neither YAML nor JSON: {' '.join(str(error).split())}"
        raise Broken(message, restart_helps=False) from error


def laid_over(policy: Policy, changes: Mapping[str, Any]) -> Policy:
    """Change the fields that are named; what is left out stays as it is. Lists are replaced as a whole.

    Raises
    ------
    Broken
        The result is no policy; every mistake is told with its place.

    Examples
    --------
    >>> laid_over(Policy(), {"epsilon": 0.2, "thresholds": {"low": 0.9}}).thresholds
    Thresholds(low=0.9, medium=0.7, high=0.6)
    """
    document = as_document(policy)
    for name, value in changes.items():
        known = document.get(name)
        document[name] = known | value if isinstance(known, dict) and isinstance(value, dict) else value
    try:
        return _POLICY.validate_json(msgspec.json.encode(document))
    except ValidationError as error:
        wrong = [f"{_place(one['loc'])}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors()]
        message = "this is no policy: " + "; ".join(wrong)
        raise Broken(message, restart_helps=False) from error


def _place(location: Sequence[int | str]) -> str:
    return ".".join(map(str, location)) or "the policy"


def switched(policy: Policy, contexts: Sequence[Context], arms: Sequence[Variant], *, off: bool) -> Policy:
    """Switch contexts or arms off or on again; everything where none is named.

    >>> switched(Policy(), [Context.CONTENT], [], off=True).switches.contexts
    (<Context.CONTENT: 'CONTENT'>,)
    """
    switches = policy.switches
    if not contexts and not arms:
        return replace(policy, switches=replace(switches, everything=off))
    are_off = {*switches.contexts} | {*contexts} if off else {*switches.contexts} - {*contexts}
    arms_off = {*switches.arms} | {*arms} if off else {*switches.arms} - {*arms}
    return replace(
        policy,
        switches=replace(
            switches,
            contexts=tuple(context for context in Context if context in are_off),
            arms=tuple(arm for arm in Variant if arm in arms_off),
        ),
    )


def differences(before: Policy, after: Policy) -> list[Difference]:
    """Give every field that changes, in the order of the code.

    >>> differences(Policy(), Policy(epsilon=0.2))
    [Difference(field='epsilon', before=0.1, after=0.2)]
    """
    old, new = _flat(as_document(before)), _flat(as_document(after))
    names = [*old, *(name for name in new if name not in old)]
    found = [Difference(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]
    # An empty list is a leaf; one with parts is told by its parts.
    return [one for one in found if [] not in (one.before, one.after) or {one.field} <= {*old} & {*new}]


def _flat(value: Any, path: str = "") -> dict[str, object]:  # noqa: ANN401 - what JSON holds
    """Give the leaves of a document by their path; parts of a list that have names go by them."""
    if isinstance(value, dict) and value:
        parts = {str(name): inner for name, inner in value.items()}
    elif isinstance(value, list) and value and all(isinstance(one, dict) and "name" in one for one in value):
        parts = {one["name"]: one for one in value}
    else:
        return {path: value}
    found: dict[str, object] = {}
    for name, inner in parts.items():
        found |= _flat(inner, f"{path}.{name}" if path else name)
    return found
