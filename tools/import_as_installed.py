"""Import every module of an unpacked wheel while only the libraries of a lock file may be found.

Called by ``built_wheel.py`` as ``python -I import_as_installed.py FOLDER LOCK``. What the embedded stack needs is an
extra, so ``fitly.local`` may fail for want of it, and nothing else may.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.metadata
import pkgutil
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

EXTRA = "fitly.local"
BY_PATH = ".migrations."  # alembic loads these itself, inside a run of its own


class Locked(importlib.abc.MetaPathFinder):
    """Refuses what is installed here but is not in the lock."""

    def __init__(self, lock: Path) -> None:
        locked = {_plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), re.MULTILINE)}
        locked.add("fitly")
        owners = importlib.metadata.packages_distributions()
        self._refused = {top for top, dists in owners.items() if not {_plain(name) for name in dists} & locked}

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None,  # noqa: ARG002  the finder protocol's
        target: ModuleType | None = None,  # noqa: ARG002  the finder protocol's
    ) -> ModuleSpec | None:
        """Raise for a refused name and leave the others to those who come after."""
        if name.partition(".")[0] in self._refused:
            message = f"{name} is not among the libraries of the container"
            raise ModuleNotFoundError(message, name=name)
        return None


def main(folder: str, lock: str) -> int:
    """Import them all and say which could not be; 1 when there was one."""
    sys.path.insert(0, folder)
    sys.meta_path.insert(0, Locked(Path(lock)))
    package = importlib.import_module("fitly")
    if not str(package.__file__).startswith(folder):
        print(f"tried {package.__file__} instead of the wheel", file=sys.stderr)
        return 1
    failed = 0
    for module in pkgutil.walk_packages(package.__path__, "fitly."):
        if module.name.startswith(EXTRA) or BY_PATH in module.name or module.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            print(f"the wheel's {module.name} does not import in the container: {error}", file=sys.stderr)
            failed += 1
    return int(failed > 0)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
