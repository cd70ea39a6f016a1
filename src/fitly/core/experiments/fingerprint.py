"""The fingerprint of a plan: what was promised at the start can be held against what was done.

Knows a plan as plain data. Must never know what its fields mean. A field that says what it says by default is left out:
so a plan keeps its fingerprint when plans can say more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from fitly.core.experiments.plan import Plan


def plan_hash(plan: Plan) -> str:
    """Give the SHA-256 of a plan, in 64 hexadecimal digits.

    >>> from dataclasses import replace
    >>> from fitly.core.experiments.plan import ExperimentType, ExperimentVariant, Plan, Treatment
    >>> from fitly.core.vocabulary import Context, Variant
    >>> none, some = Treatment(apply=False), Treatment(strategy_variant=Variant.BALANCED)
    >>> plan = Plan(
    ...     experiment_name="any",
    ...     experiment_type=ExperimentType.AB_TEST,
    ...     context=Context.MISSION,
    ...     variants=tuple(ExperimentVariant(variant_id=f"{n}", config=(none, some)[n], weight=0.5) for n in (0, 1)),
    ... )
    >>> plan_hash(plan)[:16], plan_hash(replace(plan, planned_n=4_000)) == plan_hash(plan)
    ('50d294aa89832a08', False)
    """
    said = json.dumps(_said(plan), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(said.encode()).hexdigest()


def _said(value: Any) -> Any:  # noqa: ANN401 - whatever a plan holds, as JSON holds it
    if is_dataclass(value):
        parts = {field.name: (field, getattr(value, field.name)) for field in fields(value)}
        return {name: _said(part) for name, (field, part) in parts.items() if part != _by_default(field)}
    if isinstance(value, Mapping):
        return {str(name): _said(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [_said(part) for part in value]
    return value


def _by_default(field: Field[Any]) -> Any:  # noqa: ANN401
    return field.default if field.default_factory is MISSING else field.default_factory()
