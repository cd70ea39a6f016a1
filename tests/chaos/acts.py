"""What is done to a running group, one function per act, and the order in which a seed has them done.

Knows the verbs of the fleets, the broker's death and the slow link. Must never know what is proved afterwards.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import TypeVar

import pytest
from tests.chaos.driver import GLANCE_S, Fleet, Member
from tests.chaos.proxy import Proxy
from tests.chaos.watch import Watch

from fitly.core.topics import BY_NAME, CONTEXTS_CHANGELOG, INPUT
from fitly.local.background import BackgroundStack

T = TypeVar("T")

SESSION_S = 6.0
"""After so long Kafka gives a silent worker's partitions away; what must outlast it is measured against this."""
SLOW_RESTORE_S = 1.3 * SESSION_S
"""How long a restore is made to take that outlasts the session."""
NAP_RESTORE_S = 4.0
"""How long a restore is made to take, so that somebody can wake up in it."""
LEAST_CHANGELOG = 300_000
"""Bytes of each partition there must be before a restore can take long over a link that deserves the name."""
LEAST_BYTES_S = 20_000
MOST_WORKERS = 3
PATIENCE_S = 120.0
PARTITIONS = frozenset(range(BY_NAME[INPUT].partitions))


@dataclass
class Scene:
    """A running group and everything that acts on it.

    Attributes
    ----------
    draw : Random
        Decides what is not said: who is hit, and when.
    listener : callable
        Is told what is done, with the second.
    most_events : int
        The most that is awaited between two acts.
    acts : Counter
        How often each act was done.
    """

    draw: Random
    prefix: str
    stack: BackgroundStack
    link: Proxy
    watch: Watch
    listener: Callable[[str], None]
    workers: Fleet
    sinks: Fleet | None = None
    adders: Fleet | None = None
    most_events: int = 600
    acts: Counter[str] = field(default_factory=Counter)
    begun: float = field(default_factory=time.monotonic)
    _assigned: int = 0

    def play(self, acts: list[str]) -> None:
        """Do the acts, each at a moment of its own."""
        for name in acts:
            self._pause()
            self._assigned = self.assignments()
            self.acts[name] += 1
            ACTS[name](self)

    def tell(self, what: str) -> None:
        """Say what is done."""
        self.listener(f"{time.monotonic() - self.begun:6.1f} s  {what}")

    def until(self, condition: Callable[[], T], what: str, seconds: float = PATIENCE_S) -> T:
        """Wait for a condition, tend the fleets meanwhile, and give what made it true.

        Raises
        ------
        Failed
            It did not come true in time.
        """
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            for fleet in self.fleets:
                fleet.tend()
            if time.monotonic() > deadline:
                whole = "; ".join([*(fleet.state() for fleet in self.fleets), self.watch.state()])
                pytest.fail(f"after {seconds:g} s still not: {what}; {whole}")
            time.sleep(GLANCE_S)
        return found

    @property
    def fleets(self) -> list[Fleet]:
        """Workers, and sinks and second agents where there are some."""
        return [fleet for fleet in (self.workers, self.sinks, self.adders) if fleet is not None]

    def advance(self, events: int) -> None:
        """Wait until so many more records are committed."""
        before = self.watch.total()
        self.until(lambda: self.watch.total() >= before + events, f"{events} more events committed")

    def settle(self) -> None:
        """Wait until every worker owns a part and together they own all."""
        self.until(self._is_settled, "every worker owns a part and together they own all")

    def victim(self) -> Member:
        """Draw one of the workers that own a partition."""
        return self.draw.choice(self.until(self.owners, "a worker owns a partition"))

    def owners(self) -> list[Member]:
        """Give the workers that own a partition."""
        return [member for member in self.workers.alive if member.owns]

    def goes_on(self, partitions: list[int]) -> Callable[[], bool]:
        """Give a condition: on each of these partitions, of which there are some, more is committed than now."""
        assert partitions, "nobody owns anything: no condition could fail"
        before = self.watch.committed()
        return lambda: all(at > before[number] for number, at in self.watch.committed().items() if number in partitions)

    def falls(self) -> list[str]:
        """Say who ended by himself, and what may have been the cause."""
        return [fall for fleet in self.fleets for fall in fleet.falls]

    def assignments(self) -> int:
        """Count how often partitions were handed out so far, to all workers together."""
        return sum(len(member.said("assigned")) for member in self.workers.members)

    def _pause(self) -> None:
        """Let a drawn moment pass: none, some committed events, or until partitions have just been handed out."""
        kind = self.draw.choices(("at once", "events", "assignment"), (1, 4, 2))[0]
        events = self.draw.randint(1, self.most_events)
        if kind == "events":
            self.advance(events)
        elif kind == "assignment":
            before = self.watch.total()
            self.until(
                lambda: self.assignments() > self._assigned or self.watch.total() >= before + events,
                f"an assignment, or {events} more events committed",
            )

    def _is_settled(self) -> bool:
        shares = [member.owns for member in self.workers.alive]
        owned = [partition for share in shares for partition in share]
        return all(shares) and len(owned) == len(PARTITIONS) and set(owned) == PARTITIONS


