"""Hostile input: nothing is raised, no row grows beyond its bound, every record is counted."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as some
from tests.core.partition import BIRTH, KEY, START, SURE, Partition, Record, replace
from tests.properties.histories import about, history, lengths, seeds
from tests.wire.examples import EXAMPLES, envelope

from fitly.core.dedupe import ACCEPTANCE_DAYS, CAPACITY
from fitly.core.entries import ARMS, BUCKETS, DECISIONS, OUTCOMES, SEEN
from fitly.core.erasing import MOST_LETTERS, OFFSET_WIDTH
from fitly.core.events import Unreadable
from fitly.core.names import ERASED_PREFIX, LONGEST_USER
from fitly.core.numbers import DAY
from fitly.core.rules import Shadow
from fitly.core.shadows import MOST_SHADOWS, SCORES, SUMMED
from fitly.core.topics import CONTEXTS, LEARNERS
from fitly.core.vocabulary import Variant
from fitly.core.windows import MOST_DECISIONS, MOST_OUTCOMES
from fitly.wire.events import decode
from fitly.wire.refusing import REASONS
from fitly.wire.shard import Shard
from fitly.wire.signing import SIGNATURE_HEADER, sign

_CODES = 6
"""Arms and baselines: control, four variants, holdout."""
MOST_INSIGHT_BYTES = 9 * 200 * 4 + 1_000
"""Nine texts of 200 letters at four bytes each, and the figures."""
MOST_LEARNER_BYTES = CAPACITY * SEEN.width + MOST_LETTERS * OFFSET_WIDTH + LONGEST_USER + MOST_INSIGHT_BYTES + 1_000
MOST_CONTEXT_BYTES = (
    CAPACITY * SEEN.width
    + MOST_OUTCOMES * OUTCOMES.width
    + MOST_DECISIONS * DECISIONS.width
    + (ACCEPTANCE_DAYS + 2) * _CODES * BUCKETS.width
    + _CODES * ARMS.width
    + MOST_DECISIONS * 5 * SCORES.width
    + MOST_SHADOWS * SUMMED.width
    + 2 * LONGEST_USER
    + 3_000
)
"""Seventy-seven kilobytes: full rings, every day and arm, four shadows, and a standing decision of at most 3 kB."""

json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
attributes = some.sampled_from(["id", "source", "type", "time", "subject", "data", "specversion", "number"])
valid = some.sampled_from([envelope(kind, data) for kind, examples in EXAMPLES.items() for data in examples])


@some.composite
def nearly_events(draw: some.DrawFn) -> bytes:
    """Give an event with one attribute, or one field of its data, made into something else."""
    event: dict[str, Any] = json.loads(json.dumps(draw(valid)))
    if draw(some.booleans()) and event["data"]:
        event["data"][draw(some.sampled_from(sorted(event["data"])))] = draw(json_values)
    else:
        event[draw(attributes)] = draw(json_values)
    return json.dumps(event, ensure_ascii=draw(some.booleans())).encode(errors="surrogatepass")


@some.composite
def spoiled_events(draw: some.DrawFn) -> bytes:
    """Give an event with a few bytes replaced, put in or cut out."""
    value = json.dumps(draw(valid)).encode()
    start = draw(some.integers(0, len(value)))
    end = start + draw(some.integers(0, 3))
    return value[:start] + draw(some.binary(max_size=4)) + value[end:]


values = some.none() | some.binary(max_size=300) | json_values.map(
    lambda value: json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")
) | nearly_events() | spoiled_events()  # fmt: skip
keys = some.none() | some.just(b"ada") | some.binary(max_size=20)
headers = some.lists(
    some.tuples(some.sampled_from([SIGNATURE_HEADER, "fitly-forwarded", "x"]), some.none() | some.binary()), max_size=2
)


@given(value=values, key=keys, given_headers=headers, is_signed=some.booleans())
def test_reading_never_raises(
    value: bytes | None,
    key: bytes | None,
    given_headers: list[tuple[str, bytes | None]],
    is_signed: bool,  # noqa: FBT001
) -> None:
    if is_signed and value is not None:
        given_headers = [(SIGNATURE_HEADER, sign(KEY, BIRTH, value))]
    arrival = decode(Record(0, START, key, value, tuple(given_headers)), control_key=KEY, birth_id=BIRTH)
    if isinstance(arrival, Unreadable):
        assert arrival.reason in REASONS
        assert arrival.detail


@given(
    records=some.lists(some.tuples(values, keys, headers, some.integers(-(2**63), 2**63 - 1)), max_size=20),
    seed=seeds,
)
def test_folding_never_raises_and_the_bins_add_up(
    records: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], int]], seed: int
) -> None:
    log = history(seed, 40)
    for value, key, given_headers, stamp in records:
        log.append(Record(len(log), stamp, key, value, tuple(given_headers)))
    shard = Shard(0, KEY)
    shard.opened()
    batch = shard.fold(log)
    shard.adopt(batch)
    assert sum(shard.ledger.bins.values()) == shard.ledger.read == len(log)
    assert len(batch.refused) == len(log)


@given(seed=seeds, length=lengths)
def test_rows_of_any_history_keep_within_their_bounds(seed: int, length: int) -> None:
    shard = Shard(0, KEY)
    shard.opened()
    shard.adopt(shard.fold(history(seed, length)))
    assert all(len(value) <= MOST_LEARNER_BYTES for value in shard.rows[LEARNERS].values())
    assert all(len(value) <= MOST_CONTEXT_BYTES for value in shard.rows[CONTEXTS].values())
    users = {user for record in history(seed, length) if (user := about(record)) is not None}
    assert {key.decode() for key in shard.rows[LEARNERS] if not key.startswith(ERASED_PREFIX)} <= users


def test_the_worst_a_learner_can_do_keeps_within_the_bounds() -> None:
    """A decision at every outcome, late and early events, three weeks of it, under the longest name."""
    shadows = tuple(Shadow(name=name) for name in "abcd")
    policy = replace(SURE, dwell_days=0, epsilon=1, control_share=0.3, shadows=shadows)
    partition = Partition(policy)
    user = "\u00e9" * (LONGEST_USER // 2)
    most_context = most_learner = 0
    for day in range(21):
        for n in range(70):
            back = n % 17 * DAY if n % 3 else 0
            partition.outcome(user, 0.123457, retention_score=0.7, engagement_score=1, time=partition.now - back)
            partition.prefer(user, disabled_features=["assessment.frequency", "session.intensity_modulation"])
            if n % 5 == 0:
                partition.later(hours=0.2)
            if n % 10 == 0:
                texts: dict[str, Any] = {"topic": "\U0001f393" * 200, "indicators": ["\U0001f393" * 200] * 8}
                partition.observe(user, "STRUGGLE_PREDICTION", probability=n / 70, **texts)
                partition.observe(user, "COGNITIVE_LOAD", load=n, load_tolerance=30, ago=n % 3)
        partition.request(user)
        partition.later(hours=20)
        rows = partition.shard.rows
        most_context = max(most_context, *map(len, rows[CONTEXTS].values()))
        most_learner = max(most_learner, *map(len, rows[LEARNERS].values()))
        assert day >= 0
    assert MOST_CONTEXT_BYTES * 0.6 < most_context <= MOST_CONTEXT_BYTES <= 77_000
    assert MOST_LEARNER_BYTES * 0.6 < most_learner <= MOST_LEARNER_BYTES
    assert partition.row(user).overflowed > 0
    assert len(partition.arms(user)) == 1 + len(Variant)
