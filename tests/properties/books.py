"""A second set of books: what arms and days must hold, from raw data and numpy, knowing nothing of rows.

It reads the events and what went out for each (which decision an outcome was filed under is taken from there), keeps
every outcome of every decision as raw numbers, and adds up only when asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from fitly.core.decisions import OutcomeAmended, OutcomeFiled, Selected
from fitly.core.eligibility import is_allowed
from fitly.core.events import (
    DecisionApplied,
    LearnerErased,
    LearnerEvent,
    OutcomeRecorded,
    PreferencesChanged,
    PreferencesReset,
)
from fitly.core.learner import Preferences
from fitly.core.numbers import DAY, day_of
from fitly.core.resets import changed, reset
from fitly.core.rules import Policy
from fitly.core.topics import OUTCOMES, SELECTED
from fitly.core.vocabulary import ARM_CODES, ArmCode, Context, Mode, Scope, Unit
from fitly.wire.outcomes import decode_outcome
from fitly.wire.selected import decode_selected
from fitly.wire.shard import Outgoing

MOST: Final = 64
GRACE: Final = 16 * DAY
Where: TypeAlias = tuple[str, Context]
Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass
class Outcome:
    """One attributed outcome: four metrics (None where absent), reward, its centre, in the window or not."""

    metrics: tuple[int | None, ...]
    reward: int
    centre: int
    counted: bool


@dataclass
class Decision:
    """One decision, with all its outcomes."""

    since: int
    until: int
    closes: int
    arm: int
    apply: bool
    default: tuple[int, int] | None
    """What was to stand for outcomes that never come, and the same centred."""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    shown: str = ""
    is_open: bool = True
    defaulted: bool = False

    @property
    def teaches(self) -> bool:
        return self.arm != ArmCode.NOTHING and not (self.apply and self.shown.endswith("no"))

    @property
    def joined(self) -> bool:
        return any(outcome.counted for outcome in self.outcomes.values())


@dataclass
class Account:
    """One learner in one context."""

    remembered: dict[str, Decision] = field(default_factory=dict)
    let_go: list[Decision] = field(default_factory=list)
    own: dict[str, int] = field(default_factory=dict)
    forgotten_own: list[int] = field(default_factory=list)
    """Outcomes whose entry the row has let go of: they still count for the learner's own mean."""
    unjoined: int = 0


