"""Where a local stack can be reached, and its keys: `DIR/endpoints.json`.

Knows the file and its protection. Must never know whether anybody listens at the addresses.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from fitly.local.errors import EndpointsError

FILE_NAME = "endpoints.json"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses and keys of one directory's stack.

    Parameters
    ----------
    bootstrap
        Kafka, as `host:port`.
    database_url
        Postgres, as `postgresql+asyncpg://user:password@host:port/database`.
    control_key
        Hexadecimal key that signs control events: made once per directory, kept for ever.
    controller
        The broker's own controller, as `host:port`; of no use to clients.
    """

    bootstrap: str
    database_url: str
    control_key: str
    controller: str

    @property
    def database_password(self) -> str:
        """The password inside `database_url`."""
        return urlsplit(self.database_url).password or ""

    @property
    def database_port(self) -> int:
        """The port inside `database_url`."""
        return urlsplit(self.database_url).port or 0

    @property
    def broker_port(self) -> int:
        """The port inside `bootstrap`."""
        return int(self.bootstrap.rpartition(":")[2])

    @property
    def controller_port(self) -> int:
        """The port inside `controller`."""
        return int(self.controller.rpartition(":")[2])

    def environment(self, directory: Path) -> dict[str, str]:
        """Return the variables by which a role finds this stack."""
        return {
            "FITLY_KAFKA_BOOTSTRAP": self.bootstrap,
            "FITLY_DATABASE_URL": self.database_url,
            "FITLY_CONTROL_KEY": self.control_key,
            "FITLY_DATA": str(directory),
        }


def new_secret() -> str:
    """Return 32 random bytes as hexadecimal text: a control key or a password."""
    return secrets.token_hex(32)


def write_endpoints(directory: Path, endpoints: Endpoints) -> Path:
    """Write the file whole or not at all, readable by its owner only, and return its path."""
    path = directory / FILE_NAME
    write_private(path, json.dumps(asdict(endpoints), indent=2) + "\n")
    return path


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; mode 0600 from its first byte, on the disk before it takes the name."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_endpoints(directory: Path) -> Endpoints:
    """Read the addresses of the stack in `directory`.

    Raises
    ------
    EndpointsError
        The file is missing, not readable, or not what `write_endpoints` writes.
    """
    path = directory / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise EndpointsError(
            f"no local stack in {directory}: {path} does not exist; start one with `fitly up --data {directory}`"
        ) from None
    except PermissionError:
        raise EndpointsError(
            f"{path} belongs to another user and holds keys: run as the user who ran `fitly up`"
        ) from None
    return _parse(path, text)


def _parse(path: Path, text: str) -> Endpoints:
    remedy = "restore it from a copy: it holds the control key, without which the directory's log cannot be read"
    try:
        found = json.loads(text)
    except ValueError as error:
        raise EndpointsError(f"{path} is not JSON ({error}); {remedy}") from None
    names = [field.name for field in fields(Endpoints)]
    wrong = [
        name for name in names if not (isinstance(found, dict) and isinstance(found.get(name), str) and found[name])
    ]
    if wrong:
        raise EndpointsError(f"{path} lacks {', '.join(wrong)}; {remedy}")
    endpoints = Endpoints(**{name: found[name] for name in names})
    if not _has_ports(endpoints):
        raise EndpointsError(f"{path} holds an address without a port; {remedy}")
    return endpoints


def _has_ports(endpoints: Endpoints) -> bool:
    try:
        return all((endpoints.broker_port, endpoints.controller_port, endpoints.database_port))
    except ValueError:
        return False
