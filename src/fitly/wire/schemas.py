"""JSON Schemas of every contract, made from the types that read and write them: ``python -m fitly.wire.schemas``.

Knows what a producer or consumer must be told that the types do not say by themselves. Must never know an event's
meaning. With ``--check`` nothing is written: a file that differs by one byte is told, and the exit status is 1.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_type_hints

from pydantic import Discriminator, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from fitly.core.events import ExperimentCompleted, OutcomeCorrected, OutcomeRecorded
from fitly.core.experiments.plan import Treatment
from fitly.core.experiments.report import Report
from fitly.core.experiments.trial import Afterwards
from fitly.core.insights import PAYLOADS, StyleProfile
from fitly.core.rules import SHADOW_NAME, Policy, RewardWeights, Shadow
from fitly.core.topics import TOPICS
from fitly.core.vocabulary import Algorithm, Metric, Variant
from fitly.wire import assessed as assessments
from fitly.wire import attributes
from fitly.wire.cloudevents import CloudEvent
from fitly.wire.events import CONTROL_ADAPTER, LEARNER_ADAPTER
from fitly.wire.moments import RFC_3339
from fitly.wire.outcomes import AMENDED, FILED, Amended, Filed
from fitly.wire.partials import PartialSums
from fitly.wire.selected import KIND, StrategySelected

DIRECTORY: Final = Path("schemas")
"""Where the files are, seen from the root of the repository."""
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema: TypeAlias = dict[str, Any]


def _one_of(payload: type, bound: Schema) -> Schema:
    """Demand that at least one of a type's fields is there and keeps a bound."""
    names = [each.name for each in dataclasses.fields(payload) if each.name != "valid_until"]
    return {"anyOf": [{"required": [name], "properties": {name: bound}} for name in names]}


