"""Experiments that begin, stop and end at any moment: the log decides all of it, and every decision explains itself."""

from __future__ import annotations

from collections import defaultdict
from random import Random

from hypothesis import given
from hypothesis import strategies as some
from tests.properties.histories import lengths, seeds, tried
from tests.properties.test_replay import fold, fold_with_faults

from fitly.core.attributes import is_test
from fitly.core.experiments.enrolment import ENROLMENTS
from fitly.core.explaining import explain
from fitly.core.filings import decision_record
from fitly.core.numbers import CERTAIN
from fitly.core.topics import CONTEXTS, LEARNERS, SELECTED
from fitly.core.vocabulary import Mode, Unit
from fitly.wire.rows import decode_context, decode_learner, encode_context
from fitly.wire.selected import decode_selected, encode_selected, selected_told
from fitly.wire.summing import Sums


@given(seed=seeds, length=lengths, faults=some.integers(0, 99))
def test_batches_and_crashes_change_no_byte(seed: int, length: int, faults: int) -> None:
    log = tried(seed, length)
    shard, sent = fold(log)
    other, again = fold_with_faults(log, Random(faults))
    assert again == sent
    assert list(other.state()) == list(shard.state())


@given(seed=seeds, length=lengths)
def test_every_decision_follows_from_its_own_record_wherever_it_is_kept(seed: int, length: int) -> None:
    _, sent = fold(tried(seed, length))
    for output in sent:
        if output.topic != SELECTED or output.value is None:
            continue
        selected = decode_selected(output.value)
        assert encode_selected(selected) == output.value
        explanation = explain(selected)
        assert explanation.contradictions == ()
        assert (explanation.mode, explanation.variant) == (selected.mode, selected.strategy_variant)
        kept = decision_record(selected)
        assert selected_told({name: getattr(kept, name) for name in kept.__slots__}) == selected
        in_one = selected.mode is Mode.EXPERIMENT
        assert in_one == (selected.experiment is not None) == (selected.enrolled is not None)
        if in_one:
            assert sum(selected.propensities.values()) == CERTAIN
            assert selected.unit in {Unit.LEARNER, Unit.DECISION}


@given(seed=seeds, length=lengths)
def test_a_partitions_sums_are_those_of_its_rows_and_no_layer_has_a_learner_twice(seed: int, length: int) -> None:
    shard, _ = fold(tried(seed, length))
    rows = [value for key, value in shard.rows[CONTEXTS].items() if not key.startswith(b"\0")]
    added = Sums.added_up(rows, shard.trials).totals
    assert {name: sums for name, sums in shard.sums.totals.items() if any(sums.values())} == {
        name: sums for name, sums in added.items() if any(sums.values())
    }
    layers: dict[tuple[str, str], set[int]] = defaultdict(set)
    by_number = {trial.number: trial for trial in shard.trials.values()}
    for value in rows:
        row = decode_context(value)
        assert encode_context(row) == value
        records = list(ENROLMENTS.all(row.trials))
        inside = {each.trial for each in records if not each.reason and by_number[each.trial].goes_on}
        assert len(inside) <= 1
        assert len({each.trial for each in records if each.reason}) == sum(bool(each.reason) for each in records)
        for number in inside:
            layer = by_number[number].plan.layer
            if layer is not None:
                layers[row.user_id, layer].add(number)
        learner = decode_learner(shard.rows[LEARNERS][row.user_id.encode()])
        assert row.left_out == is_test(learner.attributes)
    assert all(len(numbers) == 1 for numbers in layers.values())
