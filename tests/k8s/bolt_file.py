# SPDX-License-Identifier: Apache-2.0
"""Files of bbolt as Go's library writes them, of buckets in buckets."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final

from tetragon_k8s.runtimes import bolt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Bucket = Mapping[bytes, "bytes | Bucket"]

__all__ = ["write_bolt"]

_SIZE: Final = 4096
_HEAD: Final = 16
_INSIDE: Final = 1024
"""A bucket of fewer bytes, with no other in it, is inside of its parent's value."""


class _Pages:
    def __init__(self) -> None:
        self._pages: dict[int, bytes] = {}
        self.next = 2

    def add(self, kind: int, count: int, body: bytes) -> int:
        """Number of a new page."""
        number = self.next
        overflow = (_HEAD + len(body) - 1) // _SIZE
        self.next += overflow + 1
        head = struct.pack("<QHHI", number, kind, count, overflow)
        self._pages[number] = (head + body).ljust((overflow + 1) * _SIZE, b"\0")
        return number

    def text(self) -> bytes:
        """All of them, in their order."""
        return b"".join(self._pages[number] for number in sorted(self._pages))


def write_bolt(path: Path, bucket: Bucket, *, transaction: int = 1) -> None:
    """Write the file in place; `transaction` is its number."""
    pages = _Pages()
    root = _write(pages, bucket)
    meta = struct.pack(
        "<IIIIQQQQQ", 0xED0CDAED, 2, _SIZE, 0, root, 0, 0xFFFFFFFFFFFFFFFF, pages.next, transaction
    )
    meta += struct.pack("<Q", bolt._fnv64a(meta))
    metas = b"".join(
        (struct.pack("<QHHI", number, 4, 0, 0) + meta).ljust(_SIZE, b"\0") for number in (0, 1)
    )
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(descriptor, metas + pages.text(), 0)
    os.close(descriptor)


def _write(pages: _Pages, bucket: Bucket) -> int:
    """Number of the page of its root: a leaf, or a branch of leaves of 50 keys."""
    items = sorted((key, *_value(pages, value)) for key, value in bucket.items())
    parts = [items[at : at + 50] for at in range(0, len(items), 50)] or [[]]
    leaves = [pages.add(2, len(part), _leaf(part)) for part in parts]
    if len(leaves) == 1:
        return leaves[0]
    rows = [(part[0][0], number) for part, number in zip(parts, leaves, strict=True)]
    heads, keys = b"", b""
    for at, (key, number) in enumerate(rows):
        position = (len(rows) - at) * 16 + len(keys)
        heads += struct.pack("<IIQ", position, len(key), number)
        keys += key
    return pages.add(1, len(rows), heads + keys)


def _value(pages: _Pages, value: bytes | Bucket) -> tuple[int, bytes]:
    """Flags and what stands in the leaf."""
    if isinstance(value, bytes):
        return 0, value
    plain = [(key, 0, one) for key, one in sorted(value.items()) if isinstance(one, bytes)]
    body = _leaf(plain)
    if len(plain) == len(value) and len(body) < _INSIDE:
        inside = struct.pack("<QHHI", 0, 2, len(plain), 0) + body
        return 1, struct.pack("<QQ", 0, 0) + inside
    return 1, struct.pack("<QQ", _write(pages, value), 0)


def _leaf(items: list[tuple[bytes, int, bytes]]) -> bytes:
    heads, texts = b"", b""
    for at, (key, flags, value) in enumerate(items):
        position = (len(items) - at) * 16 + len(texts)
        heads += struct.pack("<IIII", flags, position, len(key), len(value))
        texts += key + value
    return heads + texts
