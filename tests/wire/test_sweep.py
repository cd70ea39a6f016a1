"""Withdrawal in slices: what a control event overrules is decided anew without waiting for its learner."""

from __future__ import annotations

from random import Random
from typing import Final

import pytest
from tests.core.partition import KEY, SURE, Partition, Switches, Told, replace
from tests.core.test_lifecycle import ROLLED_OUT
from tests.core.trials import CANCELLED, NAME, PAUSED, RELEASED, STOPPED, begin, move

from fitly.core.events import ExperimentPayload
from fitly.core.names import decision_id, event_key
from fitly.core.rules import Policy
from fitly.core.system import SWEEP_KEY
from fitly.core.topics import SELECTED
from fitly.core.vocabulary import Algorithm, Context, Mode, Variant
from fitly.wire.batch import MOST_DUE
from fitly.wire.outgoing import Change, Outgoing
from fitly.wire.rows import decode_sweep
from fitly.wire.selected import decode_selected
from fitly.wire.shard import Shard
from fitly.wire.sweeping import MOST_EXAMINED, Keys

OFF: Final = replace(SURE, switches=Switches(everything=True))
MANY: Final = MOST_DUE + 120


def crowd(count: int = MANY, policy: Policy = SURE) -> Partition:
    """Give a partition in which something stands for so many learners."""
    partition = Partition(policy)
    for n in range(count):
        partition.request(f"learner-{n:04}")
    return partition


def users(told: Told) -> list[str]:
    return [decode_selected(sent.value or b"").user_id for sent in told.to(SELECTED)]


def test_a_switch_withdraws_what_stands_in_slices_in_the_order_of_keys() -> None:
    partition = crowd()
    first = users(partition.revise(OFF))
    assert first == [f"learner-{n:04}" for n in range(MOST_DUE)]
    assert partition.shard.overdue() == 1
    second = users(partition.tick())
    assert second == [f"learner-{n:04}" for n in range(MOST_DUE, MANY)]
    assert partition.shard.overdue() == 0
    assert users(partition.tick()) == []


def test_each_withdrawal_answers_the_control_event_where_it_stands() -> None:
    partition = crowd()
    told = partition.revise(OFF)
    key = event_key("fitly", f"control-{partition.control_number}")
    for sent in (*told.to(SELECTED), *partition.tick().to(SELECTED)):
        selected = decode_selected(sent.value or b"")
        assert (selected.mode, selected.apply) == (Mode.OPTED_OUT, False)
        assert selected.cause == (key, 0, told.record.offset)
        assert selected.decision_id == decision_id(key, selected.user_id, selected.context)
    assert not partition.arms("learner-0001")[0].active


def test_switching_on_again_decides_anew_and_keeps_what_was_learned() -> None:
    partition = Partition(replace(SURE, windows=replace(SURE.windows, assessment=1)))
    partition.request()
    partition.outcome(score=1.0)
    before = [(arm.arm, arm.n, arm.raw, arm.centred) for arm in partition.arms()]
    assert partition.revise(OFF).selected.mode is Mode.OPTED_OUT
    partition.later(days=2)
    again = partition.revise(SURE).selected
    assert again.mode is Mode.EXPLOIT
    assert [(arm.arm, arm.n, arm.raw, arm.centred) for arm in partition.arms() if arm.n] == before


@pytest.mark.parametrize(
    "policy",
    [
        replace(SURE, epsilon=0.7),
        replace(SURE, algorithm=Algorithm.UNIFORM),
        replace(SURE, thresholds=replace(SURE.thresholds, low=0.9)),
    ],
)
def test_a_revision_that_takes_no_arm_away_withdraws_nothing_and_resets_nothing(policy: Policy) -> None:
    partition = Partition()
    partition.request()
    partition.outcome()
    rows = partition.rows()
    assert users(partition.revise(policy)) == []
    assert partition.rows() == rows
    assert SWEEP_KEY not in [change.key for change in partition.shard.state()]


