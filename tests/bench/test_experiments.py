"""Every trap of measuring, set a few times: the product keeps out, who peeks or counts pupils falls in."""

from __future__ import annotations

import numpy as np
import pytest
from tests.bench.experiments import BEGIN, END, TRAPS, carried_over, section, without_section
from tests.bench.figures import Figure
from tests.bench.statistics_page import PAGE
from tests.bench.traps import bandit, groups, lived, mismatch, peeking


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.what: figure for figure in figures}


def test_who_looks_every_day_is_fooled_and_the_product_is_not() -> None:
    found = by_name(peeking.nothing_helps(np.random.default_rng(1), 150))
    assert found["naive p ≤ .05 at any look (what peeking does)"].value > 0.25
    assert found["always-valid p ≤ .05 at any look"].value <= 0.05
    assert found["a winner in the report"].value <= 0.09


def test_power_is_what_was_foretold_halfway() -> None:
    for figure in peeking.something_helps(np.random.default_rng(1), 400)[:2]:
        foretold = float(figure.bound.split()[0]) / 100
        assert figure.value == pytest.approx(foretold, abs=0.08)


def test_means_that_go_on_moving_are_another_matter_than_frozen_ones() -> None:
    frozen, moving = peeking.rolling(np.random.default_rng(3), 40)
    assert frozen.value <= 0.05
    assert frozen.value <= moving.value


def test_the_sample_ratio_blocks_seldom_without_cause() -> None:
    evidence, chi = mismatch.nothing_lost(np.random.default_rng(1), 150)
    assert evidence.value <= chi.value
    assert evidence.value <= 0.01


def test_a_loss_is_found_the_sooner_the_more_are_enrolled() -> None:
    found = mismatch.learners_lost(np.random.default_rng(1), 60)
    least = [figure.value for figure in found if figure.what == "least loss that blocks in 80 %"]
    assert least == sorted(least, reverse=True)
    assert least[1] <= 0.05


def test_a_mismatch_blocks_whatever_was_found() -> None:
    assert all(figure.holds for figure in mismatch.blocks_whatever_is_found(np.random.default_rng(1), 1))


def test_pupils_are_not_what_was_randomized() -> None:
    found = by_name(groups.classes_randomized(np.random.default_rng(1), 40)[:6])
    assert found["mismatch, pupils counted (p < .001)"].value > 0.2
    assert found["mismatch, classes counted (p < .001)"].value <= 0.05
    assert found["effect, pupils tested (p ≤ .05)"].value > found["effect, CR1 with t (decides)"].value


def test_the_uniform_slice_holds_the_truth_while_the_population_changes() -> None:
    found = by_name(bandit.population_changes(np.random.default_rng(1), 30)[:5])
    assert found["uniform slice: 95 % intervals hold the truth"].value > 0.8
    assert found["all learners, naively: 95 % intervals hold the truth"].value < 0.5


def test_what_is_lived_day_by_day_ends_as_what_is_drawn_as_sums() -> None:
    draw = np.random.default_rng(2)
    found = by_name(lived.nothing_helps(draw, 6))
    assert found["always-valid p ≤ .05 at any look"].value <= found["naive p ≤ .05 at any look"].value
    power, said = lived.something_helps(draw, 6)
    assert power.value > 0
    assert said.value > 0
    slice_, naive, _, bias = lived.population_changes(draw, 3)
    assert slice_.value >= naive.value
    assert bias.value > 0, "who comes later is better, and is sent where it seems best"


def test_the_section_is_kept_when_the_rest_of_the_page_is_written_anew() -> None:
    text = section([Figure("what", "world", 0.5, 0.1, "2 experiments", "≤ 60 %", True)], "command")
    assert text.startswith(BEGIN)
    assert text.rstrip().endswith(END)
    page = f"# Page\n\nfigures\n\n{text}"
    assert without_section(page) == "# Page\n\nfigures\n\n"
    assert carried_over(page, "# Page\n\nother figures\n") == f"# Page\n\nother figures\n\n{text}"
    assert carried_over("# no section", "# Page\n") == "# Page\n"
    assert PAGE.exists()
    assert len({trap.set_ for trap in TRAPS}) == len(TRAPS)
