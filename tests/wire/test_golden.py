"""Bytes that are settled for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.golden.add import corpus
from tests.golden.cases import (
    AMENDED,
    ASSESSED,
    CONTEXT,
    CORPUS,
    DESCRIBED,
    EXPERIMENT,
    FILED,
    INFORMED,
    LEARNER,
    NOW,
    PAUSED_AGAIN,
    RENDERED,
    RULES,
    SELECTED,
    TREATED,
    TRIAL,
    TRIED,
    WAITING,
    WITHHELD,
)
from tests.golden.population import MERGED, NEVER_LOOKED_AT, WORD

from fitly.core.entries import DECISIONS, OUTCOMES
from fitly.core.experiments.trial import Trial
from fitly.core.numbers import Millis
from fitly.core.rules import Sources
from fitly.core.system import FOLD_VERSION
from fitly.wire.assessed import decode_assessed
from fitly.wire.merged import decode_merged, decode_word
from fitly.wire.outcomes import decode_outcome
from fitly.wire.partials import decode_partial
from fitly.wire.rows import (
    decode_context,
    decode_erased,
    decode_fold_version,
    decode_learner,
    decode_ledger,
    decode_position,
    decode_rules,
    decode_sums,
    decode_trial,
    decode_untold,
)
from fitly.wire.selected import decode_selected

RECORDED = [(name, case) for name, cases in CORPUS.items() for case in corpus(name) if case in cases]


@pytest.mark.parametrize(("name", "case"), RECORDED)
def test_it_gives_what_it_gave_when_it_was_settled(name: str, case: str) -> None:
    assert CORPUS[name][case]() == corpus(name)[case]


@pytest.mark.parametrize("name", CORPUS)
def test_every_case_is_settled_and_none_is_given_up(name: str) -> None:
    settled, cases = set(corpus(name)), set(CORPUS[name])
    assert cases <= settled, "run `python -m tests.golden.add` and commit what it adds"
    former = {f"version {version}" for version in range(1, FOLD_VERSION)} if name == "fold" else set()
    assert settled - former <= cases, "a case that was settled is never taken out"


def test_rows_are_read_as_what_they_were() -> None:
    rows = {case: bytes.fromhex(value) for case, value in corpus("rows").items()}
    assert decode_learner(rows["learner"]) == LEARNER
    row = decode_context(rows["context"])
    assert row.standing is not None
    assert row.standing.open() == SELECTED
    assert row._replace(standing=None) == CONTEXT._replace(standing=None)
    assert decode_learner(rows["learner of whom all is known"]) == INFORMED
    waiting = decode_context(rows["context that waits for a lapse"])
    assert waiting.standing is not None
    assert (waiting.standing.open(), waiting.lapses_at) == (RENDERED, WAITING.lapses_at)
    assert decode_context(rows["context of nothing"]).standing is None
    assert decode_rules(rows["rules"]) == RULES
    assert decode_position(rows["position"]).offset == 123_456
    assert decode_ledger(rows["ledger"]).read == 5
    assert decode_fold_version(rows["fold version"]) == 1
    assert decode_sums(rows["sums"]) == {"BALANCED.yy": -(2**70), "ALL.n": 3}
    assert decode_untold(rows["untold"]).changes == {"priors|SESSION": 255}
    assert decode_trial(rows["experiment"]) == TRIAL
    assert decode_trial(rows["experiment that is a draft"]) == Trial(plan=EXPERIMENT, number=1)
    assert decode_trial(rows["experiment that was paused and is again"]) == PAUSED_AGAIN


def test_rows_of_version_1_are_read_as_what_they_were_and_what_they_lacked_stays_unknown() -> None:
    rows = {case: bytes.fromhex(value) for case, value in corpus("rows", 1).items()}
    assert decode_learner(rows["learner"]) == LEARNER._replace(consented_at=Millis(0), refused=b"", acts=())
    row = decode_context(rows["context"])
    assert row.standing is not None
    arms = {arm: view._replace(sd=None) for arm, view in SELECTED.arms.items()}
    assert row.standing.open() == SELECTED._replace(arms=arms)
    decision, outcome = DECISIONS.at(CONTEXT.decisions, 0), OUTCOMES.at(CONTEXT.outcomes, 0)
    assert row._replace(standing=None) == CONTEXT._replace(
        standing=None,
        decisions=DECISIONS.join([decision._replace(overlap=bytes(8), default=-1, default_centred=0)]),
        outcomes=OUTCOMES.join([outcome._replace(kind=255)]),
        evidence=b"",  # its one decision is open
        typed=b"",
        baseline=b"",
        assessed=b"",
    )
    assert decode_context(rows["context of nothing"]).standing is None
    former = replace(RULES.priors, enough=20, contexts={})
    policy = replace(RULES.policy, sources=Sources())
    assert decode_rules(rows["rules"]) == replace(RULES, policy=policy, priors=former)
    assert decode_position(rows["position"]).offset == 123_456
    assert decode_ledger(rows["ledger"]).read == 5
    assert decode_fold_version(rows["fold version"]) == 1


def test_rows_of_version_2_are_read_as_what_they_were() -> None:
    rows = {case: bytes.fromhex(value) for case, value in corpus("rows", 2).items()}
    assert {value[8] for value in rows.values()} == {2}
    assert decode_learner(rows["learner of whom all is known"]) == INFORMED
    row, waiting = decode_context(rows["context"]), decode_context(rows["context that waits for a lapse"])
    assert row.standing is not None
    assert row.standing.open() == SELECTED
    assert row._replace(standing=None) == CONTEXT._replace(standing=None)
    assert (row.trials, row.left_out) == (b"", False)
    assert waiting.standing is not None
    assert (waiting.standing.open(), waiting.lapses_at) == (RENDERED, WAITING.lapses_at)
    assert decode_context(rows["context of nothing"]).standing is None
    assert decode_rules(rows["rules"]) == RULES
    assert decode_position(rows["position"]).offset == 123_456
    assert decode_ledger(rows["ledger"]).read == 5
    assert decode_erased(rows["marker of an erased learner"]).at == NOW
    assert decode_sums(rows["sums"]) == {"BALANCED.yy": -(2**70), "ALL.n": 3}
    assert decode_untold(rows["untold"]).changes == {"priors|SESSION": 255}


def test_rows_with_attributes_and_experiments_are_read_as_what_they_were() -> None:
    rows = {case: bytes.fromhex(value) for case, value in corpus("rows").items()}
    assert decode_learner(rows["learner with groups and attributes"]) == DESCRIBED
    treated = decode_context(rows["context in an experiment"]).standing
    assert treated is not None
    assert treated.open() == TREATED
    assert decode_selected(corpus("said")["selected in an experiment"].encode()) == TREATED
    row = decode_context(rows["context with experiments"])
    assert (row.trials, row.left_out) == (TRIED.trials, True)


def test_what_was_assessed_is_read_as_it_was() -> None:
    assert decode_assessed(corpus("said")["effectiveness assessed"].encode()).flips == ASSESSED.flips


def test_words_of_version_1_are_read_as_what_they_were() -> None:
    said = {case: value.encode() for case, value in corpus("said", 1).items()}
    arms = {arm: view._replace(sd=None) for arm, view in SELECTED.arms.items()}
    assert decode_selected(said["selected"]) == SELECTED._replace(arms=arms)
    assert decode_selected(said["selected, withheld"]) == WITHHELD
    assert decode_outcome(said["outcome filed"]) == FILED
    assert decode_outcome(said["outcome amended"]) == AMENDED


def test_words_are_read_as_what_they_were() -> None:
    said = {case: value.encode() for case, value in corpus("said").items()}
    assert decode_selected(said["selected"]) == SELECTED
    assert decode_selected(said["selected, withheld"]) == WITHHELD
    assert decode_selected(said["selected, rendered anew"]) == RENDERED
    assert decode_outcome(said["outcome filed"]) == FILED
    assert decode_outcome(said["outcome amended"]) == AMENDED


def test_old_sums_are_read_as_what_they_were() -> None:
    kept = corpus("population")
    assert decode_partial(kept["partial"].encode()) == WORD
    assert decode_word(bytes.fromhex(kept["a partition's word at rest"])) == WORD
    assert decode_merged(bytes.fromhex(kept["merged"])) == MERGED
    assert decode_merged(bytes.fromhex(kept["merged, never looked at"])) == NEVER_LOOKED_AT
