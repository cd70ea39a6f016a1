"""New weights of a bandit as a row: only of those that the experiment took."""

from __future__ import annotations

from dataclasses import replace

from tests.core.experiments.trials import plan

from fitly.core.events import ControlEvent, ControlPayload, ExperimentReweighted, ExperimentStarted
from fitly.core.experiments.records import reweighting_record
from fitly.core.experiments.trial import Epoch, Trial
from fitly.core.names import EventKey
from fitly.core.numbers import Millis, Nano

HALF = Nano(500_000_000)
TRIAL = Trial(
    plan=plan(),
    number=1,
    past=(Epoch(number=1, since=Millis(5), weights=(HALF, HALF)),),
    epoch=Epoch(number=2, since=Millis(7), weights=(HALF, HALF)),
)


def event(at: int, data: ControlPayload) -> ControlEvent:
    return replace(ISSUED, issued_at=Millis(at), data=data)


def weights(epoch: int) -> ExperimentReweighted:
    return ExperimentReweighted(
        experiment_name="try", epoch=epoch, weights={"C": 0.5, "A": 0.5}, means={"C": 0.4}, sds={"C": 0.1}, look=3
    )


ISSUED = ControlEvent(
    key=EventKey("k"), kind="fitly.experiment.reweighted.v1", number=9, issued_at=Millis(5), data=weights(1)
)


def test_weights_of_a_past_epoch_are_told_with_what_they_follow_from() -> None:
    record = reweighting_record(event(5, weights(1)), TRIAL)
    assert record is not None
    assert (record.epoch, record.control_number, record.look, record.seed) == (1, 9, 3, "")
    assert record.posteriors == {"C": {"mean": 0.4, "sd": 0.1}, "A": {"mean": None, "sd": None}}


def test_weights_that_were_refused_and_other_events_make_no_row() -> None:
    assert reweighting_record(event(6, weights(2)), TRIAL) is None
    started = ExperimentStarted(experiment_name="try", plan_hash="h")
    assert reweighting_record(event(5, started), TRIAL) is None
