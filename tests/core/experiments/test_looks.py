"""Which partition's word says how an experiment stands."""

from __future__ import annotations

from dataclasses import replace

from tests.core.experiments.trials import START, plan, trial

from fitly.core.experiments.looks import newest_about
from fitly.core.experiments.plan import Bandit
from fitly.core.experiments.trial import Epoch, Trial
from fitly.core.numbers import CERTAIN, DAY, Millis, Nano
from fitly.core.partials import Kind, Partial


def weighed(since: int) -> Trial:
    """A bandit whose first weights are in force since then."""
    epoch = Epoch(number=0, since=Millis(since), weights=(Nano(CERTAIN // 2),) * 2)
    return replace(trial(plan(bandit=Bandit())), epoch=epoch)


def word(partition: int, control: int, about: Trial | None) -> Partial:
    return Partial(Kind.EXPERIMENTS, "try", partition, "b", 7, START, {}, about, control)


def test_the_word_that_knows_most_counts_then_the_one_whose_weights_came_last_then_the_first() -> None:
    """An epoch is over where its weights came last; so it is over everywhere."""
    early, late = weighed(START + DAY - 1), weighed(START + DAY)
    assert newest_about([]) is None
    assert newest_about([word(0, 9, early), word(1, 8, late)]) == word(0, 9, early)
    assert newest_about([word(0, 9, early), word(1, 9, late)]) == word(1, 9, late)
    assert newest_about([word(1, 9, late), word(0, 9, late)]) == word(0, 9, late)
    assert newest_about([word(1, 9, None), word(0, 9, replace(late, epoch=None))]) == word(
        0, 9, replace(late, epoch=None)
    )
    assert (early.epoch_ends, late.epoch_ends) == (START + 7 * DAY, START + 8 * DAY)
    assert (trial(plan()).epoch_ends, replace(late, epoch=None).epoch_ends) == (None, None)
