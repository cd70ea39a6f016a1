"""Names of experiments and of their variants, which assignments only count.

Knows that an assignment may be written before the control log has told of its experiment, or after. Must never know
what an assignment means.

Both sides name what they find, and whoever finds nothing to name with looks again under a lock that the other side
takes before it tells of an experiment: so of the two, the later one always sees the earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Integer, Update, bindparam, exists, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger, Text

from fitly.store import schema

_LOCK: Final = 0x6669746C79  # any number that nothing else here locks
_EXPERIMENTS: Final = schema.EXPERIMENTS.c
_ASSIGNMENTS: Final = schema.ASSIGNMENTS.c
_NUMBER: Final = _EXPERIMENTS.trial["number"].as_string().cast(Integer)
_PLACE: Final = _ASSIGNMENTS.variant_place.cast(Text)
_VARIANT: Final = func.jsonb_extract_path_text(_EXPERIMENTS.variants, _PLACE, "variant_id")


def _naming() -> Update:
    statement = update(schema.ASSIGNMENTS).values(experiment_id=_EXPERIMENTS.id, assigned_variant=_VARIANT)
    wrong = _ASSIGNMENTS.experiment_id.is_(None) | _ASSIGNMENTS.assigned_variant.is_distinct_from(_VARIANT)
    return statement.where(_ASSIGNMENTS.experiment_number == _NUMBER, wrong)


_OF_USERS: Final = _naming().where(_ASSIGNMENTS.user_id == func.any(bindparam("users", type_=ARRAY(Text()))))
_OF_NUMBERS: Final = _naming().where(
    _ASSIGNMENTS.experiment_number == func.any(bindparam("numbers", type_=ARRAY(BigInteger()))),
    _ASSIGNMENTS.experiment_id.is_(None),
)
_UNNAMED: Final = select(
    exists().where(
        _ASSIGNMENTS.user_id == func.any(bindparam("users", type_=ARRAY(Text()))), _ASSIGNMENTS.experiment_id.is_(None)
    )
)


async def name_assignments(connection: AsyncConnection, users: Sequence[str]) -> None:
    """Name the assignments of learners that have just been written, as far as the experiments are known."""
    there = {"users": sorted(set(users))}
    await connection.execute(_OF_USERS, there)
    if (await connection.execute(_UNNAMED, there)).scalar_one():
        await connection.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))
        await connection.execute(_OF_USERS, there)


async def about_to_tell(connection: AsyncConnection) -> None:
    """Wait for whoever found no name, before experiments are written."""
    await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


async def name_experiments(connection: AsyncConnection, numbers: Sequence[int]) -> None:
    """Name the assignments that were waiting for experiments that have just been written."""
    await connection.execute(_OF_NUMBERS, {"numbers": sorted(numbers)})