def test_what_the_rules_still_allow_goes_on_standing() -> None:
    partition = Partition(replace(SURE, epsilon=1))
    arms = {user: partition.request(user).selected.strategy_variant for user in (f"learner-{n}" for n in range(40))}
    gone = users(partition.revise(replace(SURE, switches=Switches(arms=(Variant.BALANCED,)))))
    assert gone == sorted(user for user, arm in arms.items() if arm is Variant.BALANCED)


def test_a_context_that_is_switched_off_leaves_the_others_alone() -> None:
    partition = Partition()
    for context in Context:
        partition.request(context=context.value)
    told = partition.revise(replace(SURE, switches=Switches(contexts=(Context.CONTENT,))))
    assert told.selected.context is Context.CONTENT


def test_a_decision_that_has_lapsed_is_nothing_to_withdraw() -> None:
    partition = crowd(3)
    partition.later(days=31)
    assert users(partition.revise(OFF)) == []


def test_learners_who_opted_out_themselves_are_left_as_they_are() -> None:
    partition = crowd(2)
    partition.prefer("learner-0000", level="NONE")
    assert users(partition.revise(OFF)) == ["learner-0001"]
    assert users(partition.revise(SURE)) == ["learner-0001"]


def test_windows_that_are_over_close_before_the_new_decision() -> None:
    partition = crowd(1)
    partition.later(days=8)
    partition.revise(OFF)
    assert partition.row("learner-0000").unjoined == 1


def test_one_record_looks_at_so_many_rows_at_most() -> None:
    partition = Partition(replace(SURE, epsilon=1))
    partition.request("learner-9999")
    off = replace(SURE, switches=Switches(everything=True))
    partition.revise(off)
    for n in range(MOST_EXAMINED):
        partition.request(f"learner-{n:04}")
    last = replace(off, switches=Switches(contexts=(Context.ASSESSMENT,), arms=(Variant.BALANCED,)))
    assert users(partition.revise(last)) == []
    assert partition.shard.is_sweeping
    partition.tick()
    assert not partition.shard.is_sweeping


def test_deadlines_wait_for_withdrawals_and_a_slice_holds_both() -> None:
    partition = crowd(MOST_DUE - 1)
    for n in range(10):
        partition.prefer(f"zoe-{n}", level="LOW")
        partition.request(f"zoe-{n}", "CONTENT")
    partition.later(days=2)
    off = replace(SURE, switches=Switches(contexts=(Context.ASSESSMENT,)))
    assert len(users(partition.revise(off))) == MOST_DUE - 1
    assert partition.shard.overdue() == 9
    partition.tick()
    assert partition.shard.overdue() == 0


def test_a_second_switch_begins_again_and_another_revision_does_not_interrupt() -> None:
    partition = crowd()
    partition.revise(OFF)
    assert len(users(partition.revise(replace(OFF, epsilon=0.5)))) == MANY - MOST_DUE
    partition.revise(SURE)
    assert len(users(partition.revise(OFF))) == MOST_DUE
    assert partition.shard.sweep is not None
    assert partition.shard.sweep.cause == event_key("fitly", f"control-{partition.control_number}")


def test_learners_who_come_in_the_meantime_are_taken_in_their_place() -> None:
    partition = crowd()
    partition.revise(OFF)
    assert partition.request("learner-0000a").selected.mode is Mode.OPTED_OUT
    assert partition.request("zoe").selected.mode is Mode.OPTED_OUT
    assert len(users(partition.tick())) == MANY - MOST_DUE
    assert not partition.shard.is_sweeping


@pytest.mark.parametrize("seed", range(4))
def test_batches_and_crashes_change_no_byte_of_a_withdrawal(seed: int) -> None:
    partition = crowd(2 * MOST_DUE + 50)
    before = len(partition.log)
    partition.revise(OFF)
    for n in range(0, 9, 2):
        partition.request(f"learner-{n:04}x")
        partition.outcome(f"learner-09{n}0")
        partition.tick()
    partition.revise(replace(SURE, switches=Switches(arms=(Variant.BALANCED,))))
    for _ in range(4):
        partition.tick()
    shard, sent, changelog = Shard(0, KEY), list[Outgoing](), list[Change]()
    shard.opened()
    random = Random(seed)
    opening = shard.fold(partition.log[:before])
    changelog.extend(opening.changes)
    shard.adopt(opening)
    start = before
    while start < len(partition.log):
        end = min(len(partition.log), start + random.randrange(1, 5))
        batch = shard.fold(partition.log[start:end])
        if random.random() < 0.3:
            shard.discard(batch)
            continue
        if random.random() < 0.4:
            shard = Shard(0, KEY)
            for change in changelog:
                shard.load(*change)
            shard.opened()
            continue
        sent.extend(batch.outputs)
        changelog.extend(batch.changes)
        shard.adopt(batch)
        start = end
    again = Partition(opened=False)
    told = [again.write(*record[2:], stamp=record.timestamp) for record in partition.log]
    assert sent == [output for each in told[before:] for output in each.outputs]
    assert list(shard.state()) == list(partition.shard.state())


