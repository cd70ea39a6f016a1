"""Who joins an experiment and in which variant: sticky, by the weights, groups whole, and a reason for all others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats
from tests.core.trials import BANDIT, PLAN

from fitly.core.attributes import Attributes, AttributesTold, told
from fitly.core.experiments.assigning import (
    AFTERWARDS,
    NO_CLUSTER,
    alike,
    assigned,
    interval,
    placed,
)
from fitly.core.experiments.enrolment import Enrolment, How, Reason, State
from fitly.core.experiments.lifecycle import shares
from fitly.core.experiments.plan import Plan, RandomizationUnit, Segments
from fitly.core.experiments.trial import Afterwards, Epoch, Status, Trial
from fitly.core.insights import CognitiveLoad, InsightObserved, observed
from fitly.core.learner import LearnerRow, Preferences
from fitly.core.names import EventKey, UserId
from fitly.core.numbers import CERTAIN, DAY, Millis, Nano
from fitly.core.vocabulary import InsightKind, Level

BIRTH = b"a birth id"
NOW = Millis(1_000 * DAY)
KEY = EventKey("k")
MANY = 4_000


def a_trial(plan: Plan = PLAN, *, weights: tuple[float, ...] | None = None, epoch: int = 0) -> Trial:
    weights = weights or tuple(variant.weight for variant in plan.variants)
    begun = Epoch(number=epoch, since=NOW, weights=shares(weights))
    return Trial(plan=plan, number=7, status=Status.ACTIVE, started_at=NOW, epoch=begun)


def a_learner(user: str = "ada", level: Level = Level.MEDIUM, known: Attributes = ()) -> LearnerRow:
    return LearnerRow(UserId(user), Preferences(level=level), NOW, NOW, attributes=known)


def known(**words: str) -> Attributes:
    names: dict[str, str | None] = {name.replace("_", ":"): value for name, value in words.items()}
    return told((), AttributesTold(attributes=names), NOW, KEY)


def in_class(user: str, group: str) -> LearnerRow:
    return a_learner(user, known=told((), AttributesTold(groups={"class": group}), NOW, KEY))


def everybody(trial: Trial, many: int = MANY) -> list[Enrolment]:
    return [assigned(trial, a_learner(f"learner-{n}"), BIRTH, NOW) for n in range(many)]


users = some.text("abcdefgh0123456789", min_size=1, max_size=12)
weightings = some.lists(some.integers(1, 100), min_size=2, max_size=2)


@given(users, weightings, some.integers(0, 10**12))
def test_the_same_learner_gets_the_same_variant_whenever_they_are_asked(
    user: str, weighting: list[int], later: int
) -> None:
    whole = sum(weighting)
    trial = a_trial(weights=tuple(weight / whole for weight in weighting))
    first = assigned(trial, a_learner(user), BIRTH, NOW)
    again = assigned(trial, a_learner(user), BIRTH, Millis(NOW + later))
    assert first._replace(since=0, until=0) == again._replace(since=0, until=0)
    assert trial.epoch is not None
    assert first.probability == trial.epoch.weights[first.variant]
    assert (first.state, first.how, first.until) == (State.OPEN, How.DRAWN, NOW + 14 * DAY)


@given(users, some.floats(0, 1), some.floats(0, 1))
def test_more_traffic_keeps_everybody_who_was_in(user: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    answers = [
        assigned(a_trial(replace(PLAN, traffic_share=share)), a_learner(user), BIRTH, NOW) for share in (less, more)
    ]
    if not answers[0].reason:
        assert answers[0] == answers[1]
    else:
        assert answers[0].reason == Reason.NOT_IN_TRAFFIC


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.9, 0.1), (1 / 3, 2 / 3)])
def test_shares_are_those_of_the_weights(weights: tuple[float, float]) -> None:
    found = Counter(each.variant for each in everybody(a_trial(weights=weights)))
    wanted = [MANY * weight for weight in weights]
    assert stats.chisquare([found[0], found[1]], wanted).pvalue > 1e-4


def test_traffic_variant_and_holdout_are_drawn_apart() -> None:
    """Who is in the traffic says nothing of the variant, nor does another experiment."""
    half, other = a_trial(replace(PLAN, traffic_share=0.5)), a_trial(replace(PLAN, experiment_name="other"))
    table = [[0, 0], [0, 0]]
    for one, two in zip(everybody(a_trial()), everybody(other), strict=True):
        table[one.variant][two.variant] += 1
    assert stats.chi2_contingency(table, correction=False).pvalue > 1e-4
    found = Counter(each.variant for each in everybody(half) if not each.reason)
    assert stats.chisquare([found[0], found[1]]).pvalue > 1e-4
    assert abs(found.total() - MANY / 2) < 5 * (MANY / 4) ** 0.5


def test_a_whole_group_is_in_one_variant_and_in_the_traffic_or_not() -> None:
    plan = replace(PLAN, unit=RandomizationUnit.GROUP, group_kind="class", traffic_share=0.6)
    trial = a_trial(plan)
    by_class: dict[str, set[tuple[int, int, bytes]]] = {}
    for n in range(400):
        answer = assigned(trial, in_class(f"learner-{n}", f"{n % 40}"), BIRTH, NOW)
        by_class.setdefault(f"{n % 40}", set()).add((answer.reason, answer.variant, answer.cluster))
    assert all(len(found) == 1 for found in by_class.values())
    found = [next(iter(each)) for each in by_class.values()]
    assert {reason for reason, _, _ in found} == {Reason.ENROLLED, Reason.NOT_IN_TRAFFIC}
    clusters = [cluster for reason, _, cluster in found if not reason]
    assert len(set(clusters)) == len(clusters)
    assert NO_CLUSTER not in clusters
    assert assigned(trial, a_learner(), BIRTH, NOW).reason == Reason.NO_GROUP


@pytest.mark.parametrize(
    ("segments", "learner", "reason"),
    [
        (Segments(), a_learner(level=Level.LOW), Reason.LEVEL),
        (Segments(levels=(Level.LOW,)), a_learner(level=Level.LOW), Reason.ENROLLED),
        (Segments(attributes={"year": ("7", "8")}), a_learner(), Reason.SEGMENT),
        (Segments(attributes={"year": ("7", "8")}), a_learner(known=known(year="9")), Reason.SEGMENT),
        (Segments(attributes={"year": ("7", "8")}), a_learner(known=known(year="8")), Reason.ENROLLED),
        (Segments(insights=(InsightKind.COGNITIVE_LOAD,)), a_learner(), Reason.SEGMENT),
    ],
)
def test_who_does_not_fit_gets_the_reason(segments: Segments, learner: LearnerRow, reason: Reason) -> None:
    answer = assigned(a_trial(replace(PLAN, segments=segments)), learner, BIRTH, NOW)
    assert (answer.reason, answer.trial, answer.since) == (reason, 7, NOW)
    assert answer.state == (State.NOT_ENROLLED if reason else State.OPEN)


def test_a_segment_by_insight_wants_one_in_force() -> None:
    load = InsightObserved(kind=InsightKind.COGNITIVE_LOAD, payload=CognitiveLoad(load=80), confidence=0.9)
    learner = a_learner()._replace(insights=observed(a_learner().insights, load, NOW, KEY))
    trial = a_trial(replace(PLAN, segments=Segments(insights=(InsightKind.COGNITIVE_LOAD,))))
    assert assigned(trial, learner, BIRTH, NOW).reason == Reason.ENROLLED
    assert assigned(trial, learner, BIRTH, Millis(NOW + 31 * DAY)).reason == Reason.SEGMENT


def test_an_attribute_gives_the_variant_past_traffic_but_not_past_the_level() -> None:
    trial = a_trial(replace(PLAN, traffic_share=0))
    for place, name in enumerate(("none", "balanced")):
        answer = assigned(trial, a_learner(known=known(experiment_any=name)), BIRTH, NOW)
        assert (answer.variant, answer.how, answer.probability) == (place, How.GIVEN, CERTAIN // 2)
    unknown = assigned(trial, a_learner(known=known(experiment_any="gone")), BIRTH, NOW)
    assert unknown.reason == Reason.UNKNOWN_VARIANT
    low = assigned(trial, a_learner(level=Level.LOW, known=known(experiment_any="none")), BIRTH, NOW)
    assert low.reason == Reason.LEVEL


def test_a_test_learner_may_force_a_variant_and_is_marked_in_any_case() -> None:
    forced = assigned(a_trial(), a_learner(known=known(experiment_any="balanced", test="true")), BIRTH, NOW)
    assert (forced.variant, forced.how, forced.probability) == (1, How.FORCED, CERTAIN)
    drawn = assigned(a_trial(), a_learner(known=known(test="true")), BIRTH, NOW)
    assert drawn.how == How.FORCED


def test_a_given_variant_of_a_grouped_experiment_needs_the_group() -> None:
    trial = a_trial(replace(PLAN, unit=RandomizationUnit.GROUP, group_kind="class"))
    alone = a_learner(known=known(experiment_any="none"))
    assert assigned(trial, alone, BIRTH, NOW).reason == Reason.NO_GROUP
    words = AttributesTold(groups={"class": "7b"})
    answer = assigned(trial, alone._replace(attributes=told(alone.attributes, words, NOW, KEY)), BIRTH, NOW)
    assert (answer.how, answer.cluster != NO_CLUSTER) == (How.GIVEN, True)


def test_a_bandit_draws_anew_in_each_epoch_by_its_weights_but_the_uniform_slice_stays_uniform() -> None:
    first, second = (a_trial(BANDIT, weights=weights, epoch=n) for n, weights in enumerate(((0.5, 0.5), (0.9, 0.1))))
    one, two = everybody(first), everybody(second)
    assert [each.uniform for each in one] == [each.uniform for each in two]
    uniform = [(a.variant, b.variant) for a, b in zip(one, two, strict=True) if a.uniform]
    assert abs(len(uniform) - MANY * 0.2) < 5 * (MANY * 0.16) ** 0.5
    assert stats.chisquare([*Counter(uniform).values()]).pvalue > 1e-4
    rest = Counter(each.variant for each in two if not each.uniform)
    assert stats.chisquare([rest[0], rest[1]], [0.9 * rest.total(), 0.1 * rest.total()]).pvalue > 1e-4
    assert {each.until for each in two} == {NOW + 7 * DAY}
    assert {each.probability for each in two} == {Nano(900_000_000), Nano(100_000_000), Nano(500_000_000)}


def rolled_out(winner: str, hold_back: float = 0.2) -> Trial:
    back = Nano(round(hold_back * CERTAIN))
    trial = a_trial(replace(PLAN, traffic_share=0.1))
    return replace(trial, status=Status.COMPLETED, afterwards=Afterwards.ROLL_OUT, winner=winner, hold_back=back)


def test_a_roll_out_gives_everybody_the_winner_but_for_those_held_back() -> None:
    answers = everybody(rolled_out("balanced"))
    assert not any(each.reason for each in answers)
    found = Counter((each.variant, How(each.how), each.probability) for each in answers)
    held, rolled = (0, How.HELD_BACK, 200_000_000), (1, How.ROLLED_OUT, 800_000_000)
    assert set(found) == {held, rolled}
    assert stats.chisquare([found[held], found[rolled]], [0.2 * MANY, 0.8 * MANY]).pvalue > 1e-4
    assert {each.epoch for each in answers} == {AFTERWARDS}


@given(users, some.sampled_from(["drawn", "bandit", "rolled out", "control rolled out"]))
def test_the_draw_that_led_to_a_variant_fell_where_it_is_said_to_have(user: str, kind: str) -> None:
    trials = {
        "drawn": a_trial(weights=(0.3, 0.7)),
        "bandit": a_trial(BANDIT, weights=(0.3, 0.7), epoch=4),
        "rolled out": rolled_out("balanced"),
        "control rolled out": rolled_out("none"),
    }
    trial = trials[kind]
    answer = assigned(trial, a_learner(user), BIRTH, NOW)
    found = interval(trial, answer, UserId(user), BIRTH)
    assert found is not None
    assert found.low <= int(found.draw * CERTAIN) < found.high
    assert found.high - found.low == answer.probability


def test_where_no_draw_can_be_told_none_is() -> None:
    moved_on = a_trial(BANDIT, epoch=5)
    drawn = assigned(a_trial(BANDIT), a_learner(), BIRTH, NOW)
    assert interval(moved_on, drawn, UserId("ada"), BIRTH) is None
    assert interval(rolled_out("balanced"), assigned(a_trial(), a_learner(), BIRTH, NOW), UserId("ada"), BIRTH) is None
    given_ = assigned(a_trial(), a_learner(known=known(experiment_any="none")), BIRTH, NOW)
    assert interval(a_trial(), given_, UserId("ada"), BIRTH) is None
    grouped = a_trial(replace(PLAN, unit=RandomizationUnit.GROUP, group_kind="class"))
    assert interval(grouped, assigned(grouped, in_class("ada", "7b"), BIRTH, NOW), UserId("ada"), BIRTH) is None


@given(some.integers(1, 8), some.floats(0, 1, exclude_max=True))
def test_a_draw_falls_into_exactly_one_of_equal_parts(many: int, draw: float) -> None:
    weights = alike(many)
    assert sum(weights) == CERTAIN
    place = placed(weights, draw)
    assert sum(weights[:place]) <= int(draw * CERTAIN) < sum(weights[: place + 1])


def test_a_draw_beyond_weights_that_do_not_add_up_takes_the_last() -> None:
    assert placed((Nano(1), Nano(1)), 0.5) == 1
