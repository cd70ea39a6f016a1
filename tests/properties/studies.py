"""Experiments in the second set of books: what their sums must be, from raw lists and numpy, knowing nothing of rows.

Who is enrolled is told; everything measured of them is taken from events and from what went out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from tests.properties.books import Books, Decision, Integers, Where, round_

from fitly.core.decisions import OutcomeAmended, OutcomeFiled, Selected
from fitly.core.eligibility import is_allowed
from fitly.core.events import DecisionApplied, LearnerErased, LearnerEvent, OutcomeRecorded, PreferencesReset
from fitly.core.learner import Preferences
from fitly.core.rules import Policy
from fitly.core.vocabulary import ArmCode, Scope
from fitly.wire.outgoing import Outgoing

DONE: Final = ("measured", "opted_out")
WAITS: Final = ("open", "left")
GONE: Final = ("left", "opted_out")
MEASURES: Final = ("composite", "retention", "performance", "completion", "engagement")


@dataclass
class Made:
    """A decision made while somebody was enrolled."""

    applied: bool
    joined: bool = False


@dataclass
class Unit:
    """A learner in an experiment, or in one epoch of it: every decision and every outcome, as raw numbers."""

    variant: int
    epoch: int
    uniform: bool
    cluster: str
    since: int
    until: int
    before: list[int]
    decisions: dict[str, Made] = field(default_factory=dict)
    outcomes: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    """Reward and the four metrics, by the outcome's id."""
    state: str = "open"
    given: bool = False

    def values(self, measure: int) -> Integers:
        """Give the raw values of a measure."""
        found = [each[measure] for each in self.outcomes.values()]
        return np.array([value for value in found if value is not None], dtype=np.int64)

    def mean(self, measure: int) -> int | None:
        """Give the mean over outcomes that have the measure."""
        values = self.values(measure)
        return round_(values, values.size) if values.size else None

    def filled(self, measure: int) -> int | None:
        """Give the mean in which every decision that nothing came to is one outcome of 0."""
        empty = [0 for made in self.decisions.values() if not made.joined]
        values = np.concatenate([self.values(measure), np.array(empty, dtype=np.int64)])
        return round_(values, values.size) if values.size else None


