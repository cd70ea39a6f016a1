"""Whatever happened, a decision's own record says why it came out as it did, wherever the record was kept."""

from __future__ import annotations

import json
from dataclasses import asdict
from random import Random

from hypothesis import given
from hypothesis import strategies as some
from tests.properties.histories import history, lengths, seeds
from tests.properties.test_replay import fold

from fitly.core.decisions import Selected
from fitly.core.explaining import explain
from fitly.core.filings import decision_record
from fitly.core.topics import SELECTED
from fitly.core.vocabulary import Mode, Variant
from fitly.wire.selected import decode_selected, selected_told


def decisions(seed: int, length: int) -> list[Selected]:
    _, sent = fold(history(seed, length))
    return [decode_selected(output.value) for output in sent if output.topic == SELECTED and output.value]


@given(seed=seeds, length=lengths)
def test_every_decision_follows_from_its_own_record(seed: int, length: int) -> None:
    for selected in decisions(seed, length):
        explanation = explain(selected)
        assert explanation.contradictions == ()
        assert explanation.unsaid == ()
        assert (explanation.mode, explanation.variant) == (selected.mode, selected.strategy_variant)
        assert all(fell.low <= fell.draw < fell.high for fell in explanation.draws)


@given(seed=seeds, length=lengths)
def test_a_decision_kept_in_the_database_is_explained_alike(seed: int, length: int) -> None:
    for selected in decisions(seed, length):
        kept = asdict(decision_record(selected))
        shuffled = {name: sort(value) for name, value in kept.items()}
        told = selected_told(shuffled)
        assert told == selected
        assert explain(told) == explain(selected)


def sort(value: object) -> object:
    """Give JSON back as Postgres does: with the keys of objects in an order of its own."""
    return json.loads(json.dumps(value, sort_keys=True)) if isinstance(value, dict) else value


@given(seed=seeds, length=lengths, other=some.integers(0, 99))
def test_a_record_with_another_mode_or_strategy_contradicts_itself(seed: int, length: int, other: int) -> None:
    random = Random(other)
    for selected in decisions(seed, length):
        mode, variant = random.choice([*Mode]), random.choice([*Variant])
        if mode is not selected.mode:
            assert explain(selected._replace(mode=mode)).contradictions
        if variant is not selected.strategy_variant:
            assert explain(selected._replace(strategy_variant=variant)).contradictions