class Books:
    """Keeps accounts of a partition whose records are told one by one."""

    def __init__(self) -> None:
        self.accounts: dict[Where, Account] = {}
        self.preferences: dict[str, Preferences] = {}
        self.policy = Policy()
        self.now = 0

    def tell(self, event: LearnerEvent | None, bin_: str, sent: list[Outgoing], policy: Policy, now: int) -> None:
        """Take in one record and what it led to."""
        self.policy, self.now = policy, now
        for account in self.accounts.values():
            self._close(account)
        for output in sent:
            if output.topic == OUTCOMES and output.value is not None:
                effect = decode_outcome(output.value)
                if isinstance(effect, OutcomeAmended):
                    self._amended(effect)
                elif bin_ == "APPLIED":
                    assert event is not None
                    assert isinstance(event.data, OutcomeRecorded)
                    self._filed(effect, event.data)
        if event is not None and bin_ == "APPLIED":
            self._others(event)
        for output in sent:
            if output.topic == SELECTED and output.value and not output.headers:
                self._selected(decode_selected(output.value or b""))

    def _others(self, event: LearnerEvent) -> None:
        data = event.data
        mine = [account for (user, _), account in self.accounts.items() if user == event.user_id]
        if isinstance(data, DecisionApplied):
            (decision,) = [a.remembered[data.decision_id] for a in mine if data.decision_id in a.remembered]
            decision.shown = "consumer yes" if data.applied else "consumer no"
        elif isinstance(data, PreferencesReset) and data.scope is not Scope.PREFERENCES:
            for account in mine:
                account.let_go.clear()
                account.own.clear()
                account.forgotten_own.clear()
                for decision in account.remembered.values():
                    decision.arm, decision.is_open = ArmCode.NOTHING, False
                    decision.outcomes.clear()
        if isinstance(data, LearnerErased):
            self.accounts = {where: account for where, account in self.accounts.items() if where[0] != event.user_id}
            self.preferences.pop(event.user_id, None)
        elif isinstance(data, PreferencesChanged | PreferencesReset):
            self._preferred(event.user_id, data)

    def _preferred(self, user: str, data: PreferencesChanged | PreferencesReset) -> None:
        before = self.preferences.get(user, Preferences())
        if isinstance(data, PreferencesChanged):
            self.preferences[user] = changed(before, data)
        elif data.scope is not Scope.LEARNED:
            self.preferences[user] = reset(before, self.policy.default_level, consent=bool(data.consent))
        for (whose, context), account in self.accounts.items():
            if whose == user and not is_allowed(self.preferences.get(user, before), context):
                for decision in account.remembered.values():
                    decision.is_open = False

    def _filed(self, filed: OutcomeFiled, data: OutcomeRecorded) -> None:
        account = self.accounts[filed.user_id, filed.context]
        assert filed.decision_id is not None
        assert filed.reward is not None
        decision = account.remembered[filed.decision_id]
        centre = own_mean(account)
        if data.personalization_applied is not None and not decision.shown:
            decision.shown = "outcome yes" if data.personalization_applied else "outcome no"
        decision.outcomes[filed.id] = Outcome(filed.metrics, filed.reward, centre, decision.is_open)
        account.own[filed.id] = filed.reward

    def _amended(self, amended: OutcomeAmended) -> None:
        account = self.accounts[amended.user_id, amended.context]
        (decision,) = [each for each in account.remembered.values() if amended.id in each.outcomes]
        if amended.withdrawn:
            was_joined = decision.joined
            del decision.outcomes[amended.id], account.own[amended.id]
            if was_joined and not decision.is_open:
                self._conclude(account, decision)
            return
        assert amended.reward is not None
        outcome = decision.outcomes[amended.id]
        outcome.metrics, outcome.reward = amended.metrics, amended.reward
        account.own[amended.id] = amended.reward

    def _selected(self, selected: Selected) -> None:
        account = self.accounts.setdefault((selected.user_id, selected.context), Account())
        remembered = account.remembered
        while remembered:
            first = next(iter(remembered))
            decision = remembered[first]
            if decision.is_open or decision.until + GRACE >= self.now:
                break
            self._let_go(account, first)
        if len(remembered) >= MOST:
            first = next(iter(remembered))
            self._shut(account, remembered[first])
            self._let_go(account, first)
        for last in [*remembered.values()][-1:]:
            last.until = min(last.until, self.now)
        window = getattr(self.policy.windows, selected.context.value.lower())
        default = None
        if self.policy.default_reward is not None:
            worth = round(self.policy.default_reward * 1_000_000)
            default = worth, worth - own_mean(account)
        closes = self.now + round(window * DAY)
        remembered[selected.decision_id] = Decision(
            self.now,
            selected.valid_until,
            closes,
            taught(selected),
            selected.apply,
            default,
            is_open=selected.mode is not Mode.OPTED_OUT,
        )

    def _let_go(self, account: Account, name: str) -> None:
        decision = account.remembered.pop(name)
        account.let_go.append(decision)
        for outcome in decision.outcomes:
            account.forgotten_own.append(account.own.pop(outcome))

    def _close(self, account: Account) -> None:
        for decision in account.remembered.values():
            if decision.closes <= self.now:
                self._shut(account, decision)

    def _shut(self, account: Account, decision: Decision) -> None:
        if decision.is_open:
            decision.is_open = False
            self._conclude(account, decision)

    def _conclude(self, account: Account, decision: Decision) -> None:
        """See whether a closed window holds an outcome."""
        if not decision.joined:
            account.unjoined += 1
            decision.defaulted = decision.default is not None and decision.arm != ArmCode.NOTHING

    # -- sums ------------------------------------------------------------------------------------------------

    def arms(self, where: Where) -> dict[int, tuple[int, int, int, int]]:
        """Give n, sum of rewards, of centred rewards, and of their squares, by arm."""
        lessons: dict[int, list[tuple[int, int]]] = {}
        for decision in self._taught(where):
            counted = [outcome for outcome in decision.outcomes.values() if outcome.counted]
            if counted:
                rewards = np.array([outcome.reward for outcome in counted], dtype=np.int64)
                centres = np.array([outcome.centre for outcome in counted], dtype=np.int64)
                lesson = round_(rewards, len(counted)), round_(rewards - centres, len(counted))
            elif decision.defaulted:
                assert decision.default is not None
                lesson = decision.default
            else:
                continue
            lessons.setdefault(decision.arm, []).append(lesson)
        return {arm: summed(np.array(all_)) for arm, all_ in lessons.items()}

    def days(self, where: Where) -> dict[tuple[int, int], tuple[int, ...]]:
        """Give the fifteen sums of each day and arm, day 0 for all: of the decisions' mean outcomes."""
        found: dict[tuple[int, int], list[Decision]] = {}
        for decision in self._taught(where):
            if decision.outcomes and decision.arm != ArmCode.FALLBACK:
                for day in (0, decision.since // DAY):
                    found.setdefault((day, decision.arm), []).append(decision)
        return {key: fifteen(decisions) for key, decisions in found.items()}

    def unjoined(self, where: Where) -> int:
        """Give how many windows closed without an outcome."""
        return self.accounts[where].unjoined

    def own(self, where: Where) -> tuple[int, int]:
        """Give how many outcomes of their own the learner has, and the sum of their rewards."""
        account = self.accounts[where]
        values = [*account.own.values(), *account.forgotten_own]
        return len(values), sum(values)

    def _taught(self, where: Where) -> list[Decision]:
        account = self.accounts[where]
        return [each for each in (*account.let_go, *account.remembered.values()) if each.teaches]

    @property
    def today(self) -> int:
        return day_of(self.now)  # type: ignore[arg-type]


def own_mean(account: Account) -> int:
    """Give the learner's own mean, shrunk towards the context's."""
    values = [*account.own.values(), *account.forgotten_own]
    return round_(np.array([sum(values) + 10 * 500_000]), len(values) + 10)


def taught(selected: Selected) -> int:
    if selected.mode in (Mode.CONTROL, Mode.HOLDOUT):
        return ArmCode[selected.mode.name]
    if selected.mode is Mode.FALLBACK and selected.unit is Unit.DECISION:
        return ArmCode.FALLBACK
    if selected.mode is Mode.PINNED or selected.strategy_variant is None:
        return ArmCode.NOTHING
    return ARM_CODES[selected.strategy_variant]


def round_(values: Integers, count: int) -> int:
    """Give a mean in whole millionths, half to even."""
    return int(np.rint(values.sum() / count))


def summed(lessons: Integers) -> tuple[int, int, int, int]:
    raw, centred = lessons[:, 0], lessons[:, 1]
    return len(lessons), int(raw.sum()), int(centred.sum()), int((centred**2).sum())


def fifteen(decisions: list[Decision]) -> tuple[int, ...]:
    sums: list[int] = []
    for metric in (None, 0, 1, 2, 3):
        means: list[int] = []
        for decision in decisions:
            outcomes = decision.outcomes.values()
            values = [each.reward if metric is None else each.metrics[metric] for each in outcomes]
            there = np.array([value for value in values if value is not None], dtype=np.int64)
            if there.size:
                means.append(round_(there, there.size))
        each = np.array(means, dtype=np.int64)
        sums += [each.size, int(each.sum()), int((each**2).sum())]
    return tuple(sums)
