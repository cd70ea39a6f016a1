"""Whoever looks at the population's sums sees none that is about fewer than five learners."""

from __future__ import annotations

from fitly.cli.tables import document, lines
from fitly.cli.withheld import without_few
from fitly.core import topics
from fitly.core.numbers import Millis
from fitly.core.partials import Kind, Look, Merged, Partial
from fitly.core.vocabulary import OutcomeType, Variant
from fitly.wire.merged import encode_merged

CONTENT = OutcomeType.CONTENT_ENGAGED
ARM = Variant.BALANCED


def of(kind: Kind, sums: dict[str, int], look: Look | None = None) -> Merged:
    return Merged(kind, "CONTENT", "b", {0: Millis(5)}, sums, look)


def kept(kind: Kind, sums: dict[str, int]) -> set[str]:
    shown, withheld = without_few(of(kind, sums))
    assert isinstance(shown, Merged)
    assert withheld == len(sums) - len(shown.sums)
    return set(shown.sums)


def test_a_group_of_four_is_withheld_and_one_of_five_is_not() -> None:
    sums = {"CONTROL.composite_n": 4, "CONTROL.composite_sum": 9, "HOLDOUT.composite_n": 5, "HOLDOUT.composite_sum": 7}
    assert kept(Kind.PRIORS, sums) == {"HOLDOUT.composite_n", "HOLDOUT.composite_sum"}


def test_each_measure_of_a_group_is_counted_by_itself() -> None:
    sums = {"CONTROL.composite_n": 40, "CONTROL.retention_n": 4, "CONTROL.retention_squares": 9}
    assert kept(Kind.PRIORS, sums) == {"CONTROL.composite_n"}


def test_an_arm_needs_five_with_both_sides_and_its_pairs_five_of_their_own() -> None:
    enough = {f"{ARM}.learners": 5, f"{ARM}.clusters": 9, f"{ARM}.w": 7, f"{ARM}.pairs": 4, f"{ARM}.hd": 3}
    assert kept(Kind.PRIORS, enough) == {f"{ARM}.learners", f"{ARM}.clusters", f"{ARM}.w"}
    assert kept(Kind.PRIORS, enough | {f"{ARM}.pairs": 5}) == enough.keys()
    assert not kept(Kind.PRIORS, enough | {f"{ARM}.learners": 4})


def test_sums_that_count_outcomes_need_five_learners_in_the_context() -> None:
    sums = {"ALL.n": 90, "WITHIN.free": 80, f"{CONTENT}.n_retention": 4, f"{CONTENT}.s_retention": 9}
    assert not kept(Kind.PRIORS, sums)
    everybody = {"OFFERED.composite_n": 90, "HOLDOUT.composite_n": 6}
    assert kept(Kind.PRIORS, sums | everybody) == {"ALL.n", "WITHIN.free", *everybody}


def test_a_shadow_is_shown_from_five_learners_on_and_so_is_every_class_of_weights() -> None:
    sums = {"learners0": 6, "n0": 80, "outside": 1, "learners": 4, "n": 9, "largest.80": 5, "largest.81": 1}
    assert kept(Kind.SHADOWS, sums) == {"learners0", "n0", "outside", "largest.80"}


def test_what_would_reveal_a_withheld_sum_goes_with_it() -> None:
    sums = {"HOLDOUT.composite_n": 50}
    word = Partial(Kind.PRIORS, "CONTENT", 0, "b", 7, Millis(5), sums)
    assert without_few(word) == (word._replace(sums={}), 1)
    shown, withheld = without_few(of(Kind.PRIORS, sums, Look(Millis(4), sums)))
    assert isinstance(shown, Merged)
    assert (shown.sums, shown.look, withheld) == (sums, Look(Millis(4), {}), 1)


def test_the_table_says_how_many_sums_it_withholds() -> None:
    merged = of(Kind.PRIORS, {"CONTROL.composite_n": 4, "CONTROL.composite_sum": 987_654_321})
    row = (0, b"priors|CONTENT", encode_merged(merged))
    assert document(topics.POPULATION, row)["withheld"] == 2
    told = "\n".join(lines(topics.POPULATION, row))
    assert "2 sums that tell of fewer than 5 learners" in told
    assert "987654321" not in told
    whole = (0, b"priors|CONTENT", encode_merged(of(Kind.PRIORS, {"HOLDOUT.composite_n": 5})))
    assert "withheld" not in document(topics.POPULATION, whole)


def test_rows_of_learners_are_as_they_were() -> None:
    assert without_few("a row") == ("a row", 0)