def join(scene: Scene) -> None:
    """One more worker; where there are enough, one leaves first."""
    if len(scene.workers.alive) >= MOST_WORKERS:
        leave(scene)
    scene.tell(f"{scene.workers.join().name} joins")


def leave(scene: Scene) -> None:
    """A worker is asked to go; where it is the last, another joins first."""
    if len(scene.workers.alive) == 1:
        join(scene)
    member = scene.victim()
    scene.tell(f"{member.name} is asked to leave; it owns {member.owns}")
    scene.workers.leave(member)


def kill(scene: Scene) -> None:
    """A worker is killed -9, and its supervisor starts another."""
    member = scene.victim()
    scene.tell(f"{member.name} is killed; it owns {member.owns}")
    scene.workers.kill(member)
    scene.workers.join()


def stop(scene: Scene) -> None:
    """A worker stands still past its session; when others commit in its place it goes on as if nothing had been."""
    member = _stopped(scene)
    held, commits = member.owns, scene.goes_on(member.owns)
    scene.until(
        lambda: _is_handed_on(scene, held) and commits(),
        f"others commit on the partitions {held} of {member.name}, which is stopped",
    )
    _continued(scene, member)


def nap(scene: Scene) -> None:
    """A worker stands still just past its session, and goes on while others restore what it owned.

    Its transaction has not timed out by then: nothing but the fence keeps it from being committed.
    """
    member = _stopped(scene)
    held = member.owns
    width = max(LEAST_BYTES_S, int(_changelog_bytes(scene, held) / NAP_RESTORE_S))
    with scene.link.narrow_for_newcomers(width):
        scene.until(lambda: _is_handed_on(scene, held), f"others are handed the partitions {held} of {member.name}")
        _continued(scene, member)


def _stopped(scene: Scene) -> Member:
    """Stop a worker that is in full swing."""
    if len(scene.workers.alive) == 1:
        join(scene)
    scene.settle()
    member = scene.victim()
    scene.until(scene.goes_on(member.owns), f"{member.name} commits on its partitions {member.owns}")
    scene.workers.stop(member)
    scene.tell(f"{member.name} is stopped; it owns {member.owns}")
    return member


def _is_handed_on(scene: Scene, held: list[int]) -> bool:
    return set(held) <= {partition for other in scene.workers.alive for partition in other.owns}


def _continued(scene: Scene, member: Member) -> None:
    """Let a stopped worker go on, and wait until it knows what it has missed."""
    assigned = len(member.said("assigned"))
    scene.workers.weather = "met one that was stopped"  # if that was in its fence, it goes on with it
    scene.workers.go_on(member)
    scene.tell(f"{member.name} goes on")
    scene.until(
        lambda: not member.alive or len(member.said("assigned")) > assigned,
        f"{member.name}, which was stopped, has noticed",
    )
    scene.settle()
    scene.workers.weather = ""


