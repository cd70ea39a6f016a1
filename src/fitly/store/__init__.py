"""Postgres: the records' tables, their migrations, the sink's writer and what is read back.

The only importer of SQLAlchemy, asyncpg and Alembic. Everything is to be had from here.
"""

from fitly.store.check import check
from fitly.store.projecting import Incoming
from fitly.store.queries import ContentSums, Flags, Snapshot, Status, decision, snapshot, status
from fitly.store.upgrade import upgrade
from fitly.store.writer import Fenced, Writer

__all__ = [
    "ContentSums",
    "Fenced",
    "Flags",
    "Incoming",
    "Snapshot",
    "Status",
    "Writer",
    "check",
    "decision",
    "snapshot",
    "status",
    "upgrade",
]
