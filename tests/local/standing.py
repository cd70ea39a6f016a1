"""A stack in a process of its own, for tests that end it from outside: python standing.py DIRECTORY|- [PARENT].

Prints one line of JSON when it stands: the processes' numbers by name, its own included, and the directory.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from fitly.local.errors import LocalError
from fitly.local.roles import Role
from fitly.local.stack import Stack
from fitly.local.telling import ConsoleTeller

SLEEPER = (sys.executable, "-c", "import time; time.sleep(3600)")


async def stand(directory: str, parent: str | None) -> None:
    kept = directory != "-"
    where = Path(directory) if kept else Path(parent) if parent else None
    async with Stack(where, ephemeral=not kept, teller=ConsoleTeller()) as stack:
        await stack.add(Role("sleeper", SLEEPER))
        pids = {status.name: status.pid for status in stack.statuses} | {"self": os.getpid()}
        sys.stdout.write(json.dumps({"pids": pids, "directory": str(stack.directory)}) + "\n")
        sys.stdout.flush()
        await stack.wait()


def main() -> int:
    try:
        asyncio.run(stand(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
    except LocalError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
