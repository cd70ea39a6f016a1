"""The words of the product; rows at rest carry their codes, so those never change."""

from __future__ import annotations

import pytest

from fitly.core.entries import Shown
from fitly.core.errors import Broken, FitlyError, Refused, Retryable
from fitly.core.learner import Sealed
from fitly.core.plain import as_json
from fitly.core.topics import BY_NAME, TOPICS
from fitly.core.vocabulary import ARM_CODES, ARM_VARIANTS, MODE_CODES, ArmCode, Context, Feature, Mode, Variant


def test_codes_of_rows_at_rest_never_change() -> None:
    assert {code.name: code.value for code in ArmCode} == {
        "CONTROL": 0,
        "PATTERN_HEAVY": 1,
        "PREDICTION_HEAVY": 2,
        "BALANCED": 3,
        "CONSERVATIVE": 4,
        "HOLDOUT": 5,
        "FALLBACK": 6,
        "NOTHING": 255,
    }
    assert {mode.value: code for mode, code in MODE_CODES.items()} == {
        "OPTED_OUT": 0,
        "HOLDOUT": 1,
        "PINNED": 2,
        "EXPERIMENT": 3,
        "FALLBACK": 4,
        "PROBE": 5,
        "CONTROL": 6,
        "EXPLORE": 7,
        "EXPLOIT": 8,
    }
    assert len(Mode) == 9
    assert {shown.name: shown.value for shown in Shown} == {
        "UNKNOWN": 0,
        "OUTCOME_SAYS_YES": 1,
        "OUTCOME_SAYS_NO": 2,
        "CONSUMER_SAYS_YES": 3,
        "CONSUMER_SAYS_NO": 4,
    }
    assert {variant: ARM_VARIANTS[code] for variant, code in ARM_CODES.items()} == {v: v for v in Variant}


@pytest.mark.parametrize("variant", Variant)
def test_a_variant_goes_by_its_label_too(variant: Variant) -> None:
    assert Variant(variant.label) is variant


def test_a_word_that_is_no_variant_is_refused() -> None:
    with pytest.raises(ValueError, match="not a valid Variant"):
        Variant("pattern-heavy")


def test_every_feature_belongs_to_a_context() -> None:
    assert {feature.context for feature in Feature} == set(Context)
    assert len(Feature) == 14


def test_topics_have_names_of_their_own() -> None:
    assert len(BY_NAME) == len(TOPICS)
    assert all(topic.writer and topic.readers and topic.help for topic in TOPICS)


def test_errors_say_who_has_to_act() -> None:
    refused = Refused("SCHEMA", "data.context is missing")
    assert (str(refused), refused.reason, refused.detail) == (
        "SCHEMA: data.context is missing",
        "SCHEMA",
        "data.context is missing",
    )
    assert Broken("x").restart_helps
    assert not Broken("x", restart_helps=False).restart_helps
    assert all(issubclass(error, FitlyError) for error in (Refused, Retryable, Broken))


def test_a_sealed_value_is_opened_once() -> None:
    values = iter((7, 8))
    sealed: Sealed[int] = Sealed(b"raw", None, lambda _: next(values))
    assert (sealed.open(), sealed.open()) == (7, 7)
    assert Sealed.of(3).open() == 3


def test_data_become_what_json_gives_back() -> None:
    assert as_json({Context.MISSION: (1, None, "a\x00b")}) == {"MISSION": [1, None, "a\ufffdb"]}