@pytest.mark.parametrize("ends", [CANCELLED, RELEASED, STOPPED])
def test_what_an_experiment_lets_go_is_withdrawn_in_slices(ends: ExperimentPayload) -> None:
    partition = Partition()
    begin(partition)
    for n in range(MANY):
        partition.request(f"learner-{n:04}")
    assert not move(partition, PAUSED).decided
    first = move(partition, ends)
    assert users(first) == [f"learner-{n:04}" for n in range(MOST_DUE)]
    second = partition.tick()
    assert users(second) == [f"learner-{n:04}" for n in range(MOST_DUE, MANY)]
    modes = {decode_selected(sent.value or b"").mode for sent in (*first.to(SELECTED), *second.to(SELECTED))}
    assert Mode.EXPERIMENT not in modes
    assert users(partition.tick()) == []


def test_a_roll_out_decides_anew_for_whoever_was_in_and_once_only() -> None:
    partition = Partition()
    begin(partition)
    for n in range(40):
        partition.request(f"learner-{n:04}")
    before = {f"learner-{n:04}": partition.row(f"learner-{n:04}").standing for n in range(40)}
    assert all(standing is not None and standing.open().mode is Mode.EXPERIMENT for standing in before.values())
    partition.later(hours=1)
    told = move(partition, ROLLED_OUT)
    made = [decode_selected(sent.value or b"") for sent in told.to(SELECTED)]
    assert [selected.user_id for selected in made] == [*before]
    assert {selected.experiment for selected in made} == {NAME}
    assert [selected.strategy_variant for selected in made].count(Variant.BALANCED) > 20
    assert users(partition.tick()) == []
    assert move(partition, RELEASED).decided


def test_the_cursor_is_a_row_of_its_own() -> None:
    partition = crowd()
    told = partition.revise(OFF)
    (value,) = [change.value for change in partition.shard.state() if change.key == SWEEP_KEY]
    sweep = decode_sweep(value or b"")
    assert sweep.offset == told.record.offset
    assert sweep.after == f"learner-{MOST_DUE - 1:04}|ASSESSMENT".encode()
    partition.tick()
    (value,) = [change.value for change in partition.shard.state() if change.key == SWEEP_KEY]
    assert decode_sweep(value or b"").cause == ""


def test_keys_are_kept_in_order_while_they_are_needed() -> None:
    keys = Keys()
    keys.add(b"zoe")
    assert [*keys.after(b"", [b"b", b"\x00rules", b"a"], [b"c"])] == [b"a", b"b", b"c"]
    for key in (b"aa", b"b", b"d"):
        keys.add(key)
    assert [*keys.after(b"a", [], [b"c", b"a"])] == [b"aa", b"b", b"c", b"d"]
    keys.forget()
    assert [*keys.after(b"", [b"e"], [])] == [b"e"]


def test_time_passes_while_something_is_withdrawn() -> None:
    partition = crowd()
    partition.revise(OFF)
    partition.later(days=40)
    assert users(partition.tick()) == []
    assert not partition.shard.is_sweeping


def test_a_key_that_went_and_came_back_during_a_sweep_is_looked_at_once() -> None:
    keys = Keys()
    assert list(keys.after(b"", {b"a": b"", b"b": b"", b"c": b""}, [])) == [b"a", b"b", b"c"]
    assert list(keys.after(b"a", {b"a": b"", b"c": b""}, [b"b", b"bb"])) == [b"b", b"bb", b"c"]
