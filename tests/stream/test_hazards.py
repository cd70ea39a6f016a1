"""Every hazard of the architecture's table, by its name: what happens when it happens.

Each scenario fails when its answer is taken out of the product; ``-k A2`` runs one hazard's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from tests.stream.scenarios import group, log, transactions
from tests.stream.world import World

pytestmark = pytest.mark.kafka

Scenario = Callable[[World], Awaitable[None]]

HAZARDS: tuple[tuple[str, Scenario], ...] = (
    ("A1", transactions.a_batch_the_broker_refuses),
    ("A2", group.a_batch_lost_on_the_way),
    ("A2", group.batches_from_before_a_rebalance),
    ("A2", group.joins_and_leaves_under_load),
    ("A3", group.a_restore_longer_than_the_session),
    ("A4", log.an_input_made_anew),
    ("A4", log.changelogs_made_anew),
    ("A4", log.another_generation),
    ("A4", log.records_deleted_unfolded),
    ("A4", log.committed_offsets_that_expired),
    ("A4", log.a_hole_of_a_billion_offsets),
    ("A5", transactions.sequencers_at_the_same_time),
    ("A5", transactions.a_sequencer_killed_inside_its_transaction),
    ("A5", transactions.a_gap_in_the_numbers),
    ("A5", transactions.a_forged_control_event),
    ("A5", transactions.the_owners_tick),
    ("A6", log.old_records_on_an_as_of_log),
    ("A6", log.publishing_in_the_wrong_mode),
    ("A7", transactions.a_stop_under_a_running_transaction),
    ("A7", transactions.a_queue_that_fills),
    ("B1", log.batch_boundaries),
    ("B4", log.restores_under_other_hash_seeds),
    ("B6", log.rows_of_a_newer_release),
    ("B7", log.dead_letters_can_be_erased),
    ("B10", log.a_thousand_deadlines_at_one_tick),
    ("C1", transactions.an_abandoned_transaction),
    ("C1", transactions.forwards_only_when_needed),
    ("C3", log.a_producer_that_partitions_otherwise),
    ("C5", log.a_changelog_that_cannot_be_cleaned),
    ("C6", log.nothing_of_fausts_own),
    ("C7", group.no_static_membership),
    ("standby", group.no_standbys),
    ("transactional-offsets", transactions.a_zombie_commits),
    ("transactional-offsets", transactions.a_zombie_is_fenced_between_two_sends),
    ("transactional-offsets", transactions.a_worker_sleeps_past_its_session),
)


LONG = {group.joins_and_leaves_under_load, transactions.a_worker_sleeps_past_its_session}
"""Half a minute each; their hazards have short scenarios as well."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(scenario, id=f"{hazard}-{scenario.__name__}", marks=[pytest.mark.long] if scenario in LONG else [])
        for hazard, scenario in HAZARDS
    ],
)
async def test_hazard(scenario: Scenario, world: World) -> None:
    await scenario(world)


def test_every_hazard_of_the_table_has_a_scenario() -> None:
    named = {"A1", "A2", "A3", "A4", "A5", "A6", "A7", "B1", "B4", "B6", "B7", "B10", "C1", "C3", "C5", "C6", "C7"}
    assert {hazard for hazard, _ in HAZARDS} == named | {"standby", "transactional-offsets"}
