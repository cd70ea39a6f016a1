"""What learners add to an experiment's sums: worked examples, name by name."""

from __future__ import annotations

from collections import Counter

from fitly.core.experiments.enrolment import ENROLMENTS, Enrolment, How, Reason, State
from fitly.core.experiments.sums import contribution, differences, sample, total
from fitly.core.statistics.sums import Sums

DONE = State.MEASURED


def added(*learners: Enrolment | list[Enrolment]) -> dict[str, int]:
    """Add up the sums of experiment 7 over learners, each with one enrolment or several."""
    sums: Counter[str] = Counter()
    for learner in learners:
        sums.update(contribution(ENROLMENTS.join(learner if isinstance(learner, list) else [learner]))[7])
    return dict(sorted(sums.items()))


def about(sums: dict[str, int], *beginnings: str) -> dict[str, int]:
    return {name: value for name, value in sums.items() if name.startswith(beginnings)}


def test_an_experiment_with_two_arms() -> None:
    """Two learners are measured in arm 0, one of whom had outcomes before; in arm 1 one opted out, one is open.

    Another one opted out there, whose days run on.
    """
    sums = added(
        Enrolment(7, state=DONE, decisions=2, joined=2, applied=2, n=2, composite=1_000_000, before_n=2,
                  before_sum=800_000, n_retention=1, s_retention=300_000),
        Enrolment(7, state=DONE, decisions=3, joined=1, n=1, composite=900_000, n_retention=1, s_retention=600_000),
        Enrolment(7, variant=1, state=State.OPTED_OUT, decisions=1),
        Enrolment(7, variant=1, state=State.OPEN, decisions=1, joined=1, applied=1, n=1, composite=700_000),
        Enrolment(7, variant=1, state=State.LEFT, n=1, composite=100_000),
        Enrolment(7, reason=Reason.HOLDOUT),
        Enrolment(7, reason=Reason.HOLDOUT),
        Enrolment(7, variant=1, how=How.FORCED, state=DONE, decisions=1, joined=1, n=1, composite=1),
    )  # fmt: skip
    assert about(sums, "reason", "forced") == {"reason.6": 2, "forced": 1}
    assert about(sums, "0.a.0") == {
        "0.a.0.composite.n": 2, "0.a.0.composite.squares": 500_000**2 + 900_000**2, "0.a.0.composite.sum": 1_400_000,
        "0.a.0.enrolled": 2,
        "0.a.0.retention.n": 2, "0.a.0.retention.squares": 300_000**2 + 600_000**2, "0.a.0.retention.sum": 900_000,
    }  # fmt: skip
    assert about(sums, "0.a.composite") == {
        "0.a.composite.n": 2, "0.a.composite.sum": 1_400_000, "0.a.composite.squares": 500_000**2 + 900_000**2,
        # Of the second learner's three decisions two had no outcome: 0.9, 0 and 0.
        "0.a.composite.filled.n": 2, "0.a.composite.filled.sum": 500_000 + 300_000,
        "0.a.composite.filled.squares": 500_000**2 + 300_000**2,
        "0.a.composite.exposed.n": 1, "0.a.composite.exposed.sum": 500_000, "0.a.composite.exposed.squares": 500_000**2,
        "0.a.composite.before.n": 1, "0.a.composite.before.x": 400_000, "0.a.composite.before.y": 500_000,
        "0.a.composite.before.xx": 400_000**2, "0.a.composite.before.xy": 400_000 * 500_000,
        "0.a.composite.before.yy": 500_000**2,
        "0.a.composite.outcomes": 3,
    }  # fmt: skip
    counts = {name: value for name, value in about(sums, "0.a").items() if name.count(".") == 2}
    assert counts == {
        "0.a.enrolled": 2, "0.a.measured": 2, "0.a.with_outcome": 2, "0.a.exposed": 1, "0.a.outcomes": 3,
        "0.a.decisions": 5, "0.a.joined": 3, "0.a.applied": 2,
        "0.a.dd": 4 + 9, "0.a.jj": 4 + 1, "0.a.aa": 4, "0.a.dj": 4 + 3, "0.a.da": 4,
    }  # fmt: skip
    assert about(sums, "1") == {
        "1.a.enrolled": 3, "1.a.open": 2, "1.a.measured": 1, "1.a.opted_out": 2, "1.a.decisions": 1, "1.a.dd": 1,
        "1.a.0.enrolled": 3,
        # The one who opted out had a decision and no outcome.
        **{f"1.a.{m}.filled.n": 1 for m in ("composite", "retention", "performance", "completion", "engagement")},
    }  # fmt: skip
    assert about(sums, "open") == {
        "open.1.a.with_outcome": 2,
        "open.1.a.composite.n": 2, "open.1.a.composite.sum": 800_000,
        "open.1.a.composite.squares": 700_000**2 + 100_000**2,
        "open.1.a.composite.filled.n": 2, "open.1.a.composite.filled.sum": 800_000,
        "open.1.a.composite.filled.squares": 700_000**2 + 100_000**2,
    }  # fmt: skip
    assert sample(sums, "0.a.retention.filled") == Sums(2, 500_000, 300_000**2 + 200_000**2)
    assert total(sums, "0.a.opted_out") == 0


