"""What a revision changes is told before it is written; shadows are compared from the sums of everybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from tests.core.partition import SURE, Partition, replace

from fitly.cli import main
from fitly.cli.comparing import ACTED, compared, document, looks_of, overview
from fitly.cli.revising import as_document, differences, in_force, laid_over, read_changes, switched
from fitly.cli.shadowed import added_up
from fitly.core.errors import Broken
from fitly.core.events import ControlEvent, LogOpened, PolicyRevised
from fitly.core.names import EventKey
from fitly.core.numbers import DAY, Millis
from fitly.core.rules import Policy, Shadow, Switches
from fitly.core.topics import CONTEXTS
from fitly.core.vocabulary import Algorithm, ClockMode, Context, Variant

WATCHED: Final = Policy(
    holdout_share=0,
    control_share=0.5,
    shadows=(
        Shadow(name="uniform", algorithm=Algorithm.UNIFORM),
        Shadow(name="calm", algorithm=Algorithm.FIXED, fixed_arm=Variant.CONSERVATIVE),
    ),
)


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text)
    return path


def revision(number: int, policy: Policy, days: int = 0) -> ControlEvent:
    data = PolicyRevised(revision=number, policy=policy, by="ada")
    return ControlEvent(number + 1, EventKey(str(number)), "fitly.policy.revised.v1", data, Millis(days * DAY))


@pytest.mark.parametrize(
    "text",
    [
        "epsilon: 0.2\nswitches:\n  arms: [BALANCED]\n",
        '{"epsilon": 0.2, "switches": {"arms": ["BALANCED"]}}',
        '{"revision": 3, "policy": {"epsilon": 0.2, "switches": {"arms": ["Balanced"]}}}',
    ],
    ids=["YAML", "JSON", "what `fitly policy show --json` prints"],
)
def test_a_file_names_what_changes_and_the_rest_stays(tmp_path: Path, text: str) -> None:
    before = Policy(control_share=0.3, switches=Switches(contexts=(Context.CONTENT,)))
    after = laid_over(before, read_changes(written(tmp_path, text)))
    assert after == replace(
        before, epsilon=0.2, switches=Switches(contexts=(Context.CONTENT,), arms=(Variant.BALANCED,))
    )
    assert [tuple(one) for one in differences(before, after)] == [
        ("epsilon", 0.1, 0.2),
        ("switches.arms", [], ["BALANCED"]),
    ]


def test_shadows_are_told_apart_by_their_names() -> None:
    after = replace(WATCHED, shadows=(replace(WATCHED.shadows[0], floor=0.1), Shadow(name="new")))
    fields = [one.field for one in differences(WATCHED, after)]
    assert fields[0] == "shadows.uniform.floor"
    assert {"shadows.calm.fixed_arm", "shadows.new.name"} <= {*fields}


def test_a_list_that_is_filled_or_emptied_is_told_by_its_parts() -> None:
    one = replace(Policy(), shadows=(Shadow(name="one"),))
    for before, after in ((Policy(), one), (one, Policy())):
        assert {each.field.partition(".")[0] for each in differences(before, after)} == {"shadows"}
        assert "shadows" not in [each.field for each in differences(before, after)]


def test_a_policy_survives_being_written_and_read() -> None:
    assert laid_over(Policy(), as_document(WATCHED)) == WATCHED


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("epsilon: [", "neither YAML nor JSON"),
        ("- 1", "holds no fields"),
        ("", "holds no fields"),
        ("1: 2", "holds no fields"),
        (" " * (2 << 20), "holds no fields"),
        ("epsilon: 2", "epsilon: Input should be less than or equal to 1"),
        ("colour: red", "colour: Unexpected keyword argument"),
        ("algorithm: FIXED", "the policy: the algorithm FIXED needs its fixed_arm"),
        ("switches: {arms: [SOFT]}", "switches.arms.0: Input should be"),
        ("shadows: [{name: a b}]", "shadows.0: a shadow's name has letters"),
    ],
)
def test_a_file_that_is_no_policy_is_refused_with_the_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(Broken, match=told) as caught:
        laid_over(Policy(), read_changes(written(tmp_path, text)))
    assert not caught.value.restart_helps


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="cannot be read"):
        read_changes(tmp_path)


def test_switches_are_switched_off_and_on_again_one_by_one() -> None:
    off = switched(Policy(), [Context.SESSION, Context.MISSION], [], off=True)
    off = switched(off, [], [Variant.BALANCED], off=True)
    off = switched(off, [], [], off=True)
    assert off.switches == Switches(
        everything=True, contexts=(Context.MISSION, Context.SESSION), arms=(Variant.BALANCED,)
    )
    on = switched(off, [], [], off=False)
    assert on.switches == replace(off.switches, everything=False)
    on = switched(switched(on, [Context.MISSION], [], off=False), [], [Variant.BALANCED], off=False)
    assert on.switches == Switches(contexts=(Context.SESSION,))


def test_the_newest_revision_is_the_one_in_force() -> None:
    opened = LogOpened(birth_id="0" * 36, clock_mode=ClockMode.LIVE, partitions=1)
    first = ControlEvent(1, EventKey("0"), "fitly.log.opened.v1", opened, Millis(0))
    found = in_force([first, revision(1, SURE), revision(2, WATCHED)])
    assert (found.control_number, found.revised.revision, found.revised.policy) == (3, 2, WATCHED)
    with pytest.raises(Broken, match="fitly topics create"):
        in_force([first])


def test_to_switch_an_arm_in_one_context_is_refused() -> None:
    settings = {"FITLY_KAFKA_BOOTSTRAP": "127.0.0.1:1", "FITLY_CONTROL_KEY": "k" * 32}
    said = CliRunner(env=settings).invoke(main, ["policy", "off", "--context", "mission", "--arm", "balanced"])
    assert said.exit_code == 2
    assert "in every context" in said.stderr


@pytest.fixture(scope="module")
def sums() -> dict[str, Any]:
    """Sums of many learners with a decision or two each."""
    partition = Partition(WATCHED)
    for n in range(400):
        selected = partition.request(f"learner-{n}").selected
        calm = selected.strategy_variant is Variant.CONSERVATIVE
        if n % 10:
            partition.outcome(f"learner-{n}", score=0.9 if calm else 0.5)
    partition.later(days=8)
    partition.tick()
    return dict(added_up(partition.shard.rows[CONTEXTS].values()))


def test_shadows_stand_beside_what_acted(sums: dict[str, Any]) -> None:
    found = {one.name: document(one) for one in compared(sums, WATCHED, {"calm": 3})}
    assert [*found] == [ACTED, "uniform", "calm"]
    acted = found[ACTED]
    assert (acted["decisions"], acted["decisions_without_outcome"]) == (360, 40)
    assert (acted["mean_weight"], acted["largest_weight"], acted["unsupported"]) == (1.0, 1.0, 0.0)
    assert acted["ips"] == acted["snips"]
    calm, zero = found["calm"]["ips"], acted["unjoined_as_zero"]
    assert isinstance(calm, dict)
    assert isinstance(acted["ips"], dict)
    assert isinstance(zero, dict)
    assert zero["ips"]["value"] == pytest.approx(acted["ips"]["value"] * 0.9)
    assert found["calm"]["look"] == 3
    assert json.loads(json.dumps(found))


def test_too_few_learners_are_not_enough(sums: dict[str, Any]) -> None:
    few = Partition(WATCHED)
    few.request()
    few.outcome()
    few.later(days=8)
    few.tick()
    found = list(compared(added_up(few.shard.rows[CONTEXTS].values()), WATCHED, {}))
    assert document(found[0])["dr_reason"] == "NOT_ENOUGH"
    assert overview([*found, *compared(sums, WATCHED, {})]).row_count == 6


def test_without_any_sums_there_is_nothing_to_compare() -> None:
    assert list(compared({}, WATCHED, {})) == []
    idle = {"MISSION|0000000000000000": {"n": 0}}
    (one,) = compared(idle, WATCHED, {})
    assert document(one)["unsupported_reason"] == "NOT_ENOUGH"


def test_weeks_are_counted_from_the_first_revision_with_the_shadow_as_it_is() -> None:
    changed = replace(WATCHED, shadows=(replace(WATCHED.shadows[0], epsilon=0.3), WATCHED.shadows[1]))
    history = [revision(1, SURE), revision(2, WATCHED, days=10), revision(3, changed, days=20)]
    assert looks_of(history, changed, 31 * DAY) == {"uniform": 2, "calm": 4}
    assert looks_of(history, changed, 0) == {"uniform": 1, "calm": 1}
