"""What stands in ``partials`` and in the table ``population``: cases of the corpus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fitly.core.experiments.plan import ExperimentType, ExperimentVariant, Plan, Treatment
from fitly.core.experiments.trial import Epoch, Status, Trial
from fitly.core.numbers import Day, Millis, Nano
from fitly.core.partials import Closing, Kind, Look, Merged, Partial
from fitly.core.vocabulary import Context, Variant
from fitly.wire.merged import encode_merged, encode_word
from fitly.wire.partials import encode_partial, outgoing_partial

BIRTH: Final = "6f1c7d1e-9a0b-4f57-8d0c-5b1f0d3e7a21"
NOW: Final = Millis(1_772_438_400_123)
SUMS: Final = {"BALANCED.yy": -(2**70), "ALL.n": 3, "\u00e9": 0}
WORD: Final = Partial(Kind.PRIORS, "MISSION", 3, BIRTH, 123_456, NOW, SUMS)
MERGED: Final = Merged(Kind.PRIORS, "MISSION", BIRTH, {3: NOW, 0: Millis(0)}, SUMS, Look(Millis(NOW - 1), {"ALL.n": 2}))
PLAN: Final = Plan(
    experiment_name="spring",
    experiment_type=ExperimentType.AB_TEST,
    context=Context.MISSION,
    variants=(
        ExperimentVariant(variant_id="off", config=Treatment(apply=False), weight=0.5),
        ExperimentVariant(variant_id="on", config=Treatment(strategy_variant=Variant.BALANCED), weight=0.5),
    ),
)
HALF: Final = Nano(500_000_000)
TRIAL: Final = Trial(
    plan=PLAN,
    number=1,
    plan_hash="0123",
    status=Status.ACTIVE,
    started_at=Millis(NOW - 3 * 86_400_000),
    epoch=Epoch(number=0, since=Millis(NOW - 3 * 86_400_000), weights=(HALF, HALF)),
)
CLOSING: Final = Partial(
    Kind.EXPERIMENTS, "spring", 3, BIRTH, 7, NOW, {"0.a.open": 2}, TRIAL, 9, Closing(Day(20_513), Day(20_514))
)
LOOKED_AT: Final = Merged(
    Kind.EXPERIMENTS,
    "spring",
    BIRTH,
    {3: NOW},
    {"0.a.open": 2},
    Look(Millis(20_514 * 86_400_000), {"0.a.open": 2}, 3, TRIAL),
    TRIAL,
)
NEVER_LOOKED_AT: Final = Merged(Kind.SHADOWS, "SESSION", BIRTH, {}, {})

POPULATION: Final[dict[str, Callable[[], str]]] = {
    "partial": lambda: encode_partial(WORD).decode(),
    "key, place and headers of a partial": lambda: repr(outgoing_partial(WORD, 4, b"secret")._replace(value=b"")),
    "a partition's word at rest": lambda: encode_word(WORD).hex(),
    "merged": lambda: encode_merged(MERGED).hex(),
    "merged, never looked at": lambda: encode_merged(NEVER_LOOKED_AT).hex(),
    "partial of an experiment that closes a day": lambda: encode_partial(CLOSING).decode(),
    "key of a partial that closes a day": lambda: repr(outgoing_partial(CLOSING, 4, b"secret").key),
    "merged, of an experiment": lambda: encode_merged(LOOKED_AT).hex(),
}