def break_broker(scene: Scene) -> None:
    """The broker is killed -9; its supervisor starts it again at the same address."""
    for fleet in scene.fleets:
        fleet.weather = "lived through the broker's death"
    commits = scene.goes_on([*PARTITIONS])
    pid = scene.stack.stack.kill_broker()
    scene.tell("the broker is killed")
    scene.stack.call(scene.stack.stack.until_running, "kafka", not_pid=pid)
    scene.until(commits, "more is committed on every partition after the broker's death")
    for fleet in scene.fleets:
        fleet.weather = ""


def restore_slowly(scene: Scene) -> None:
    """A worker joins over a link so slow that its restore outlasts its session; it must keep its place meanwhile."""
    if len(scene.workers.alive) >= MOST_WORKERS:
        leave(scene)
    scene.until(lambda: _changelog_bytes(scene, [*PARTITIONS]) >= LEAST_CHANGELOG, "there is something to restore")
    scene.settle()
    falls = scene.falls()
    with scene.link.narrow_for_newcomers(int(LEAST_CHANGELOG / SLOW_RESTORE_S)) as width:
        member = scene.workers.join()
        scene.until(lambda: member.owns or not member.alive, f"{member.name} owns a partition")
        scene.settle()
        times, owned = len(member.said("assigned")), member.owns
        assert owned, f"{member.name} joined over a slow link, and ended; see {member.log}"
        width.down = int(_changelog_bytes(scene, owned) / SLOW_RESTORE_S)  # it has grown since
        scene.tell(f"{member.name} has joined and restores {owned} over a link that is {width.down:,} bytes/s wide")
        scene.until(
            lambda: not member.alive or {line["partition"] for line in member.said("restored")} >= set(owned),
            f"{member.name} has restored {owned} over the slow link",
        )
    assert member.alive, f"{member.name} ended while it restored; see {member.log}"
    taken = [_seconds_between(member.said("assigned")[0], line) for line in member.said("restored")]
    scene.tell(f"{member.name} has restored {owned} in {min(taken):.1f} to {max(taken):.1f} s")
    assert min(taken) > SESSION_S, f"the restore took {taken} s: not longer than the session; see {member.log}"
    if scene.falls() == falls:  # else there was a reason to share anew
        assert len(member.said("assigned")) == times, f"{member.name} lost its place while it restored: {member.log}"
    scene.until(scene.goes_on(owned), f"more is committed on {owned} after the restore")


def kill_sink(scene: Scene) -> None:
    """The sink is killed -9, and its supervisor starts another."""
    _replace(scene, scene.sinks)


def kill_adder(scene: Scene) -> None:
    """The second agent is killed -9, and its supervisor starts another."""
    _replace(scene, scene.adders)


def _replace(scene: Scene, fleet: Fleet | None) -> None:
    assert fleet is not None
    scene.until(lambda: fleet.alive, f"one of {fleet.role} runs")
    member = fleet.alive[0]
    scene.tell(f"{member.name} is killed")
    fleet.kill(member)
    fleet.join()


def _changelog_bytes(scene: Scene, partitions: list[int]) -> int:
    """Give the size of the smallest of these partitions of the larger changelog, as it lies on the broker's disk."""
    folder = scene.stack.stack.directory / "kafka" / "data"
    name = scene.prefix + CONTEXTS_CHANGELOG
    return min(
        sum(file.stat().st_size for file in (folder / f"{name}-{partition}").glob("*.log")) for partition in partitions
    )


def _seconds_between(earlier: dict[str, str], later: dict[str, str]) -> float:
    first, last = (datetime.fromisoformat(line["timestamp"]) for line in (earlier, later))
    return (last - first).total_seconds()


ACTS: dict[str, Callable[[Scene], None]] = {
    "join": join,
    "leave": leave,
    "kill -9": kill,
    "stop": stop,
    "nap": nap,
    "broker": break_broker,
    "slow restore": restore_slowly,
    "kill -9 sink": kill_sink,
    "kill -9 experiments": kill_adder,
}
