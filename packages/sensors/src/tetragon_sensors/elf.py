# SPDX-License-Identifier: Apache-2.0
"""Functions of an ELF file by address. Reads 64-bit little-endian files; no debug information."""

from __future__ import annotations

import struct
from bisect import bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ElfFunctions", "read_functions"]

_HEADER: Final = struct.Struct("<4sBB10x2H4x3QI6H")
_SEGMENT: Final = struct.Struct("<IIQQQQQQ")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_64_BIT, _LITTLE = 2, 1
_LOAD: Final = 1
_SYMTAB, _DYNSYM = 2, 11
_FUNCTIONS: Final = frozenset({2, 10})
"""STT_FUNC and STT_GNU_IFUNC."""
_MOST_BYTES: Final = 32 << 20
"""Of a table of symbols and of its names: larger ones cost more than they tell."""


class ElfFunctions:
    """The functions of one file."""

    def __init__(
        self,
        segments: list[tuple[int, int, int]],
        symbols: list[tuple[int, int, int]],
        names: bytes,
    ) -> None:
        """Segments are (offset, bytes, address), symbols (address, bytes, offset in names)."""
        self._segments = segments
        self._symbols = sorted(symbols)
        self._starts = list(map(itemgetter(0), self._symbols))
        self._names = names

    def at(self, offset: int) -> str:
        """Name of the function that the byte at `offset` of the file belongs to; empty: none."""
        for start, size, address in self._segments:
            if start <= offset < start + size:
                return self._at_address(offset - start + address)
        return ""

    def _at_address(self, address: int) -> str:
        place = bisect_right(self._starts, address) - 1
        if place < 0:
            return ""
        start, size, name = self._symbols[place]
        if address >= start + max(size, 1):
            return ""
        end = self._names.find(b"\0", name)
        return self._names[name:end].decode(errors="replace")


def read_functions(file: BinaryIO) -> ElfFunctions:
    """Functions of a file, from .symtab or else .dynsym. Raises ValueError when it is no ELF."""
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise ValueError("shorter than an ELF header")
    magic, bits, order, *rest = _HEADER.unpack(header)
    segments_at, sections_at, _, _, size, count, section_size, sections, _ = rest[3:]
    if magic != b"\x7fELF" or (bits, order) != (_64_BIT, _LITTLE):
        raise ValueError("no 64-bit little-endian ELF file")
    if (size, section_size) not in {(_SEGMENT.size, _SECTION.size), (_SEGMENT.size, 0)}:
        raise ValueError("headers of an unknown size")
    loaded = [
        (offset, in_file, address)
        for kind, _, offset, address, _, in_file, _, _ in _table(file, segments_at, count, _SEGMENT)
        if kind == _LOAD
    ]
    tables = list(_table(file, sections_at, sections, _SECTION))
    for wanted in (_SYMTAB, _DYNSYM):
        for table in tables:
            if table[1] == wanted and table[6] < len(tables):
                names = tables[table[6]]
                return ElfFunctions(loaded, _symbols(file, table), _bytes(file, names))
    return ElfFunctions(loaded, [], b"")


def _symbols(file: BinaryIO, table: tuple[int, ...]) -> list[tuple[int, int, int]]:
    content = _bytes(file, table)
    whole = len(content) // _SYMBOL.size * _SYMBOL.size
    return [
        (value, size, name)
        for name, info, _, section, value, size in _SYMBOL.iter_unpack(content[:whole])
        if info & 15 in _FUNCTIONS and section
    ]


def _bytes(file: BinaryIO, section: tuple[int, ...]) -> bytes:
    offset, size = section[4], section[5]
    if size > _MOST_BYTES:
        return b""
    file.seek(offset)
    return file.read(size)


def _table(
    file: BinaryIO, offset: int, count: int, entry: struct.Struct
) -> Iterator[tuple[int, ...]]:
    file.seek(offset)
    content = file.read(count * entry.size)
    return entry.iter_unpack(content[: len(content) // entry.size * entry.size])
