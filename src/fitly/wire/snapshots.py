"""A partition's state as a run of records: pages of rows, and a manifest that closes them.

Knows how rows are put on pages, and how to tell that none is missing or changed. Must never know when a snapshot is
taken, nor where its records are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from fitly.wire.outgoing import Change

SNAPSHOT_HEADER: Final = "snapshot"
"""Which snapshot a record belongs to."""
BEGIN_HEADER: Final = "begin"
"""Offset of the snapshot's first record; the first itself has none. So a reader finds its way back from the end."""
KIND_HEADER: Final = "kind"
PAGE, MANIFEST = b"page", b"manifest"
PAGE_BYTES: Final = 256 << 10
"""Bytes of rows from which a page is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a snapshot is of, and what must be there of it; a snapshot without its manifest is none.

    Attributes
    ----------
    snapshot : str
        Name of this snapshot.
    birth_id : str
        Generation of the input log.
    partition, offset, clock : int
        Where the partition stood: the last record absorbed, and its now in milliseconds.
    folded_by : int
        Version of the fold that the rows come from.
    goes_on_by : int
        Version of the fold that absorbed what came after them: a refold by this version, and no other, gives what
        stands.
    outputs : dict
        Topic -> where the partition's outputs ended: what stands before was said by records up to ``offset``.
    pages, rows, size : int
        How many, and how many bytes the pages have.
    digest : str
        blake2b-128 of all pages, in hexadecimal digits.
    """

    snapshot: str
    birth_id: str
    partition: int
    offset: int
    clock: int
    folded_by: int
    goes_on_by: int
    outputs: dict[str, int]
    pages: int = 0
    rows: int = 0
    size: int = 0
    digest: str = ""


@dataclass(slots=True)
class Seal:
    """Counts pages as they pass, and hashes them: the same for who writes and who reads."""

    pages: int = 0
    rows: int = 0
    size: int = 0
    _hashed: hashlib.blake2b = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def add(self, page: bytes, rows: int) -> None:
        """Take in a page."""
        self.pages += 1
        self.rows += rows
        self.size += len(page)
        self._hashed.update(page)

    def close(self, manifest: Manifest) -> Manifest:
        """Give the manifest of what has passed.

        >>> manifest = Manifest(
        ...     snapshot="s", birth_id="b", partition=0, offset=7, clock=0, folded_by=1, goes_on_by=1, outputs={}
        ... )
        >>> seal = Seal()
        >>> seal.close(manifest) == manifest
        False
        >>> seal.close(seal.close(manifest)) == seal.close(manifest)
        True
        """
        digest = self._hashed.hexdigest()
        return replace(manifest, pages=self.pages, rows=self.rows, size=self.size, digest=digest)


_ENCODER: Final = msgspec.msgpack.Encoder()
_PAGE: Final = msgspec.msgpack.Decoder(list[tuple[str, bytes, bytes]])
"""Not of `Change`: compiled, its annotations cannot be read at run time."""
_MANIFEST: Final = msgspec.json.Decoder(Manifest)


def pages(changes: Iterable[Change]) -> Iterator[tuple[bytes, int]]:
    """Put rows on pages: each page's bytes, and how many rows are on it.

    >>> [rows for _, rows in pages([Change("contexts", b"ada|MISSION", bytes(PAGE_BYTES))] * 3)]
    [1, 1, 1]
    """
    held: list[Change] = []
    size = 0
    for change in changes:
        held.append(change)
        size += len(change.key) + len(change.value or b"")
        if size >= PAGE_BYTES:
            yield _ENCODER.encode(held), len(held)
            held, size = [], 0
    if held:
        yield _ENCODER.encode(held), len(held)


def decode_page(page: bytes) -> list[Change]:
    """Read the rows of a page.

    Raises
    ------
    msgspec.MsgspecError
        If it is none.

    Examples
    --------
    >>> rows = [Change("learners", b"ada", b"a row")]
    >>> [decode_page(page) == rows for page, _ in pages(rows)]
    [True]
    """
    return [Change(*row) for row in _PAGE.decode(page)]


def encode_manifest(manifest: Manifest) -> bytes:
    """Write a manifest: JSON, so that everybody can read what stands there."""
    return msgspec.json.encode(manifest)


def decode_manifest(value: bytes) -> Manifest:
    """Read a manifest.

    Raises
    ------
    msgspec.MsgspecError
        If it is none.
    """
    return _MANIFEST.decode(value)
