"""The product's worker in a process whose restores take longer: SLOW_RESTORE_S seconds more each."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from fitly import logs
from fitly.settings import Settings
from fitly.stream import partition, restore, worker


async def slowly(*args: Any) -> int:  # noqa: ANN401 - handed through
    """Restore after a while."""
    await asyncio.sleep(float(os.environ["SLOW_RESTORE_S"]))
    return await restore.load_rows(*args)


if __name__ == "__main__":
    setattr(partition, "load_rows", slowly)  # noqa: B010 - replaced from outside, for this process only
    settings = Settings()
    logs.set_up(settings, "worker")
    sys.exit(worker.run(settings))
