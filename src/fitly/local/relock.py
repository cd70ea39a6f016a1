"""Writes `kafka_jars.lock` anew after a version in `jars.py` was changed: `python -m fitly.local.relock`.

Knows Maven's dependency graphs, through jgo. Must never be needed at run time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fitly.local.jars import BROKER, LOCK_NAME, LOGGING, maven_context

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

_HEADER = (
    "# The embedded broker's jars: group:artifact:version size sha256. Written by `python -m fitly.local.relock`.\n"
)


def main() -> int:
    """Resolve the broker and its logging, fetch all jars into a temporary folder, and write their digests."""
    with tempfile.TemporaryDirectory() as folder:
        context = maven_context(Path(folder))
        # Apart from the broker: resolved together, the logging's parent would choose older versions of Kafka's own
        # jars.
        artifacts = [*_closure(context, BROKER), _closure(context, LOGGING)[0]]
        lines = sorted(_line(artifact) for artifact in artifacts)
    Path(__file__).with_name(LOCK_NAME).write_text(_HEADER + "".join(lines), encoding="utf-8")
    sys.stdout.write(f"{LOCK_NAME}: {len(lines)} jars\n")
    return 0


def _closure(context: MavenContext, coordinate: str) -> list[Artifact]:
    from jgo.parse import Endpoint  # noqa: PLC0415 - jgo is optional, and maven_context has said so by now

    coordinates = Endpoint.parse(coordinate).coordinates
    wanted = [context.create_dependency(dataclasses.replace(each, scope="compile")) for each in coordinates]
    first, further = context.resolver.resolve(wanted)
    return [each.artifact for each in [*first, *further] if each.scope in {"compile", "runtime"}]


def _line(artifact: Artifact) -> str:
    content = artifact.resolve().read_bytes()
    coordinate = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
    return f"{coordinate} {len(content)} {hashlib.sha256(content).hexdigest()}\n"


if __name__ == "__main__":
    sys.exit(main())
