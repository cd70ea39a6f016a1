"""The contract of ``partials``: what a partition says of its sums, as a signed record and back.

Knows keys, places and the JSON of a partial. Must never know what the sums mean or who adds them up.

Sums are exact integers of any size. JSON has no bound for numbers, its readers have: most keep 53 bits. So every sum
is a decimal string, small ones too: a field has one type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from annotated_types import Ge, MaxLen, MinLen
from pydantic import Field

from fitly.core.errors import Refused
from fitly.core.experiments.trial import Trial, written
from fitly.core.names import partition_of
from fitly.core.numbers import Day, Millis
from fitly.core.partials import Closing, Kind, Partial
from fitly.core.topics import PARTIALS
from fitly.wire.outgoing import Outgoing
from fitly.wire.refusing import shortened
from fitly.wire.signing import SIGNATURE_HEADER, sign

NAME_PATTERN: Final = r"^[^|\x00-\x1f\x7f]+$"
"""No bar, for it separates the parts of a key; no control characters, for they begin the keys of system rows."""
SUM_PATTERN: Final = r"^(0|-?[1-9][0-9]{0,999})$"
LONGEST_NAME: Final = 200

Name: TypeAlias = Annotated[str, MinLen(1), MaxLen(LONGEST_NAME), Field(pattern=NAME_PATTERN)]
Sum: TypeAlias = Annotated[str, Field(pattern=SUM_PATTERN)]
Count: TypeAlias = Annotated[int, Ge(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Days (since 1970) between which the partition's clock passed: it is the first word after each close between."""

    after: Count
    day: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialSums:
    """The sums of one kind and name in one partition, as of an offset; cumulative: the newest of a partition counts.

    Of an experiment also what it is about, and the newest control event in force; once for each day that the
    partition's clock has passed also which.
    """

    kind: Kind
    name: Name
    partition: Count
    birth_id: str
    offset: Count
    clock: Count
    sums: dict[str, Sum]
    about: Trial | None = None
    control: Count = 0
    closes: Closed | None = None


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(PartialSums)
_NAME: Final = re.compile(NAME_PATTERN)
_SUM: Final = re.compile(SUM_PATTERN)


def encode_partial(partial: Partial) -> bytes:
    """Write a partial's value; sums in the order of their names.

    >>> encode_partial(Partial(Kind.PRIORS, "MISSION", 0, "b", 7, Millis(9), {"n": 3}))
    b'{"kind":"priors","name":"MISSION","partition":0,"birth_id":"b","offset":7,"clock":9,"sums":{"n":"3"}}'
    """
    said: dict[str, Any] = {
        "kind": partial.kind,
        "name": partial.name,
        "partition": partial.partition,
        "birth_id": partial.birth_id,
        "offset": partial.offset,
        "clock": partial.clock,
        "sums": spelt(partial.sums),
    }
    if partial.about is not None:
        said |= {"about": written(partial.about), "control": partial.control}
    if partial.closes is not None:
        said["closes"] = partial.closes._asdict()
    return _ENCODER.encode(said)


def decode_partial(value: bytes) -> Partial:
    """Read a partial's value.

    Raises
    ------
    Refused
        It is no partial: ``NOT_JSON``, ``SCHEMA`` or ``OUT_OF_RANGE``.
    """
    try:
        said = _DECODER.decode(value)
    except msgspec.ValidationError as error:
        raise Refused("SCHEMA", shortened(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("NOT_JSON", shortened(str(error))) from error
    closes = None if said.closes is None else Closing(Day(said.closes.after), Day(said.closes.day))
    if min(said.partition, said.offset, said.clock, said.control, *(closes or ())) < 0:
        raise Refused("OUT_OF_RANGE", "partition, offset, clock, control and days are 0 or more")
    if closes is not None and (said.about is None or said.about.started_at is None):
        raise Refused("SCHEMA", "about: what closes a day says which experiment it is about, and that has started")
    if len(said.name) > LONGEST_NAME or not _NAME.fullmatch(said.name):
        raise Refused("SCHEMA", f"name: 1 to {LONGEST_NAME} characters, no bar and no control characters")
    for name, digits in said.sums.items():
        if not _SUM.fullmatch(digits):
            raise Refused("SCHEMA", f"sums.{shortened(name)}: a decimal integer of at most 1,000 digits")
    clock, sums = Millis(said.clock), {name: int(digits) for name, digits in said.sums.items()}
    return Partial(
        said.kind,
        said.name,
        said.partition,
        said.birth_id,
        said.offset,
        clock,
        sums,
        said.about,
        said.control,
        closes,
    )


def spelt(sums: dict[str, int]) -> dict[str, str]:
    """Write sums as decimal strings, in the order of their names.

    >>> spelt({"x": -2, "n": 2**64})
    {'n': '18446744073709551616', 'x': '-2'}
    """
    return {name: str(value) for name, value in sorted(sums.items())}


def merged_key(kind: Kind, name: str) -> bytes:
    """Give the key of what the partitions' words add up to; it also chooses the partition of ``partials``.

    >>> merged_key(Kind.PRIORS, "MISSION")
    b'priors|MISSION'
    """
    return f"{kind}|{name}".encode()


def word_key(kind: Kind, name: str, partition: int) -> bytes:
    """Give the key of one partition's word, in ``partials`` and at rest.

    >>> word_key(Kind.PRIORS, "MISSION", 3)
    b'priors|MISSION|3'
    """
    return f"{kind}|{name}|{partition}".encode()


def closing_key(kind: Kind, name: str, partition: int, day: Day) -> bytes:
    """Give the key of a partition's first word of a day: it stays, whatever is said later.

    >>> closing_key(Kind.EXPERIMENTS, "spring", 3, Day(20_000))
    b'experiments|spring|3|20000'
    """
    return f"{kind}|{name}|{partition}|{day}".encode()


def key_of(partial: Partial) -> bytes:
    """Give the key that a partial has in ``partials``."""
    subject = partial.kind, partial.name, partial.partition
    return word_key(*subject) if partial.closes is None else closing_key(*subject, partial.closes.day)


def home_of(kind: Kind, name: str, partitions: int) -> int:
    """Give the partition of ``partials`` in which all that is said of a name is."""
    return partition_of(merged_key(kind, name), partitions)


def outgoing_partial(partial: Partial, partitions: int, control_key: bytes) -> Outgoing:
    """Write a partial as the signed record it goes out as.

    Parameters
    ----------
    partitions : int
        How many the log has, and ``partials`` with it.
    control_key : bytes
        What comes of partials is put in force, so nobody without the key may say any.
    """
    value = encode_partial(partial)
    signature = sign(control_key, partial.birth_id, value)
    return Outgoing(
        PARTIALS,
        key_of(partial),
        value,
        ((SIGNATURE_HEADER, signature),),
        home_of(partial.kind, partial.name, partitions),
    )
