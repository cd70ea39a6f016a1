"""What is known of the population, made ready for use: it stands where nothing else is known."""

from __future__ import annotations

from tests.core.partition import Partition

from fitly.core.entries import BASELINE
from fitly.core.events import PriorsRevised
from fitly.core.inforce import put_in_force
from fitly.core.rules import ContextPriors, Fares, MetricMeans, Priors, Rules
from fitly.core.vocabulary import Context, OutcomeType

FARES = tuple(Fares(n=n, sum=n * 600_000, squares=n * 370_000_000_000) for n in range(5, 10))
KNOWN = ContextPriors(
    mean=0.625,
    reward_sd=0.2,
    metrics={
        OutcomeType.ASSESSMENT_COMPLETED: MetricMeans(retention=0.4, performance=0.7, completion=0.9, engagement=0.2)
    },
    baseline=FARES,
)


def test_an_absent_metric_stands_at_what_is_known_of_its_type_and_else_at_what_is_assumed() -> None:
    force = put_in_force(Rules(priors=Priors(contexts={Context.ASSESSMENT: KNOWN})))
    assert force.typical[Context.ASSESSMENT, OutcomeType.ASSESSMENT_COMPLETED] == (400_000, 700_000, 900_000, 200_000)
    assert force.typical[Context.ASSESSMENT, OutcomeType.CONTENT_ENGAGED] == force.unknown
    assert force.typical[Context.SESSION, OutcomeType.ASSESSMENT_COMPLETED] == force.unknown
    assert (force.centres[Context.ASSESSMENT], force.centres[Context.SESSION]) == (625_000, 500_000)


def test_rewards_and_rows_follow_what_is_known_from_its_control_event_on() -> None:
    partition = Partition()
    partition.control("fitly.priors.revised.v1", PriorsRevised(context=Context.ASSESSMENT, priors=KNOWN))
    partition.request()
    told = partition.outcome(score=0.5)
    assert told.filed.reward == (400_000 + 500_000 + 900_000 + 200_000) // 4
    baseline = BASELINE.at(partition.row().baseline, 0)
    assert (baseline.n, baseline.composite, baseline.n_engagement) == (5, 3_000_000, 9)
