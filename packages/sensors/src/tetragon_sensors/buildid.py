# SPDX-License-Identifier: Apache-2.0
"""The build id of an ELF file: the note its linker left, as `readelf -n` shows it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["build_id_of", "find_build_id"]


@dataclass(frozen=True, slots=True)
class _Class:
    """Where a 32-bit or a 64-bit file has what is asked for (elf(5))."""

    table: Struct
    """Of the file's header: offset of the segments' headers, bytes of one, count."""
    segment: Struct
    """Kind, offset, bytes in the file."""


_CLASSES: Final = {
    1: _Class(Struct("<28xI10xHH"), Struct("<II8xI12x")),
    2: _Class(Struct("<32xQ14xHH"), Struct("<I4xQ16xQ16x")),
}
_MAGIC: Final = b"\x7fELF"
_LITTLE: Final = 1
_HEADER_BYTES: Final = 64
_SEGMENTS: Final = 256
_NOTE_SEGMENT: Final = 4
_NOTES_BYTES: Final = 1 << 20
"""More is no file that a linker made."""
_NOTE: Final = Struct("<III")
_BUILD_ID: Final = 3
_OWNER: Final = b"GNU\0"
_MOST_BYTES: Final = 20


def find_build_id(path: str, inode: int) -> bytes | None:
    """That of a regular file, empty if it has none; None if the file has not that inode number.

    Raises OSError when it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        known = os.fstat(fd)
        if known.st_ino != inode or not stat.S_ISREG(known.st_mode):
            return None
        return build_id_of(fd)
    finally:
        os.close(fd)


def build_id_of(fd: int) -> bytes:
    """Of an open file; empty if it has none, or is no little-endian ELF file. Raises OSError."""
    header = os.pread(fd, _HEADER_BYTES, 0)
    if len(header) < _HEADER_BYTES or header[:4] != _MAGIC or header[5] != _LITTLE:
        return b""
    kind = _CLASSES.get(header[4])
    if kind is None:
        return b""
    offset, size, count = kind.table.unpack_from(header)
    if size != kind.segment.size or count > _SEGMENTS or offset >> 62:
        return b""
    table = os.pread(fd, size * count, offset)
    for one, at, length in kind.segment.iter_unpack(table[: len(table) // size * size]):
        if one == _NOTE_SEGMENT and length <= _NOTES_BYTES and not at >> 62:
            for owner, note, content in _notes(os.pread(fd, length, at)):
                if owner == _OWNER and note == _BUILD_ID and len(content) <= _MOST_BYTES:
                    return content
    return b""


def _notes(content: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """Owner, kind and content of each note of a segment."""
    at = 0
    while at + _NOTE.size <= len(content):
        owner_bytes, size, kind = _NOTE.unpack_from(content, at)
        at += _NOTE.size
        start = at + _aligned(owner_bytes)
        yield content[at : at + owner_bytes], kind, content[start : start + size]
        at = start + _aligned(size)


def _aligned(size: int) -> int:
    return (size + 3) // 4 * 4
