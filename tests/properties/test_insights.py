"""Insights in any order: the same rows, the same parameters, and no row that grows."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as some
from tests.core.partition import HOURS, Partition, Policy
from tests.properties.histories import INSIGHTS, seeds

from fitly.core.insights import Insights
from fitly.core.names import event_key
from fitly.core.numbers import Millis
from fitly.core.vocabulary import Context

Said = tuple[str, dict[str, object], float, float, float | None]


def told(random: Random) -> Said:
    """Make an insight: kind, payload, confidence, and in hours from now since when and until when."""
    kind = random.choice([*INSIGHTS])
    ago = random.choice((0.0, 1.0, 1.0, 5.0, 700.0, 800.0))
    until = random.choice((None, None, -0.5, 1.0, 50.0))
    return kind, INSIGHTS[kind](random), round(random.random(), 2), ago, until


def folded(insights: list[tuple[int, Said]]) -> tuple[Insights, list[object]]:
    """Fold insights under decisions that stand in every context; what is held, and what the decisions say then."""
    partition = Partition(Policy(holdout_share=0, control_share=0, epsilon=1))
    for context in Context:
        partition.request(context=context, event_id=context.value)
    for number, (kind, payload, confidence, ago, until) in insights:
        given = {} if until is None else {"valid_days": until / 24}
        partition.observe("ada", kind, confidence=confidence, event_id=f"i{number}", ago=ago, **given, **payload)
    held, says = partition.learner().insights, []
    for hours in (0, 2, 100):
        partition.now = Millis(partition.now + hours * HOURS)
        partition.tick()
        for context in Context:
            row = partition.row(context=context)
            assert row.standing is not None
            says += [row.standing.open().parameters, row.lapses_at]
    return held, says


@given(seed=seeds, count=some.integers(1, 12), order=some.integers(0, 99))
def test_the_order_in_which_insights_arrive_changes_neither_what_is_held_nor_what_stands(
    seed: int, count: int, order: int
) -> None:
    random = Random(seed)
    insights = list(enumerate(told(random) for _ in range(count)))
    shuffled = Random(order).sample(insights, count)
    assert folded(shuffled) == folded(insights)


@given(seed=seeds)
def test_a_row_holds_no_more_for_having_heard_more(seed: int) -> None:
    random = Random(seed)
    insights = [told(random) for _ in range(60)]
    held, _ = folded(list(enumerate(insights)))
    newest, _ = folded([(n, said) for n, said in enumerate(insights) if f"i{n}" in kept(held)])
    assert newest == held
    assert sum(each is not None for each in held) <= len(INSIGHTS)


def kept(held: Insights) -> set[str]:
    """Give the ids of the events that are held."""
    keys = {each.key for each in held if each is not None}
    return {f"i{n}" for n in range(60) if event_key("lms", f"i{n}") in keys}
