"""The program ``fitly``: one file per family of verbs; they parse, call what the rooms below offer, and print.

Knows the list of verbs. Must never know what a verb does.
"""

from __future__ import annotations

import click

from fitly import __version__
from fitly.cli import (
    analyze,
    doctor,
    experiments,
    explain,
    policy,
    publish,
    reads,
    request,
    rights,
    roles,
    setup,
    simulate,
    snapshots,
    table,
    up,
    verify,
)
from fitly.cli.program import MEANINGS, Program
from fitly.core.form import is_compiled


@click.group(
    cls=Program,
    name="fitly",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110, "auto_envvar_prefix": None},
    epilog="Exit status: " + "; ".join(f"{status.value} {meaning}" for status, meaning in MEANINGS.items()) + ".",
)
@click.version_option(__version__, message=f"fitly %(version)s (compiled: {'yes' if is_compiled() else 'no'})")
def main() -> None:
    """Personalize learning from a log of outcomes, learn from what happened, and prove that it holds.

    A local stack is found by --data DIR (or FITLY_DATA, default .fitly); without one, FITLY_KAFKA_BOOTSTRAP,
    FITLY_DATABASE_URL and FITLY_CONTROL_KEY name the stack.
    """


for command in (
    up.up,
    roles.worker,
    roles.sink,
    publish.publish,
    request.request,
    reads.tail,
    table.table,
    snapshots.snapshots,
    explain.explain,
    verify.verify,
    analyze.analyze,
    policy.policy,
    experiments.experiments,
    rights.preferences,
    rights.erase,
    rights.export,
    simulate.simulate,
    setup.topics,
    setup.db,
    doctor.doctor,
):
    main.add_command(command)
