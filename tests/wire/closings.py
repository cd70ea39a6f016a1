"""What the partitions say of one experiment, day by day, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.wire.words import BIRTH, PARTITIONS

from fitly.core.experiments.looks import closes
from fitly.core.experiments.plan import ExperimentType, ExperimentVariant, Plan, Treatment
from fitly.core.experiments.trial import Status, Trial
from fitly.core.numbers import DAY, Day, Millis, day_of
from fitly.core.partials import Closing, Kind, Partial
from fitly.core.vocabulary import Context, Variant
from fitly.wire.partials import home_of

NAME = "spring"
HOME = home_of(Kind.EXPERIMENTS, NAME, PARTITIONS)
ENROLLED = "0.a.enrolled"
START = Millis(20_000 * DAY)
PLAN = Plan(
    experiment_name=NAME,
    experiment_type=ExperimentType.AB_TEST,
    context=Context.MISSION,
    variants=(
        ExperimentVariant(variant_id="off", config=Treatment(apply=False), weight=0.5),
        ExperimentVariant(variant_id="on", config=Treatment(strategy_variant=Variant.BALANCED), weight=0.5),
    ),
)


@dataclass
class Speaker:
    """One partition: its clock passes, its sums grow, and it says them as a shard does."""

    number: int
    clock: Millis = START
    offset: int = 0
    n: int = 0
    control: int = 7
    birth: str = BIRTH
    trial: Trial = field(
        default_factory=lambda: Trial(plan=PLAN, number=1, status=Status.ACTIVE, started_at=START, plan_hash="h")
    )
    said: list[Partial] = field(default_factory=list)

    def learns(self) -> None:
        """Grow by a record, which is its last one before it says something."""
        self.offset += 1
        self.n += self.number + 1

    def passes(self, hours: float) -> None:
        """Let time pass with one record; say what it closes, or what a tick says."""
        after, self.clock = day_of(self.clock), Millis(self.clock + round(hours * 3_600_000))
        self.offset += 1
        passed = Closing(after, day_of(self.clock))
        is_close = passed.after != passed.day and closes(self.trial, passed)
        self.said.append(
            Partial(
                Kind.EXPERIMENTS,
                NAME,
                self.number,
                self.birth,
                self.offset,
                self.clock,
                {ENROLLED: self.n},
                self.trial,
                self.control,
                passed if is_close else None,
            )
        )


def sums_past(said: list[Partial], day: int) -> int:
    """Give what a partition said first at or after the close of a day: computed from all that it ever said."""
    return next(word.sums[ENROLLED] for word in said if word.clock >= Day(day) * DAY)
