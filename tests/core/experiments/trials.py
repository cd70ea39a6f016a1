"""Experiments for tests: a plan, a trial that has started, and learners as rows keep them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from fitly.core.experiments.enrolment import ENROLMENTS, Enrolment, State
from fitly.core.experiments.plan import Bandit, ExperimentType, ExperimentVariant, Plan, Treatment
from fitly.core.experiments.sums import contribution
from fitly.core.experiments.trial import Epoch, Status, Trial
from fitly.core.numbers import CERTAIN, DAY, Millis, Nano
from fitly.core.vocabulary import Context, Variant

START: Final = Millis(1_700_000_000_000 // DAY * DAY)
NUMBER: Final = 7
ARMS: Final = (None, *Variant)


def plan(
    variants: int = 2,
    *,
    bandit: Bandit | None = None,
    cells: Sequence[dict[str, str]] = (),
    **fields: Any,  # noqa: ANN401 - any field of it
) -> Plan:
    """Make a plan of a control that applies nothing, and treatments A, B … that each apply an arm."""
    kinds = {True: ExperimentType.MULTI_ARMED_BANDIT, False: ExperimentType.MULTIVARIATE}
    kind = kinds[bandit is not None] if variants > 2 or bandit else ExperimentType.AB_TEST
    made = []
    for place in range(variants):
        arm = ARMS[place % len(ARMS)]
        config = Treatment(apply=False) if arm is None else Treatment(strategy_variant=arm)
        made.append(
            ExperimentVariant(
                variant_id="control" if not place else "ABCDEFG"[place - 1],
                config=config,
                weight=1 / variants,
                cell=dict(cells[place]) if cells else {},
            )
        )
    known: dict[str, Any] = {"experiment_name": "try", "context": Context.MISSION, "planned_n": 1_000}
    return Plan(experiment_type=kind, variants=tuple(made), bandit=bandit, **(known | fields))


def trial(of: Plan, *epochs: Sequence[float], **fields: Any) -> Trial:  # noqa: ANN401 - any field of it
    """Make a trial that has started, with the weights of its epochs, a week each."""
    weights = epochs or [[variant.weight for variant in of.variants]]
    known = [
        Epoch(
            number=number, since=Millis(START + number * 7 * DAY), weights=tuple(Nano(round(CERTAIN * w)) for w in each)
        )
        for number, each in enumerate(weights)
    ]
    set_: dict[str, Any] = {"status": Status.ACTIVE, "started_at": START}
    return Trial(plan=of, number=NUMBER, epoch=known[-1], past=tuple(known[:-1]), **(set_ | fields))


def learner(variant: int, composite: float | None, *, decisions: int = 1, **fields: Any) -> Enrolment:  # noqa: ANN401 - any field of it
    """Make a learner who is measured: every decision has one outcome of this reward, or none has any."""
    n = 0 if composite is None else decisions
    known: dict[str, Any] = {
        "state": State.MEASURED, "applied": decisions if variant else 0, "joined": n, "n": n,
        "composite": round((composite or 0) * 1_000_000) * n,
    }  # fmt: skip
    return Enrolment(NUMBER, variant=variant, decisions=decisions, **(known | fields))


def added(learners: Iterable[Enrolment | list[Enrolment]]) -> dict[str, int]:
    """Add up what learners, each with one enrolment or several, contribute."""
    sums: Counter[str] = Counter()
    for each in learners:
        sums.update(contribution(ENROLMENTS.join(each if isinstance(each, list) else [each]))[NUMBER])
    return dict(sorted(sums.items()))


def at(days: float) -> Millis:
    """Give the moment so many days after the start."""
    return Millis(START + round(days * DAY))