class Studies(Books):
    """Keeps books of who is enrolled as well."""

    def __init__(self) -> None:
        super().__init__()
        self.units: dict[int, dict[Where, list[Unit]]] = {}
        self.resets: dict[Where, int] = {}

    def enrol(self, number: int, where: Where, unit: Unit) -> None:
        """Take in that somebody is enrolled now."""
        for former in self.units.get(number, {}).get(where, []):
            former.state = "ended" if former.state in WAITS else former.state
        account = self.accounts.get(where)
        if account is not None:
            unit.before = [*account.own.values(), *account.forgotten_own]
            for name, decision in account.remembered.items():
                if decision.since >= self.now:
                    unit.decisions[name] = Made(is_applied(decision), bool(decision.outcomes))
                    for outcome, each in decision.outcomes.items():
                        unit.outcomes[outcome] = each.reward, *each.metrics
                        unit.before.remove(each.reward)
        self.units.setdefault(number, {}).setdefault(where, []).append(unit)

    def tell(self, event: LearnerEvent | None, bin_: str, sent: list[Outgoing], policy: Policy, now: int) -> None:
        for unit in self._all():
            if unit.state in WAITS and unit.until <= now:
                complete = "measured" if unit.state == "open" else "opted_out"
                unit.state = complete if unit.since < unit.until else "ended"
        super().tell(event, bin_, sent, policy, now)

    def _all(self) -> list[Unit]:
        return [unit for by_row in self.units.values() for units in by_row.values() for unit in units]

    def _open(self, where: Where) -> list[Unit]:
        return [unit for by_row in self.units.values() for unit in by_row.get(where, ()) if unit.state == "open"]

    def _filed(self, filed: OutcomeFiled, data: OutcomeRecorded) -> None:
        super()._filed(filed, data)
        where = filed.user_id, filed.context
        for unit in self._open(where):
            if filed.decision_id in unit.decisions:
                unit.outcomes[filed.id] = filed.reward, *filed.metrics
        self._look_again(where)

    def _amended(self, amended: OutcomeAmended) -> None:
        super()._amended(amended)
        where = amended.user_id, amended.context
        for unit in self._open(where):
            if amended.id in unit.outcomes:
                unit.outcomes[amended.id] = amended.reward, *amended.metrics
                if amended.withdrawn:
                    del unit.outcomes[amended.id]
        self._look_again(where)

    def _look_again(self, where: Where) -> None:
        """See of each decision that is remembered whether it was applied, and whether anything came to it."""
        for unit in self._open(where):
            for name, made in unit.decisions.items():
                account = self.accounts.get(where)
                decision = None if account is None else account.remembered.get(name)
                if decision is not None:
                    made.applied = is_applied(decision)
                    if not (decision.arm == ArmCode.NOTHING and decision.since <= self.resets.get(where, 0)):
                        made.joined = bool(decision.outcomes)

    def _selected(self, selected: Selected) -> None:
        super()._selected(selected)
        for unit in self._open((selected.user_id, selected.context)):
            unit.decisions[selected.decision_id] = Made(selected.apply)

    def _others(self, event: LearnerEvent) -> None:
        data = event.data
        known = {*self.accounts, *(where for by_row in self.units.values() for where in by_row)}
        mine = sorted(where for where in known if where[0] == event.user_id)
        if isinstance(data, PreferencesReset) and data.scope is not Scope.PREFERENCES:
            self.resets |= dict.fromkeys(mine, self.now)
        super()._others(event)
        if isinstance(data, LearnerErased):
            for by_row in self.units.values():
                for where in [where for where in by_row if where[0] == event.user_id]:
                    del by_row[where]
            self.resets = {where: at for where, at in self.resets.items() if where[0] != event.user_id}
        elif isinstance(data, DecisionApplied):
            for where in mine:
                self._look_again(where)
        for where in mine:
            if not is_allowed(self.preferences.get(event.user_id, Preferences()), where[1]):
                for unit in self._open(where):
                    unit.state = "left"

    # -- sums ------------------------------------------------------------------------------------------------

    def sums(self, number: int, left_out: Collection[Where]) -> dict[str, int]:
        """Give every sum of an experiment that is not 0, by its name; without those who only try things out."""
        found: Counter[str] = Counter()
        learners = [units for where, units in self.units.get(number, {}).items() if where not in left_out]
        units = [unit for each in learners for unit in each]
        for variant, slice_ in {(unit.variant, "u" if unit.uniform else "a") for unit in units}:
            place = f"{variant}.{slice_}"
            here = [unit for unit in units if unit.variant == variant and ("u" if unit.uniform else "a") == slice_]
            done = [unit for unit in here if unit.state in DONE]
            found[f"{place}.enrolled"] = len(here)
            found[f"{place}.open"] = sum(unit.state in WAITS for unit in here)
            found[f"{place}.measured"] = len(done)
            found[f"{place}.opted_out"] = sum(unit.state in GONE for unit in here)
            found[f"{place}.given"] = sum(unit.given for unit in here)
            found |= fared(place, done) | fared(f"open.{place}", [unit for unit in here if unit.state in WAITS])
            found |= decided(place, done) | compared(place, done)
            for epoch in {unit.epoch for unit in here}:
                found[f"{place}.{epoch}.enrolled"] = sum(unit.epoch == epoch for unit in here)
                found[f"{place}.{epoch}.given"] = sum(unit.epoch == epoch and unit.given for unit in here)
                of_epoch = [unit for unit in done if unit.epoch == epoch]
                for place_, measure in enumerate(MEASURES):
                    found |= triple(f"{place}.{epoch}.{measure}", (unit.mean(place_) for unit in of_epoch))
        found |= grouped(units) | by_learner(learners)
        return {name: value for name, value in sorted(found.items()) if value}


def is_applied(decision: Decision) -> bool:
    if decision.shown:
        return decision.shown.endswith("yes")
    return decision.apply


def triple(name: str, values: Iterable[int | None]) -> Counter[str]:
    there = np.array([value for value in values if value is not None], dtype=np.int64)
    return Counter({f"{name}.n": there.size, f"{name}.sum": int(there.sum()), f"{name}.squares": int((there**2).sum())})


