"""What a variant of an experiment does to the decisions of whoever is in it.

Knows treatments, and the rules that are in force under a variant's own policy. Must never know how a learner came to a
variant, nor how a policy draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fitly.core.decisions import Enrolled, ParameterValue, Selected
from fitly.core.experiments.assigning import interval, place_of
from fitly.core.experiments.enrolling import Part
from fitly.core.experiments.enrolment import How
from fitly.core.experiments.plan import Treatment
from fitly.core.inforce import InForce
from fitly.core.names import UserId
from fitly.core.numbers import CERTAIN, Nano
from fitly.core.parameters import NOTHING_FIXED
from fitly.core.vocabulary import Feature


class Treated(NamedTuple):
    """How the decisions of a learner in an experiment are made.

    Attributes
    ----------
    experiment : str
        Its name.
    treatment : Treatment
        What the variant does.
    force : InForce or None
        What is in force under the variant's own policy; None where it has none.
    enrolled : Enrolled
        What the record will say of it.
    assignment : Nano
        Probability of the learner-level assignment: of the variant, and of not being held out where that was drawn.
    draw : float or None
        The learner's own draw that led to the variant; None for none.
    """

    experiment: str
    treatment: Treatment
    force: InForce | None
    enrolled: Enrolled
    assignment: Nano
    draw: float | None


def treated(part: Part, user_id: UserId, force: InForce) -> Treated:
    """Give what a learner's part in an experiment means for a decision."""
    trial, enrolment = part
    name, variant = trial.plan.experiment_name, trial.plan.variants[enrolment.variant]
    ways = force.ways.get(name)
    found = interval(trial, enrolment, user_id, force.birth)
    probability = Nano(enrolment.probability)
    enrolled = Enrolled(variant.variant_id, How(enrolment.how), enrolment.epoch, probability)
    if found is not None:
        enrolled = enrolled._replace(purpose=found.purpose, low=found.low, high=found.high)
    past_holdout = enrolment.how in {How.GIVEN, How.FORCED}
    assignment = probability if past_holdout else Nano(probability * force.free // CERTAIN)
    own = None if ways is None else ways[enrolment.variant]
    return Treated(name, variant.config, own, enrolled, assignment, None if found is None else found.draw)


def fixed_by(selected: Selected, force: InForce) -> Mapping[Feature, ParameterValue]:
    """Give the parameters that the variant of a standing decision sets; nothing outside of experiments."""
    place = _place(selected, force)
    if place < 0 or selected.experiment is None:
        return NOTHING_FIXED
    return force.trials[selected.experiment].plan.variants[place].config.parameters


def under(selected: Selected, force: InForce) -> InForce:
    """Give what is in force where a decision stands: under its variant's own policy, if it has one."""
    place = _place(selected, force)
    ways = None if place < 0 or selected.experiment is None else force.ways.get(selected.experiment)
    return force if ways is None else ways[place] or force


def _place(selected: Selected, force: InForce) -> int:
    if selected.enrolled is None or selected.experiment is None:
        return -1
    trial = force.trials.get(selected.experiment)
    return -1 if trial is None else place_of(trial.plan, selected.enrolled.variant)
