"""The folder of a stack: made or found, held by one stack at a time, with the addresses and keys of its former runs.

Knows which files prove that a folder holds data. Must never know what runs there.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO

from fitly.local.endpoints import FILE_NAME, Endpoints, new_secret, read_endpoints
from fitly.local.errors import EndpointsError, InUseError, LocalError
from fitly.local.ports import LOOPBACK, choose_port
from fitly.local.postgres import Postgres

# Others may pass, for Postgres's user is another one when root runs the stack, but not look: every file with a secret
# is closed by itself.
_MODE = 0o711


def kept_directory(given: Path) -> Path:
    """Return the folder as an absolute path, after making it if it is missing."""
    directory = given.absolute()
    try:
        directory.mkdir(mode=_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError(
            f"cannot use {directory} ({error.strerror}): name a folder you may write to with --data"
        ) from None
    return directory


def temporary_directory(parent: Path | None) -> Path:
    """Return a new folder in `parent`, or where the system keeps temporary files."""
    directory = Path(tempfile.mkdtemp(prefix="fitly-", dir=parent))
    directory.chmod(_MODE)
    return directory


def hold(directory: Path) -> IO[str]:
    """Take the directory's lock, which the kernel gives back when this process ends, however it ends."""
    file = (directory / ".lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise InUseError(
            f"{directory} is in use by another stack (process {holder}): stop it, or name another folder with --data"
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def earlier_endpoints(directory: Path) -> Endpoints | None:
    """Return the addresses and keys of an earlier run; data without its keys is refused rather than given new ones."""
    if (directory / FILE_NAME).exists():
        return read_endpoints(directory)
    for name in ("kafka/formatted", "postgres/initialised"):
        if (directory / name).exists():
            raise EndpointsError(
                f"{directory} holds data but its {FILE_NAME} is gone, and with it the keys: "
                "restore that file, or name another folder with --data"
            )
    return None


def endpoints_for_run(earlier: Endpoints | None) -> Endpoints:
    """Return the addresses for this run: the earlier ones where they are free, and the keys made once."""
    broker = choose_port(earlier.broker_port if earlier else None)
    controller = choose_port(earlier.controller_port if earlier else None, taken=[broker])
    database = choose_port(earlier.database_port if earlier else None, taken=[broker, controller])
    password = earlier.database_password if earlier else new_secret()
    return Endpoints(
        bootstrap=f"{LOOPBACK}:{broker}",
        database_url=Postgres(Path(), database, password).database_url,
        control_key=earlier.control_key if earlier else new_secret(),
        controller=f"{LOOPBACK}:{controller}",
    )