def fared(place: str, units: list[Unit]) -> Counter[str]:
    found = Counter({f"{place}.with_outcome": sum(bool(unit.outcomes) for unit in units)})
    for k, measure in enumerate(MEASURES):
        found |= triple(f"{place}.{measure}", (unit.mean(k) for unit in units))
        found |= triple(f"{place}.{measure}.filled", (unit.filled(k) for unit in units))
    return found


def decided(place: str, units: list[Unit]) -> Counter[str]:
    d = np.array([len(unit.decisions) for unit in units], dtype=np.int64)
    j = np.array([sum(made.joined for made in unit.decisions.values()) for unit in units], dtype=np.int64)
    a = np.array([sum(made.applied for made in unit.decisions.values()) for unit in units], dtype=np.int64)
    sums = {
        "exposed": (a > 0).sum(), "decisions": d.sum(), "joined": j.sum(), "applied": a.sum(), "dd": d @ d,
        "jj": j @ j, "aa": a @ a, "dj": d @ j, "da": d @ a, "outcomes": sum(len(unit.outcomes) for unit in units),
    }  # fmt: skip
    counts = {f"{measure}.outcomes": sum(unit.values(k).size for unit in units) for k, measure in enumerate(MEASURES)}
    return Counter({f"{place}.{name}": int(value) for name, value in (sums | counts).items()})


def compared(place: str, units: list[Unit]) -> Counter[str]:
    found: Counter[str] = Counter()
    for k, measure in enumerate(MEASURES):
        exposed = (unit.mean(k) for unit in units if any(made.applied for made in unit.decisions.values()))
        found |= triple(f"{place}.{measure}.exposed", exposed)
        pairs = [(unit.before, unit.mean(k)) for unit in units if unit.before]
        known = [(round_(np.array(before), len(before)), after) for before, after in pairs if after is not None]
        x = np.array([before for before, _ in known], dtype=np.int64)
        y = np.array([after for _, after in known], dtype=np.int64)
        sums = {"n": x.size, "x": x.sum(), "y": y.sum(), "xx": x @ x, "xy": x @ y, "yy": y @ y}
        found |= Counter({f"{place}.{measure}.before.{name}": int(value) for name, value in sums.items()})
    return found


def grouped(units: list[Unit]) -> Counter[str]:
    found: Counter[str] = Counter()
    for cluster, variant in {(unit.cluster, unit.variant) for unit in units if unit.cluster}:
        here = [unit for unit in units if (unit.cluster, unit.variant) == (cluster, variant)]
        done = [unit for unit in here if unit.state in DONE]
        place = f"cluster.{cluster}.{variant}"
        gone, given = sum(unit.state in GONE for unit in here), sum(unit.given for unit in here)
        counts = {"enrolled": len(here), "given": given, "opted_out": gone, "measured": len(done)}
        found |= Counter({f"{place}.{name}": count for name, count in counts.items()})
        for k, measure in enumerate(MEASURES):
            found |= triple(f"{place}.{measure}", (unit.mean(k) for unit in done))
            found |= triple(f"{place}.{measure}.filled", (unit.filled(k) for unit in done))
    return Counter({name: value for name, value in found.items() if not name.endswith("squares")})


def by_learner(learners: list[list[Unit]]) -> Counter[str]:
    """Give products of what one learner's units of the uniform slice sum to."""
    found: Counter[str] = Counter()
    for k, measure in enumerate(MEASURES):
        n, s = np.zeros((2, len(learners), 8), dtype=np.int64)
        for row, units in enumerate(learners):
            for unit in units:
                mean = unit.mean(k) if unit.uniform and unit.state in DONE else None
                if mean is not None:
                    n[row, unit.variant] += 1
                    s[row, unit.variant] += mean
        for v in range(8):
            found[f"{v}.u.{measure}.learners"] = int((n[:, v] > 0).sum())
        for name, product in (("nn", n.T @ n), ("ns", n.T @ s), ("sn", s.T @ n), ("ss", s.T @ s)):
            for v in range(8):
                for w in range(v, 8):
                    place = f"{v}.u.{measure}" if v == w else f"{v}.u.{w}.{measure}"
                    if v < w or name != "sn":
                        found[f"{place}.{name}"] = int(product[v, w])
    return found
