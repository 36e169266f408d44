# SPDX-License-Identifier: Apache-2.0
"""Functions of a Go program by the table its runtime unwinds with, which stripping leaves there.

The layouts are those of Go's debug/gosym and runtime/symtab.go, from Go 1.2 on.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from .image import ElfError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .image import ElfImage

__all__ = ["GoFunctions", "go_functions"]

_SECTIONS: Final = (".gopclntab", ".data.rel.ro.gopclntab")
_GO_1_2, _GO_1_16, _GO_1_18, _GO_1_20 = 0xFFFFFFFB, 0xFFFFFFFA, 0xFFFFFFF0, 0xFFFFFFF1
_WORD: Final = 8
_HEAD: Final = struct.Struct("<IHBB")
_NARROW: Final = struct.Struct("<II")
_WIDE: Final = struct.Struct("<QQ")


class GoFunctions:
    """The table of one program."""

    def __init__(self, table: bytes, text_address: int) -> None:
        """`text_address` is the start of .text, for tables that do not tell. Raises ElfError."""
        self._table = table
        try:
            self._read_header(text_address)
        except struct.error as error:
            raise ElfError("a table of Go's functions that is too short") from error

    def _read_header(self, text_address: int) -> None:
        magic, zeros, _, word = _HEAD.unpack_from(self._table)
        if zeros or word != _WORD:
            raise ElfError("a table of Go's functions of another machine")
        self._start, self._entry, self._name_at = text_address, _NARROW, 4
        self._count = self._word(0)
        if magic in {_GO_1_18, _GO_1_20}:
            self._start = self._word(2) or text_address
            self._names, self._functions = self._word(3), self._word(7)
            return
        self._start, self._entry, self._name_at = 0, _WIDE, _WORD
        if magic == _GO_1_16:
            self._names, self._functions = self._word(2), self._word(6)
        elif magic == _GO_1_2:
            self._names = 0
            self._functions = _HEAD.size + _WORD
        else:
            raise ElfError(f"a table of Go's functions of an unknown version ({magic:#x})")

    def find(self, name: str) -> int | None:
        """Address of a function by its full name, as `main.(*Server).Start`; None: not there."""
        wanted = name.encode() + b"\0"
        if len(wanted) == 1 or b"\0" in wanted[:-1]:
            return None
        place = self._table.find(wanted, self._names)
        while place >= 0:
            is_whole = place == self._names or not self._table[place - 1]
            address = self._with_name(place - self._names) if is_whole else None
            if address is not None:
                return address
            place = self._table.find(wanted, place + 1)
        return None

    def names(self) -> Iterator[str]:
        """Full names of all functions."""
        for _, at in self._records():
            name = self._names + int.from_bytes(self._table[at : at + 4], "little")
            yield self._table[name : self._table.find(b"\0", name)].decode(errors="replace")

    def _with_name(self, name: int) -> int | None:
        """The function whose name is at an offset of the names."""
        for address, at in self._records():
            if int.from_bytes(self._table[at : at + 4], "little") == name:
                return address + self._start
        return None

    def _records(self) -> Iterator[tuple[int, int]]:
        """Address of each function, and where in the table the place of its name is."""
        base = 0 if self._name_at == _WORD and not self._names else self._functions
        end = self._functions + self._count * self._entry.size
        entries = self._table[self._functions : end]
        whole = len(entries) // self._entry.size * self._entry.size
        for address, record in self._entry.iter_unpack(entries[:whole]):
            yield int(address), base + record + self._name_at

    def _word(self, number: int) -> int:
        (value,) = struct.unpack_from("<Q", self._table, _HEAD.size + _WORD * number)
        return int(value)


def go_functions(image: ElfImage) -> GoFunctions | None:
    """The functions of a Go program; None when it is none. Raises ElfError."""
    for name in _SECTIONS:
        section = image.section(name)
        if section is not None:
            text = image.section(".text")
            return GoFunctions(image.content(section), text.address if text else 0)
    return None
