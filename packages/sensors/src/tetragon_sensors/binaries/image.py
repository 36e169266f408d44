# SPDX-License-Identifier: Apache-2.0
"""An ELF file's segments, sections and notes. Reads 64-bit little-endian files."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

__all__ = ["ElfError", "ElfImage", "Note", "Section", "Segment"]

_HEADER: Final = struct.Struct("<4sBB10x2H4x3QI6H")
_SEGMENT: Final = struct.Struct("<II6Q")
_SECTION: Final = struct.Struct("<II4QII2Q")
_NOTE: Final = struct.Struct("<3I")
_64_BIT, _LITTLE = 2, 1
_MACHINES: Final = {62: "x86_64", 183: "aarch64"}
_LOAD, _NOTES = 1, 4
_SECTION_NOTES, _NO_BITS = 7, 8
_BUILD_ID: Final = 3
"""NT_GNU_BUILD_ID."""
_MOST_OFFSET: Final = (1 << 63) - 1
_MOST_BYTES: Final = 1 << 30
"""Of a section: more is no sensible file."""


class ElfError(ValueError):
    """A file that is no ELF file, or not one that is read here."""


class Segment(NamedTuple):
    """A part of the file that is loaded into memory."""

    flags: int
    """1: executable."""
    offset: int
    address: int
    file_bytes: int


class Section(NamedTuple):
    """A named part of the file."""

    name: str
    kind: int
    address: int
    offset: int
    size: int


class Note(NamedTuple):
    """One entry of a note section or segment."""

    owner: str
    kind: int
    content: bytes


class ElfImage:
    """One file, which has to stay open."""

    def __init__(self, file: BufferedReader) -> None:
        """Read the headers. Raises ElfError."""
        self._file = file
        head = self._read(0, _HEADER.size)
        if len(head) < _HEADER.size:
            raise ElfError("shorter than an ELF header")
        magic, bits, order, *rest = _HEADER.unpack(head)
        if magic != b"\x7fELF":
            raise ElfError("no ELF file")
        if (bits, order) != (_64_BIT, _LITTLE):
            raise ElfError("no 64-bit little-endian ELF file")
        (
            _,
            machine,
            _,
            segments_at,
            sections_at,
            _,
            _,
            size,
            count,
            section_size,
            sections,
            names,
        ) = rest
        self.machine = _MACHINES.get(machine, f"machine {machine}")
        """As uname(2) has it."""
        if (count and size != _SEGMENT.size) or (sections and section_size != _SECTION.size):
            raise ElfError("headers of an unknown size")
        table = [*self._table(segments_at, count, _SEGMENT)]
        self.segments = tuple(
            Segment(flags, offset, address, in_file)
            for kind, flags, offset, address, _, in_file, _, _ in table
            if kind == _LOAD
        )
        self._note_places = [
            (offset, in_file) for kind, _, offset, _, _, in_file, _, _ in table if kind == _NOTES
        ]
        self.sections = self._sections([*self._table(sections_at, sections, _SECTION)], names)

    def section(self, name: str) -> Section | None:
        """A section by its name."""
        return next((one for one in self.sections if one.name == name), None)

    def content(self, section: Section) -> bytes:
        """The bytes of a section. Raises ElfError when they are not in the file."""
        if section.kind == _NO_BITS or section.size > _MOST_BYTES:
            raise ElfError(f"section {section.name} has no bytes in the file")
        found = self._read(section.offset, section.size)
        if len(found) < section.size:
            raise ElfError(f"section {section.name} reaches beyond the end of the file")
        return found

    def offset_of(self, address: int) -> int | None:
        """Where in the file the byte is that is linked to an address; None: nowhere."""
        for one in self.segments:
            if one.address <= address < one.address + one.file_bytes:
                return address - one.address + one.offset
        return None

    def address_of(self, offset: int) -> int:
        """The address that a byte of the file is linked to. Raises ValueError when it has none."""
        for one in self.segments:
            if one.offset <= offset < one.offset + one.file_bytes:
                return offset - one.offset + one.address
        raise ValueError(f"offset {offset:#x} is not loaded")

    def is_code(self, offset: int) -> bool:
        """Whether an offset of the file is loaded as executable code."""
        return any(
            one.flags & 1 and one.offset <= offset < one.offset + one.file_bytes
            for one in self.segments
        )

    def notes(self) -> Iterator[Note]:
        """Notes of all note sections; of the segments when there are no sections."""
        places = [(one.offset, one.size) for one in self.sections if one.kind == _SECTION_NOTES]
        for offset, size in places or self._note_places:
            yield from _notes(self._read(offset, min(size, _MOST_BYTES)))

    def build_id(self) -> bytes:
        """The linker's identification of this build; empty when it has none."""
        for note in self.notes():
            if note.owner == "GNU" and note.kind == _BUILD_ID:
                return note.content
        return b""

    def _sections(self, table: list[tuple[int, ...]], names: int) -> tuple[Section, ...]:
        if names >= len(table):
            return ()
        texts = self._read(table[names][4], min(table[names][5], _MOST_BYTES))
        return tuple(
            Section(_text(texts, name), kind, address, offset, size)
            for name, kind, _, address, offset, size, *_ in table
        )

    def _table(self, offset: int, count: int, entry: struct.Struct) -> Iterator[tuple[int, ...]]:
        content = self._read(offset, count * entry.size)
        return entry.iter_unpack(content[: len(content) // entry.size * entry.size])

    def _read(self, offset: int, size: int) -> bytes:
        if offset > _MOST_OFFSET:
            return b""
        try:
            self._file.seek(offset)
            return self._file.read(size)
        except OSError as error:
            raise ElfError(f"cannot be read: {error.strerror}") from error


def _text(texts: bytes, start: int) -> str:
    return texts[start : texts.find(b"\0", start)].decode(errors="replace")


def _notes(content: bytes) -> Iterator[Note]:
    at = 0
    while at + _NOTE.size <= len(content):
        owner_bytes, size, kind = _NOTE.unpack_from(content, at)
        at += _NOTE.size
        owner = content[at : at + owner_bytes].rstrip(b"\0").decode(errors="replace")
        at += (owner_bytes + 3) // 4 * 4
        yield Note(owner, kind, content[at : at + size])
        at += (size + 3) // 4 * 4
