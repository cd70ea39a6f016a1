"""The gate's figures have their form: what follows from made-up runs, and where the tables go."""

from __future__ import annotations

import math

import pytest
from tests.bench.figures import Figure, figures
from tests.bench.gate import GATE, SEEDS_APART, Effect, Job, Run, jobs_of
from tests.bench.statistics_page import BEGIN, END, README, as_page, as_text, into_readme

from fitly.core.vocabulary import Context, Level, Variant
from fitly.local.found import Ascent, Tally

COMMAND = "python -m tests.bench.statistics"


def made_up(job: Job, *, applied: int = 90, z: float = 1.0) -> Run:
    tally = Tally(decisions=100, applied=applied, best=applied, regret=1.0, uniform=4.0)
    effect = Effect(Context.MISSION, Variant.BALANCED, 0.1 + z * 0.01, 0.01, 0.02, 40, 0.1)
    ends = dict.fromkeys((Level.LOW, Level.MEDIUM, Level.HIGH), tally)
    pairs = [(0.2, 0.8), (0.4, 0.9), (0.6, 0.9), (0.8, 0.8)]
    ascent, studied = Ascent(10, 10, 9, 3), [0.3, 0.5, 0.4, 0.9]
    return Run(job, tally, ends, [tally] * 4, pairs, studied, ascent, [effect] * 20, 500, 1.0)


def gate() -> list[Run]:
    return [made_up(job, applied=2 if job.world == "none" else 90) for job in jobs_of(2, 50, 30)]


def bounded(found: list[Figure]) -> dict[tuple[str, str], Figure]:
    return {(figure.what, figure.world): figure for figure in found if figure.holds is not None}


def test_every_world_of_the_gate_is_run_with_every_seed_and_those_who_begin_in_doubt_beside() -> None:
    jobs = jobs_of(3, 50, 30)
    assert len(jobs) == len(set(jobs)) == 3 * (len(GATE) + 1)
    assert {job.world for job in jobs} == set(GATE)
    first, second = (job.seed for job in jobs_of(2, 50, 30, ["none"], first_seed=7))
    assert (first % SEEDS_APART, second % SEEDS_APART) == (7, 8)


def test_no_two_runs_share_a_seed_and_the_first_of_every_world_come_first() -> None:
    jobs = jobs_of(3, 50, 30)
    assert len({job.seed for job in jobs}) == len(jobs)
    assert [job.world for job in jobs[: len(GATE)]] == list(GATE)


def test_what_able_learners_owe_to_studying_more_is_told_apart() -> None:
    studied = [0.2 + 0.01 * n for n in range(60)]
    luck = [((7 * n) % 11 - 5) / 100 for n in range(60)]
    pairs = [(days + off, 0.5 + days / 2) for days, off in zip(studied, luck, strict=True)]
    runs = [made_up(Job("able_learners", 1, 50, 30))._replace(pairs=pairs, diligences=studied)]
    found = {figure.what: figure for figure in figures(runs)}
    whole, beside = (
        found["correlation of confidence and ability"],
        found["the same, among those who study as often"],
    )
    assert whole.value > 0.9
    assert whole.holds is None
    assert (beside.value, beside.holds) == (0.0, True)


def test_every_bound_of_the_gate_has_a_figure_with_its_size() -> None:
    found = bounded(figures(gate()))
    assert len(found) == 10
    assert all(figure.counted and figure.bound for figure in found.values())
    missed = [what for (what, _), figure in found.items() if not figure.holds]
    assert missed == ["95 % intervals that hold the true effect"], "of made-up intervals all hold: more than 97 %"


@pytest.mark.parametrize(
    ("world", "level", "applied", "holds"),
    [
        ("true_effect_08", Level.LOW, 71, True),
        ("true_effect_08", Level.LOW, 70, False),
        ("true_effect_08", Level.HIGH, 85, False),
        ("none", Level.LOW, 5, True),
        ("none", Level.LOW, 6, False),
    ],
)
def test_a_share_has_to_reach_its_bound(world: str, level: Level, applied: int, holds: bool) -> None:  # noqa: FBT001
    runs = [made_up(Job(world, 1, 50, 30), applied=applied)]
    assert bounded(figures(runs))[f"applied in the end, {level.value}", world].holds is holds


def test_a_figure_of_several_runs_has_the_error_of_their_mean() -> None:
    runs = [made_up(Job("none", seed, 50, 30), applied=applied) for seed, applied in ((1, 2), (2, 4))]
    low = bounded(figures(runs))["applied in the end, LOW", "none"]
    assert low.value == pytest.approx(0.03)
    assert low.error == pytest.approx(0.01)


def test_intervals_far_from_the_truth_do_not_cover_it() -> None:
    runs = [made_up(Job("none", 1, 50, 30), z=2.0)]
    covered = bounded(figures(runs))["95 % intervals that hold the true effect", "effects alike"]
    assert (covered.value, covered.holds) == (0.0, False)


def test_a_part_of_the_worlds_gives_a_part_of_the_figures() -> None:
    assert {figure.world for figure in figures([made_up(Job("common_effect", 1, 50, 30))])} == {
        "common_effect",
        "effects alike",
    }


def test_the_page_names_its_command_its_worlds_and_every_figure() -> None:
    runs = gate()
    found = figures(runs)
    text = as_page(found, runs, COMMAND)
    assert COMMAND in text
    assert all(f"| {world} |" in text for world in GATE)
    assert r"| \|r\| < 0.1 |" in text, "a bar would end the cell"
    assert text.count("\n| ") == len(found) + len(GATE) + 2
    assert len(as_text(found).splitlines()) == len(found)


def test_a_figure_without_an_error_is_told_without_one() -> None:
    text = as_text([Figure("regret", "none", 0.5, math.nan, "4 decisions", "", None)])
    assert "50.0 %" in text
    assert "nan" not in text


def test_the_readme_takes_the_figures_that_have_a_bound_between_its_marks() -> None:
    found = figures(gate())
    before = README.read_text()
    after = into_readme(before, found, COMMAND)
    assert after.partition(BEGIN)[0] == before.partition(BEGIN)[0]
    assert after.partition(END)[2] == before.partition(END)[2]
    assert after.partition(BEGIN)[2].partition(END)[0].count("\n| ") == 10 + 1
    assert into_readme(after, found, COMMAND) == after
    with pytest.raises(ValueError, match="put them where the figures belong"):
        into_readme("no marks", found, COMMAND)
