"""``fitly policy``: the rules in force, a new revision, shadow policies side by side, and the switch.

Knows the verbs and what they print. Must never know what a policy's fields mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fitly.bootstrap import Need
from fitly.cli import show
from fitly.cli.issuing import awaited, login, not_in_force, signed, with_note
from fitly.cli.options import as_json, configured, run
from fitly.cli.program import Exit, fail
from fitly.core.events import ControlEvent, ControlPayload, PolicyRevised
from fitly.core.rules import Policy
from fitly.core.vocabulary import Context, Variant
from fitly.settings import Settings

if TYPE_CHECKING:
    from fitly.cli.comparing import Compared
    from fitly.cli.revising import Difference

Command = TypeVar("Command", bound=Callable[..., Any])
Change = Callable[[Policy], Policy]


@click.group(short_help="Show or revise the policy; switch off and on; compare shadows.")
def policy() -> None:
    """Show, revise and compare policies, and switch personalization off and on."""


@policy.command("show")
@as_json
@configured(Need.KAFKA, Need.KEY)
def show_policy(settings: Settings, *, as_json: bool) -> None:
    """Show the policy in force: every field, who revised it when, and the revision of each partition."""
    from fitly.cli.revising import as_document, in_force  # noqa: PLC0415 - not loaded for `--help`
    from fitly.core.numbers import Millis, to_datetime  # noqa: PLC0415

    history, revisions = run(_standing(settings))
    number, revised, issued_at = in_force(history)
    found = {
        "revision": revised.revision,
        "control_number": number,
        "issued_at": to_datetime(Millis(issued_at)).isoformat().replace("+00:00", "Z"),
        "by": revised.by,
        "note": revised.note,
        "partitions": {str(partition): revision for partition, revision in sorted(revisions.items())},
        "policy": as_document(revised.policy),
    }
    if as_json:
        show.document(found)
    else:
        click.echo("\n".join(show.tree(found)))


async def _standing(settings: Settings) -> tuple[Sequence[ControlEvent], dict[int, int]]:
    """Give all control events, and the revision that each partition has in force."""
    from fitly.core.system import RULES_KEY  # noqa: PLC0415
    from fitly.core.topics import CONTEXTS_CHANGELOG  # noqa: PLC0415
    from fitly.stream import read  # noqa: PLC0415
    from fitly.stream.generation import read_control  # noqa: PLC0415
    from fitly.wire.rows import decode_rules  # noqa: PLC0415

    history = (await read_control(settings)).events
    revisions: dict[int, int] = {}
    async for record in read.read_topic(settings, CONTEXTS_CHANGELOG):
        if record.key == RULES_KEY and record.value is not None:
            revisions[record.partition] = decode_rules(record.value).policy_revision
    return history, revisions


@policy.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@with_note
@signed
@as_json
@configured(Need.KAFKA, Need.KEY)
def revise(
    settings: Settings, *, file: Path, dry_run: bool, by: str | None, note: str, timeout: float, as_json: bool
) -> None:
    """Put a new revision of the policy in force.

    FILE (YAML or JSON) names the fields that change, nested ones too; what it leaves out stays as it is, a list is
    replaced as a whole. What was learned is never reset by a revision. Where some partition does not have it in force
    in time, the status is 1: the revision is written all the same.
    """
    from fitly.cli.revising import laid_over, read_changes  # noqa: PLC0415

    changes = read_changes(file)
    _revise(settings, lambda before: laid_over(before, changes), by, note, timeout, as_json=as_json, dry_run=dry_run)


def _switch(off: bool) -> Callable[[Command], Command]:  # noqa: FBT001 - the one thing the two commands differ in
    """Give a command what switching needs."""
    what = "off" if off else "on again"

    def decorate(command: Command) -> Command:
        for option in (
            click.option(
                "--arm", "arms", multiple=True, type=click.Choice(tuple(Variant), case_sensitive=False),
                help=f"Switch this arm {what}, in every context; may be repeated.",
            ),
            click.option(
                "--context", "contexts", multiple=True, type=click.Choice(tuple(Context), case_sensitive=False),
                help=f"Switch this context {what}, for every arm; may be repeated.",
            ),
        ):  # fmt: skip
            command = option(command)
        return command

    return decorate


@policy.command()
@_switch(off=True)
@with_note
@signed
@as_json
@configured(Need.KAFKA, Need.KEY)
def off(
    settings: Settings, *, contexts: tuple[str, ...], arms: tuple[str, ...], by: str | None, note: str, timeout: float,
    as_json: bool,
) -> None:  # fmt: skip
    """Stop personalizing: everything, or contexts or arms by name.

    What stands and is no longer allowed is withdrawn at once, at most 500 learners at a time.
    """
    _flip(settings, contexts, arms, by, note, timeout, as_json=as_json, off=True)


@policy.command()
@_switch(off=False)
@with_note
@signed
@as_json
@configured(Need.KAFKA, Need.KEY)
def on(
    settings: Settings, *, contexts: tuple[str, ...], arms: tuple[str, ...], by: str | None, note: str, timeout: float,
    as_json: bool,
) -> None:  # fmt: skip
    """Personalize again: undo `off` with the same options.

    Without options the switch of everything is undone; contexts and arms that were switched off by name stay off.
    """
    _flip(settings, contexts, arms, by, note, timeout, as_json=as_json, off=False)


def _flip(
    settings: Settings, contexts: Sequence[str], arms: Sequence[str], by: str | None, note: str, timeout: float,
    *, as_json: bool, off: bool,
) -> None:  # fmt: skip
    from fitly.cli.revising import switched  # noqa: PLC0415

    if contexts and arms:
        fail("an arm is switched in every context: give --context or --arm, and the other in a second call", Exit.USAGE)
    which, these = [Context(one) for one in contexts], [Variant(one) for one in arms]
    word = "off" if off else "on"
    note = note or f"switched {word}: {', '.join([*which, *these]) or 'everything'}"
    _revise(settings, lambda before: switched(before, which, these, off=off), by, note, timeout, as_json=as_json)


def _revise(
    settings: Settings, change: Change, by: str | None, note: str, timeout: float, *, as_json: bool,
    dry_run: bool = False,
) -> None:  # fmt: skip
    """Issue a revision, say what changes, and wait until every partition has it."""
    changed, revision, waiting = run(_issue(settings, change, by or login(), note, timeout, as_json, dry_run))
    if as_json:
        fields = [{"field": one.field, "before": one.before, "after": one.after} for one in changed]
        show.document({"revision": revision, "changes": fields, "waiting": waiting})
    elif not changed:
        click.echo(f"nothing changes: revision {revision} says so already")
    elif dry_run:
        click.echo(f"revision {revision} is in force; nothing was written")
    not_in_force(f"revision {revision}", waiting, timeout)


async def _issue(
    settings: Settings, change: Change, by: str, note: str, timeout: float, quiet: bool, dry_run: bool  # noqa: ASYNC109, FBT001
) -> tuple[list[Difference], int, list[int]]:  # fmt: skip
    """Write the revision; give what changes, its number, and the partitions that do not have it in force."""
    from fitly.cli.revising import differences, in_force  # noqa: PLC0415
    from fitly.stream.control import Sequencer  # noqa: PLC0415

    sequencer = Sequencer(settings)
    changed: list[Difference] = []
    revision = 0

    def proposal(history: Sequence[ControlEvent]) -> list[ControlPayload]:
        nonlocal changed, revision
        before = in_force(history).revised
        after = change(before.policy)
        changed, revision = differences(before.policy, after), before.revision
        if not changed or dry_run:
            return []
        revision += 1
        return [PolicyRevised(revision=revision, policy=after, note=note, by=by)]

    if dry_run:
        proposal(await sequencer.history())
    else:
        await sequencer.propose(proposal)
    if not quiet:
        for one in changed:
            click.echo(f"  {one.field}: {one.before} → {one.after}")
    what = f"revision {revision}"
    return changed, revision, await awaited(settings, sequencer.copies, what, timeout, quiet=quiet)


@policy.command()
@as_json
@configured(Need.KAFKA, Need.KEY)
def compare(settings: Settings, *, as_json: bool) -> None:
    """Compare the shadows of the policy in force with what acted: what each would have been worth.

    Values are rewards (0 to 1) expected of a decision, estimated from decisions that chance made: weighted (IPS),
    weighted and normalized (SNIPS), doubly robust (DR), with intervals over learners. Under 100 effective learners
    (ess) the answer is "not enough". Status 1: no shadow has scored anything yet.
    """
    from fitly.cli.comparing import document, overview  # noqa: PLC0415

    found = run(_compared(settings))
    if as_json:
        show.document([document(one) for one in found])
    elif found:
        show.console().print(overview(found))
    if not found:
        fail(
            "no decision that a shadow looked on has closed its window yet; `fitly policy show` tells whether the "
            "policy has `shadows`, and `fitly policy revise` gives it some",
            Exit.NO,
        )


async def _compared(settings: Settings) -> list[Compared]:
    from fitly.cli.comparing import compared, looks_of  # noqa: PLC0415
    from fitly.cli.revising import in_force  # noqa: PLC0415
    from fitly.cli.shadowed import merged_sums  # noqa: PLC0415
    from fitly.stream.generation import read_control  # noqa: PLC0415

    history = (await read_control(settings)).events
    policy = in_force(history).revised.policy
    sums, now = await merged_sums(settings)
    return list(compared(sums, policy, looks_of(history, policy, now)))
