# SPDX-License-Identifier: Apache-2.0
"""One value of a file of bbolt (go.etcd.io/bbolt), read while others may write.

A file is pages: a tree of buckets whose leaves have keys with values, or with further buckets. A
writer never changes a page that the last finished transaction needs, so what was read is whole if
that one is still the last when all is read. The file is not locked: Podman would wait for us.
"""

from __future__ import annotations

import os
from struct import Struct, error
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_value"]

_PAGE: Final = Struct("<QHHI")
"""Number, kind, count of elements, number of pages that follow as part of it."""
_META: Final = Struct("<IIIIQQQQQQ")
"""Magic, version, size of a page, flags, root's page and sequence, free list, pages, transaction,
sum."""
_BUCKET: Final = Struct("<QQ")
_LEAF: Final = Struct("<IIII")
_BRANCH: Final = Struct("<IIQ")
_MAGIC: Final = 0xED0CDAED
_VERSION: Final = 2
_IS_BRANCH, _IS_LEAF = 1, 2
_IN_BUCKET: Final = 1
_MAX_PAGE: Final = 65536
_MAX_BYTES: Final = 4 << 20
_MAX_DEPTH: Final = 32
_MAX_ELEMENTS: Final = 65535
_ATTEMPTS: Final = 3


class _Meta(NamedTuple):
    transaction: int
    root: int
    page_size: int


def read_value(path: str, keys: Sequence[bytes]) -> bytes | None:
    """The value of the last key, in the bucket of the one before, and so on; None: there is none.

    Raises OSError, and ValueError for what is no such file or changes all the time.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        for _ in range(_ATTEMPTS):
            meta = _meta(descriptor)
            try:
                value = _walk(descriptor, meta, keys)
            except (ValueError, error):
                if _meta(descriptor) == meta:
                    raise
                continue
            if _meta(descriptor) == meta:
                return value
    except error as cause:
        raise ValueError(f"{path}: {cause}") from cause
    finally:
        os.close(descriptor)
    raise ValueError(f"{path} changes all the time")


def _meta(descriptor: int) -> _Meta:
    """The later one of both; they are written in turns."""
    first = _one_meta(descriptor, 0)
    sizes = (first.page_size,) if first is not None else (4096, 16384, _MAX_PAGE)
    found = [first, *(_one_meta(descriptor, size) for size in sizes)]
    metas = [one for one in found if one is not None]
    if not metas:
        raise ValueError("no file of bbolt")
    return max(metas)


def _one_meta(descriptor: int, offset: int) -> _Meta | None:
    text = os.pread(descriptor, _META.size, offset + _PAGE.size)
    if len(text) < _META.size:
        return None
    magic, version, size, _, root, _, _, _, transaction, checksum = _META.unpack(text)
    if magic != _MAGIC or version != _VERSION or not 1024 <= size <= _MAX_PAGE:
        return None
    return _Meta(transaction, root, size) if checksum == _fnv64a(text[:-8]) else None


def _fnv64a(text: bytes) -> int:
    found = 0xCBF29CE484222325
    for one in text:
        found = (found ^ one) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return found


def _walk(descriptor: int, meta: _Meta, keys: Sequence[bytes]) -> bytes | None:
    page = _page(descriptor, meta, meta.root)
    for key in keys[:-1]:
        found = _find(descriptor, meta, page, key)
        if found is None or not found[0]:
            return None
        root, _ = _BUCKET.unpack_from(found[1])
        # A small bucket has its only page inside of its value.
        page = _page(descriptor, meta, root) if root else found[1][_BUCKET.size :]
    found = _find(descriptor, meta, page, keys[-1])
    return found[1] if found is not None and not found[0] else None


def _page(descriptor: int, meta: _Meta, number: int) -> bytes:
    offset = number * meta.page_size
    head = os.pread(descriptor, _PAGE.size, offset) if offset < 1 << 62 else b""
    _, _, _, overflow = _PAGE.unpack(head)
    size = (overflow + 1) * meta.page_size
    if size > _MAX_BYTES:
        raise ValueError(f"a page of {size} bytes")
    return os.pread(descriptor, size, offset)


def _find(descriptor: int, meta: _Meta, page: bytes, key: bytes) -> tuple[bool, bytes] | None:
    """Whether the key's value is a bucket, and the value."""
    for _ in range(_MAX_DEPTH):
        _, kind, count, _ = _PAGE.unpack_from(page)
        if kind & _IS_LEAF:
            return _find_in_leaf(page, count, key)
        if not kind & _IS_BRANCH:
            raise ValueError(f"a page of kind {kind}")
        page = _page(descriptor, meta, _child(page, count, key))
    raise ValueError("too deep")


def _find_in_leaf(page: bytes, count: int, key: bytes) -> tuple[bool, bytes] | None:
    for at in range(_PAGE.size, _PAGE.size + count * _LEAF.size, _LEAF.size):
        flags, position, key_size, value_size = _LEAF.unpack_from(page, at)
        start = at + position
        if page[start : start + key_size] == key:
            start += key_size
            return bool(flags & _IN_BUCKET), page[start : start + value_size]
    return None


def _child(page: bytes, count: int, key: bytes) -> int:
    """The last one whose first key is not behind this one."""
    child = 0
    for at in range(_PAGE.size, _PAGE.size + count * _BRANCH.size, _BRANCH.size):
        position, key_size, number = _BRANCH.unpack_from(page, at)
        start = at + position
        if child and page[start : start + key_size] > key:
            break
        child = int(number)
    return child