WEIGHTS: Final = tuple(metric.value for metric in Metric)
METRICS: Final = ("retention_score", "performance_score", "completion_rate", "engagement_score")
_MEASURED: Final = [{"required": [metric], "properties": {metric: {"type": "number"}}} for metric in METRICS]
_UNMEASURED: Final = {"properties": {metric: {"type": "null"} for metric in METRICS}}
_WEIGHTLESS: Final = {"properties": {weight: {"const": 0} for weight in WEIGHTS}, "required": [*WEIGHTS]}
_FIXED: Final = {
    "if": {"required": ["algorithm"], "properties": {"algorithm": {"const": Algorithm.FIXED.value}}},
    "then": {"required": ["fixed_arm"], "properties": {"fixed_arm": {"type": "string"}}},
    "else": {"properties": {"fixed_arm": {"type": "null"}}},
}
_ONE_CONFIG: Final = {
    "oneOf": [
        {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
        for name in ("strategy_variant", "apply", "policy")
    ],
    "allOf": [{"properties": {"apply": {"enum": [False, None]}}}],
}
_ENDED: Final = {
    "if": {"required": ["afterwards"], "properties": {"afterwards": {"const": Afterwards.ROLL_OUT.value}}},
    "then": {"required": ["winner"], "properties": {"winner": {"type": "string"}}},
    "else": {"properties": {"winner": {"type": "null"}}},
}
ALSO: Final[dict[type, Schema]] = {
    Treatment: _ONE_CONFIG,
    ExperimentCompleted: _ENDED,
    OutcomeRecorded: {"anyOf": _MEASURED},
    OutcomeCorrected: {
        "if": {"required": ["withdrawn"], "properties": {"withdrawn": {"const": True}}},
        "then": _UNMEASURED,
        "else": {"anyOf": _MEASURED},
    },
    Policy: _FIXED,
    Shadow: {**_FIXED, "allOf": [{"properties": {"name": {"pattern": f"^{SHADOW_NAME}$"}}}]},
    RewardWeights: {"not": _WEIGHTLESS},
    attributes.AT_THE_DOOR: _one_of(attributes.AT_THE_DOOR, {"minProperties": 1}),
    StyleProfile: _one_of(StyleProfile, {"exclusiveMinimum": 0}),
    **{payload: _one_of(payload, {"not": {"type": "null"}}) for payload in PAYLOADS.values()},
}
"""What a type demands of its fields together; fields by themselves say it in their types."""
LEFT_OUT: Final = {StrategySelected: ("experiment_variant", "enrolment")}
"""Fields that are not written where they say nothing."""
ATTRIBUTES: Final = {
    "id": "The event's id, unique for its source: (source, id) identifies it, and a repeat is a DUPLICATE.",
    "source": "Who says it.",
    "type": "What kind of event this is.",
    "time": "When it happened: RFC 3339, with zone. Its UTC day is the day it counts for.",
    "subject": "The learner's user_id; equal to the record's key.",
    "number": "Place in the one order of all control events, from 1, without gaps.",
}
"""What the attributes of an envelope are for."""


class _Contract(GenerateJsonSchema):
    """Pydantic's generator, told what our types leave to words."""

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        """Describe an enum; at the door a variant may go by its label as well."""
        made = super().enum_schema(schema)
        if schema["cls"] is Variant and self.mode == "validation":
            made["enum"] = [*made["enum"], *(variant.label for variant in Variant)]
        return made

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Describe a dataclass, with what it demands of its fields together."""
        made = super().dataclass_schema(schema)
        attributes = made["properties"]
        if self.mode == "validation" and "specversion" in attributes:
            for name in ATTRIBUTES.keys() & attributes.keys():
                attributes[name]["description"] = ATTRIBUTES[name]
        left_out = LEFT_OUT.get(schema["cls"], ())
        if left_out:
            made["required"] = [name for name in made["required"] if name not in left_out]
        return made | ALSO.get(schema["cls"], {})

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Describe a mapping: where its names have a form, names of another form are refused."""
        made = super().dict_schema(schema)
        return made | {"additionalProperties": False} if "patternProperties" in made else made

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        """Describe a moment: with its zone, as everywhere here."""
        return super().datetime_schema(schema) | {"pattern": RFC_3339}


def _prose(text: str) -> str:
    """Give a docstring up to its first example, a line per paragraph."""
    paragraphs = text.partition("\n\n>>>")[0].split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _said(kind: str, data: type) -> type:
    """Make the envelope of one kind of event that Fitly sends, as `CloudEvent` has it."""
    hints = get_type_hints(CloudEvent)
    known: dict[str, Any] = hints | {"type": Literal[kind], "data": data}
    fields = [
        (each.name, known[each.name] if each.default is MISSING else Literal[each.default])
        for each in dataclasses.fields(CloudEvent)
    ]
    envelope = dataclasses.make_dataclass(f"{data.__name__}Event", fields, frozen=True, slots=True, kw_only=True)
    envelope.__doc__ = data.__doc__
    return envelope


def _file(adapter: TypeAdapter[Any], name: str, mode: JsonSchemaMode) -> bytes:
    """Give the bytes of one schema file."""
    topic = next(topic for topic in TOPICS if topic.schema == name)
    made = adapter.json_schema(schema_generator=_Contract, mode=mode)
    for definition in made["$defs"].values():
        if "description" in definition:  # a tuple with names has none
            definition["description"] = _prose(definition["description"])
    head = {"$schema": DIALECT, "title": topic.name, "description": topic.help}
    return (json.dumps(head | made | head, indent=2, ensure_ascii=False) + "\n").encode()


def files() -> dict[str, bytes]:
    """Give every schema file: its name, and what must stand in it."""
    filed, amended = _said(FILED, Filed), _said(AMENDED, Amended)
    either: Any = Annotated[Union[filed, amended], Discriminator("type")]  # noqa: UP007 - made at run time
    outcomes: TypeAdapter[Any] = TypeAdapter(either)
    selected: TypeAdapter[Any] = TypeAdapter(_said(KIND, StrategySelected))
    assessed: TypeAdapter[Any] = TypeAdapter(_said(assessments.KIND, assessments.EffectivenessAssessed))
    return {
        "learner-events.json": _file(LEARNER_ADAPTER, "learner-events.json", "validation"),
        "control.json": _file(CONTROL_ADAPTER, "control.json", "validation"),
        "strategy-selected.json": _file(selected, "strategy-selected.json", "serialization"),
        "outcomes.json": _file(outcomes, "outcomes.json", "serialization"),
        "partials.json": _file(TypeAdapter(PartialSums), "partials.json", "serialization"),
        "effectiveness-assessed.json": _file(assessed, "effectiveness-assessed.json", "serialization"),
        "experiment-results.json": _file(TypeAdapter(Report), "experiment-results.json", "serialization"),
    }


def main(arguments: Sequence[str], directory: Path = DIRECTORY) -> int:
    """Write the files, or with ``--check`` compare them byte for byte; 1 where one differs."""
    stale = [(name, content) for name, content in files().items() if _read(directory / name) != content]
    if "--check" not in arguments:
        directory.mkdir(exist_ok=True)
        for name, content in stale:
            (directory / name).write_bytes(content)
            sys.stdout.write(f"wrote {directory / name}\n")
        return 0
    if stale:
        names = ", ".join(str(directory / name) for name, _ in stale)
        sys.stderr.write(f"{names}: not as the types say; run `make schemas` and commit the result\n")
    return int(bool(stale))


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