def test_an_experiment_in_which_groups_were_drawn() -> None:
    """Beside the sums of all, each group has its own, so that errors can be clustered."""
    one, other = bytes(7) + b"\1", bytes(7) + b"\2"
    sums = added(
        Enrolment(7, state=DONE, cluster=one, decisions=1, joined=1, n=1, composite=500_000),
        Enrolment(7, state=DONE, cluster=one, decisions=1),
        Enrolment(7, variant=1, cluster=other, state=State.OPEN, decisions=1, joined=1, n=1, composite=800_000),
        Enrolment(7, variant=1, cluster=other, how=How.GIVEN, state=State.LEFT),
    )
    of = "cluster.0000000000000001.0"
    found = {
        name: value for name, value in about(sums, "cluster").items() if "composite" in name or name.count(".") < 4
    }
    assert found == {
        f"{of}.enrolled": 2, f"{of}.measured": 2, f"{of}.composite.n": 1, f"{of}.composite.sum": 500_000,
        f"{of}.composite.filled.n": 2, f"{of}.composite.filled.sum": 500_000,
        "cluster.0000000000000002.1.enrolled": 2, "cluster.0000000000000002.1.given": 1,
        "cluster.0000000000000002.1.opted_out": 1,
    }  # fmt: skip
    assert (sums["0.a.enrolled"], sums["0.a.composite.n"], sums["1.a.open"]) == (2, 1, 2)


def test_a_bandit() -> None:
    """A learner of the uniform slice over three epochs, one assigned by the weights, and two of a roll-out."""
    once = Enrolment(7, state=DONE, decisions=1, joined=1, n=1)
    uniform = [
        once._replace(epoch=0, variant=0, uniform=1, composite=400_000),
        once._replace(epoch=1, variant=2, uniform=1, composite=600_000),
        once._replace(epoch=2, variant=0, uniform=1, composite=500_000),
        Enrolment(7, epoch=3, variant=0, uniform=1, state=State.OPEN, decisions=1),
    ]
    sums = added(
        uniform,
        once._replace(epoch=2, variant=2, how=How.GIVEN, composite=700_000),
        Enrolment(7, variant=2, how=How.ROLLED_OUT, decisions=1),
        Enrolment(7, variant=0, how=How.HELD_BACK, state=State.OPEN, decisions=1),
    )
    assert sums["0.u.enrolled"] == 3
    assert [sums[f"0.u.{epoch}.enrolled"] for epoch in (0, 2, 3)] == [1, 1, 1]
    assert (sums["0.u.0.composite.sum"], sums["0.u.2.composite.sum"], sums["0.u.composite.sum"]) == (
        400_000, 500_000, 900_000,
    )  # fmt: skip
    assert (sums["2.a.given"], sums["2.a.2.composite.sum"], sums["2.r.enrolled"]) == (1, 700_000, 1)
    assert (sums["2.a.2.enrolled"], sums["2.a.2.given"]) == (1, 1)
    assert (sums["0.r.open"], sums["0.r.0.enrolled"]) == (1, 1)
    # In variant 0 two units with 0.9 in all, in variant 2 one with 0.6.
    clustered = {name: value for name, value in sums.items() if name[-3:] in (".nn", ".ns", ".sn", ".ss")}
    assert clustered == {
        "0.u.composite.nn": 4, "0.u.composite.ns": 2 * 900_000, "0.u.composite.ss": 900_000**2,
        "2.u.composite.nn": 1, "2.u.composite.ns": 600_000, "2.u.composite.ss": 600_000**2,
        "0.u.2.composite.nn": 2, "0.u.2.composite.ns": 2 * 600_000, "0.u.2.composite.sn": 900_000,
        "0.u.2.composite.ss": 900_000 * 600_000,
    }  # fmt: skip


def test_only_the_experiments_of_which_something_changed_move() -> None:
    before = ENROLMENTS.join([Enrolment(3, state=DONE), Enrolment(7, state=State.OPEN, n=1, composite=5), Enrolment(9)])
    after = ENROLMENTS.join(
        [Enrolment(3, state=DONE), Enrolment(7, state=State.OPEN, n=2, composite=9), Enrolment(9, decisions=0, since=4)]
    )
    assert dict(differences(before, after)) == {
        7: [("open.0.a.composite.filled.squares", -9), ("open.0.a.composite.filled.sum", -1),
            ("open.0.a.composite.squares", -9), ("open.0.a.composite.sum", -1)],
    }  # fmt: skip
    assert list(differences(after, after)) == []
    moved = dict(differences(before, b""))
    assert {number: dict(changes) for number, changes in moved.items()} == {
        number: {name: -value for name, value in sums.items()} for number, sums in contribution(before).items()
    }
