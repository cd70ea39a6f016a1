"""Write ``deploy/topics.yaml`` and ``deploy/roles.yaml`` from the one list of topics; with ``--check`` only compare.

Knows the shape of the two files. Must never know a topic by name: the list in ``fitly.core.topics`` is the only source.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

from fitly.core.topics import TOPICS, Topic

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
HEADER = (
    "# Made by `make schemas` from the list of topics in the code, which is the place to edit; `make check` compares.\n"
)


def main(arguments: list[str]) -> int:
    """Write the files, or compare them byte for byte; 1 when one is stale."""
    stale = []
    for name, text in (("topics.yaml", topics_file()), ("roles.yaml", roles_file())):
        path = DEPLOY / name
        if not path.exists() or path.read_bytes() != text.encode():
            stale.append(f"deploy/{name}")
            if "--check" not in arguments:
                path.write_bytes(text.encode())
                print(f"wrote deploy/{name}")
    if stale and "--check" in arguments:
        remedy = "run `make schemas` and commit the result"
        print(f"{', '.join(stale)} differ from the topics in the code: {remedy}", file=sys.stderr)
        return 1
    return 0


def topics_file() -> str:
    """Every topic with what a broker must be told to create it."""
    return HEADER + "topics:\n" + "".join(_topic(topic) for topic in TOPICS)


def roles_file() -> str:
    """Who reads and who writes which topics: the grants to give where a broker asks for them."""
    reads: dict[str, list[str]] = defaultdict(list)
    writes: dict[str, list[str]] = defaultdict(list)
    for topic in TOPICS:
        for role in topic.readers:
            reads[_role(role)].append(topic.name)
        for role in topic.writer:
            writes[_role(role)].append(topic.name)
    roles = sorted(reads.keys() | writes.keys())
    return HEADER + "roles:\n" + "".join(_grants(role, reads[role], writes[role]) for role in roles)


def _grants(role: str, reads: list[str], writes: list[str]) -> str:
    return f"  {_text(role)}:\n    reads: {json.dumps(reads)}\n    writes: {json.dumps(writes)}\n"


def _topic(topic: Topic) -> str:
    retention = -1 if topic.retention_ms is None else topic.retention_ms
    config = {"cleanup.policy": topic.cleanup, "retention.ms": str(retention)}
    config |= topic.config
    settings = "".join(f"      {_text(key)}: {_text(value)}\n" for key, value in sorted(config.items()))
    return (
        f"  - name: {_text(topic.name)}\n    help: {_text(topic.help)}\n    key: {_text(topic.key)}\n"
        f"    partitions: {topic.partitions}\n    schema: {json.dumps(topic.schema)}\n    config:\n{settings}"
    )


def _role(words: str) -> str:
    """Take the role out of "worker (ticks, forwards)"."""
    return words.partition(" (")[0]


def _text(words: str) -> str:
    """Quote as YAML 1.2, of which a JSON string is a part."""
    return json.dumps(words, ensure_ascii=False)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
