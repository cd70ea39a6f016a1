"""A plan that contradicts itself is refused, and told what to change."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.partition import replace
from tests.core.trials import BANDIT, PLAN

from fitly.core.events import ExperimentCompleted
from fitly.core.experiments.plan import Bandit, ExperimentType, RandomizationUnit, Segments, Treatment
from fitly.core.experiments.trial import Afterwards
from fitly.core.rules import Policy
from fitly.core.vocabulary import Feature, Level, Variant

NONE, BALANCED = PLAN.variants
BALANCED_FASTER = replace(
    BALANCED, config=Treatment(strategy_variant=Variant.BALANCED, parameters={Feature.SESSION_INTENSITY: 1.5})
)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"experiment_name": "a name"}, "rename 'a name'"),
        ({"variants": (NONE, replace(BALANCED, variant_id="none"))}, "two variants have the same variant_id"),
        ({"variants": (NONE, replace(BALANCED, variant_id="no|bars"))}, "variant_id: letters, digits"),
        ({"variants": (NONE, BALANCED, replace(BALANCED, variant_id="third"))}, "an AB_TEST has at most 2 variants"),
        ({"experiment_type": ExperimentType.MULTIVARIATE}, "a MULTIVARIATE experiment has 3 to 8 variants"),
        ({"variants": (NONE, replace(BALANCED, weight=0.4))}, "the variants' weights add to 0.9: make them add to 1"),
        ({"control": "nobody"}, "control names 'nobody', which is no variant"),
        ({"bandit": Bandit()}, "bandit belongs to a MULTI_ARMED_BANDIT"),
        ({"experiment_type": ExperimentType.MULTI_ARMED_BANDIT}, "bandit belongs to a MULTI_ARMED_BANDIT"),
        ({"unit": RandomizationUnit.GROUP}, "unit: group needs group_kind"),
        ({"group_kind": "class"}, "unit: group needs group_kind"),
        ({"segments": Segments(levels=(Level.NONE,))}, "whoever allows nothing is in no experiment"),
        ({"variants": (replace(NONE, cell={"pace": "slow"}), BALANCED)}, "must name a level of the same factors"),
        ({"variants": (NONE, BALANCED_FASTER)}, "parameters are of another context"),
    ],
)
def test_a_plan_must_agree_with_itself(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("|", r"\|")):
        replace(PLAN, **changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"unit": RandomizationUnit.GROUP, "group_kind": "class"}, "a bandit is drawn for learners"),
        (
            {
                "bandit": Bandit(floor=0.25),
                "variants": tuple(replace(NONE, variant_id=f"v{n}", weight=0.2) for n in range(5)),
            },
            "floor times variants must be at most 1",
        ),
    ],
)
def test_a_bandit_must_leave_something_to_move(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(BANDIT, **changes)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, "exactly one of"),
        ({"apply": False, "policy": Policy()}, "exactly one of"),
        ({"apply": True}, "apply: true says nothing"),
        ({"apply": False, "parameters": {Feature.MISSION_DIFFICULTY: 2}}, "parameters belong to a strategy_variant"),
    ],
)
def test_a_variant_does_one_thing(config: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Treatment(**config)


def test_what_the_others_are_compared_with_and_the_layer_have_defaults() -> None:
    assert (PLAN.controls, PLAN.slot) == ("none", "ASSESSMENT")
    named = replace(PLAN, control="balanced", layer="texts")
    assert (named.controls, named.slot) == ("balanced", "texts")


@pytest.mark.parametrize(("then", "winner"), [(Afterwards.ROLL_OUT, None), (Afterwards.KEEP, "none")])
def test_a_roll_out_has_a_winner_and_nothing_else_has_one(then: Afterwards, winner: str | None) -> None:
    with pytest.raises(ValueError, match="give both or neither"):
        ExperimentCompleted(experiment_name="any", afterwards=then, winner=winner)
