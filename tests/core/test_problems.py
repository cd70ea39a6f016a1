"""A problem is told with its remedy."""

from __future__ import annotations

from fitly.core.problems import Problem


def test_a_problem_says_what_and_what_to_do() -> None:
    assert Problem("the tap drips", "close it") == Problem(what="the tap drips", remedy="close it")
