"""An experiment in force: its plan, where it stands in its life, and what the log has set on the way.

Knows the state that control events build up. Must never know a learner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final, TypeAlias

from fitly.core.experiments.plan import Plan
from fitly.core.numbers import DAY, Millis, Nano, day_of


class Status(StrEnum):
    """Where an experiment stands in its life."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class Afterwards(StrEnum):
    """What becomes of the learners when an experiment is complete.

    RELEASE: the policy decides for them again. KEEP: whoever is enrolled keeps the variant, nobody joins. ROLL_OUT:
    whoever may be enrolled gets the winner, but for a share held back with the control, which goes on being measured.
    """

    RELEASE = "RELEASE"
    KEEP = "KEEP"
    ROLL_OUT = "ROLL_OUT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """The weights (10^-9, adding to 10^9, in the order of the plan's variants) that hold from a moment on."""

    number: int
    since: Millis
    weights: tuple[Nano, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a partition knows of one experiment.

    Attributes
    ----------
    plan : Plan
        The newest revision.
    number : int
        Place among all experiments ever defined, from 1: names it inside packed rows.
    defined_at : Millis
        First definition, on the log's clock.
    revision : int
        Of the plan, from 1.
    plan_hash : str
        Of the plan at the start; empty before.
    status : Status
        Where it stands.
    started_at, ended_at : Millis or None
        On the log's clock.
    epoch : Epoch or None
        The weights in force; None before the start.
    past : tuple of Epoch
        The epochs before it, in order: how many learners of each variant are to be expected follows from the weights
        that each was drawn with. Whoever sets a new ``epoch`` appends the former one.
    stops_applying : bool
        Paused, and what stands is withdrawn.
    afterwards : Afterwards or None
        What follows completion.
    winner : str or None
        ``variant_id`` that is rolled out.
    hold_back : Nano
        Share of the learners held back from a roll-out.
    paused_since : Millis or None
        On the log's clock, while it is paused.
    paused_for : Millis
        How long all pauses took that are over.
    """

    plan: Plan
    number: int
    defined_at: Millis = Millis(0)
    revision: int = 1
    plan_hash: str = ""
    status: Status = Status.DRAFT
    started_at: Millis | None = None
    ended_at: Millis | None = None
    epoch: Epoch | None = None
    past: tuple[Epoch, ...] = ()
    stops_applying: bool = False
    afterwards: Afterwards | None = None
    winner: str | None = None
    hold_back: Nano = Nano(0)
    paused_since: Millis | None = None
    paused_for: Millis = Millis(0)

    @property
    def enrols(self) -> bool:
        """Whether learners join it: as participants, or in a roll-out."""
        return self.status is Status.ACTIVE or self.rolls_out

    @property
    def applies(self) -> bool:
        """Whether it decides for whoever is enrolled."""
        if self.status is Status.PAUSED:
            return not self.stops_applying
        return self.status is Status.ACTIVE or self.afterwards in {Afterwards.KEEP, Afterwards.ROLL_OUT}

    @property
    def goes_on(self) -> bool:
        """Whether whoever is enrolled still is, and so may be in no other experiment of the context."""
        return self.enrols or self.applies or self.status is Status.PAUSED

    @property
    def rolls_out(self) -> bool:
        """Whether it is complete and its winner is given to everybody but those held back."""
        return self.afterwards is Afterwards.ROLL_OUT

    @property
    def epoch_ends(self) -> Millis | None:
        """When the epoch in force of a bandit is over; None where nothing has epochs.

        Epochs end as looks are taken, at the close of a UTC day, and the day in which one began is its first. So the
        weights that a look gives hold from the day after its close on, and follow each other every ``epoch_days``.
        """
        if self.plan.bandit is None or self.epoch is None:
            return None
        return Millis((day_of(self.epoch.since) + self.plan.bandit.epoch_days) * DAY)

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """All weights that were ever in force, in order."""
        return self.past if self.epoch is None else (*self.past, self.epoch)


_LATER: Final = frozenset({"paused_since", "paused_for"})
"""Fields that came after others were written: left out where they say nothing, so what was written stays as it is."""


def written(trial: Trial) -> dict[str, Any]:
    """Give what is written of an experiment, in rows, words and tables: its fields, in their order."""
    values = ((field, getattr(trial, field.name)) for field in fields(trial))
    return {field.name: value for field, value in values if field.name not in _LATER or value != field.default}


Trials: TypeAlias = Mapping[str, Trial]
"""Every experiment ever defined by its name, in the order of their numbers."""
