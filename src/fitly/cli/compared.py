"""A simulation's comparison laid out for people.

Knows tables and words. Must never know how a figure came about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from fitly.cli import show

_SHARES = ("decisions", "applied", "best arm", "regret", "of uniform", "ratio")


def lay_out(document: Mapping[str, Any], console: Console) -> None:
    """Print what was found beside the truth."""
    console.print(
        f"{document['learners']:,} learners of seed {document['seed']} in the world {document['world']}, "
        f"{document['days']:,} days; decisions: " + ", ".join(f"{k} {v:,}" for k, v in document["modes"].items())
    )
    console.print("\nEffects on the population's reward")
    heads = ("context", "arm", "truth", "found", "95 % interval", "holds the truth", "learners")
    rows = [
        (
            row["context"],
            row["variant"],
            f"{row['truth']:+.3f}",
            _signed(row["effect"]),
            "-" if row["interval"] is None else f"{row['interval'][0]:+.3f} to {row['interval'][1]:+.3f}",
            "-" if row["covers"] is None else ("yes" if row["covers"] else "no"),
            f"{row['learners']:,}",
        )
        for row in document["effects"]
    ]
    console.print(show.grid(heads, rows, right=("truth", "found", "95 % interval", "learners")))
    for title, head, tallies in (
        ("In the last quarter of the days, by level", "level", document["levels"]),
        ("By the true effect of the learner's best arm", "effect", document["benefit"]),
        ("By ability", "quarter of learners", dict(zip(_QUARTERS, document["ability"], strict=True))),
        ("Everybody who may be personalized", "", {"": document["all"]}),
    ):
        console.print(f"\n{title}")
        console.print(
            show.grid((head, *_SHARES), [(name, *_shares(one)) for name, one in tallies.items()], right=_SHARES)
        )
    related, below = document["confidence_and_ability"], document["below_threshold"]
    console.print(
        f"\nConfidence and ability: r = {related['r']:+.3f} over {related['n']:,} learners in a context\n"
        f"Below the threshold at MEDIUM or HIGH: {below['below']:,}; probed {below['probed']:,}; confident later "
        f"{below['rose']:,}; at most {below['driest']:,} decisions in a row without a probe"
    )
    if document["ledger"]:
        console.print("\nLedger")
        ledger = [
            (line["what"], f"{line['sent']:,}", f"{line['found']:,}", "yes" if line["holds"] else "NO")
            for line in document["ledger"]
        ]
        console.print(
            show.grid(("events sent", "sent", "in the bins", "the same"), ledger, right=("sent", "in the bins"))
        )


_QUARTERS = ("least able", "second", "third", "ablest")


def _shares(tally: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{tally['decisions']:,}",
        _percent(tally["applied_share"]),
        _percent(tally["best_arm_share"]),
        _plain(tally["regret"]),
        _plain(tally["regret_of_uniform"]),
        _percent(tally["regret_ratio"]),
    )


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
