# SPDX-License-Identifier: Apache-2.0
"""A writer of small executables with USDT notes: code, notes, semaphores, symbols."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT: Final = struct.Struct("<II6Q")
SECTION: Final = struct.Struct("<II4QII2Q")
SYMBOL: Final = struct.Struct("<IBBHQQ")
PAGE: Final = 0x1000
CODE, DATA, BASE = 0x401000, 0x404000, 0x402000
"""Addresses of the code, of the semaphores, and of the section .stapsdt.base."""
X86_64, AARCH64 = 62, 183
PROGBITS, SYMTAB, STRTAB, NOTE = 1, 2, 3, 7
ALLOCATED, WRITABLE, EXECUTABLE = 2, 1, 4


class Probe(NamedTuple):
    """One note."""

    provider: str
    name: str
    arguments: str = ""
    address: int = CODE + 0x10
    semaphore: int = 0
    base: int = BASE


def note(probe: Probe) -> bytes:
    """As sys/sdt.h has it written."""
    content = struct.pack("<3Q", probe.address, probe.base, probe.semaphore)
    content += b"".join(text.encode() + b"\0" for text in (probe[0], probe[1], probe[2]))
    padding = b"\0" * (-len(content) % 4)
    return struct.pack("<3I", 8, len(content), 3) + b"stapsdt\0" + content + padding


def elf_file(*probes: Probe, symbols: dict[str, int] | None = None, machine: int = X86_64) -> bytes:
    """An executable: a page of code at file offset 0x1000, a page of data at 0x2000."""
    names = bytearray(b"\0")
    texts = bytearray(b"\0")
    table = bytearray(SYMBOL.size)
    for name, address in (symbols or {}).items():
        table += SYMBOL.pack(len(texts), 1, 0, 1, address, 4)
        texts += name.encode() + b"\0"
    body = bytearray(b"\0" * PAGE + b"\x90" * PAGE + b"\0" * PAGE)
    sections = [SECTION.pack(*[0] * 10)]

    def section(
        name: str, kind: int, flags: int, address: int, place: tuple[int, int], link: int = 0
    ) -> None:
        size = SYMBOL.size if kind == SYMTAB else 0
        sections.append(SECTION.pack(len(names), kind, flags, address, *place, link, 0, 4, size))
        names.extend(name.encode() + b"\0")

    def appended(content: bytes) -> tuple[int, int]:
        body.extend(b"\0" * (-len(body) % 8))
        body.extend(content)
        return len(body) - len(content), len(content)

    section(".text", PROGBITS, ALLOCATED | EXECUTABLE, CODE, (PAGE, PAGE))
    section(".stapsdt.base", PROGBITS, ALLOCATED, BASE, (PAGE, 1))
    section(".probes", PROGBITS, ALLOCATED | WRITABLE, DATA, (2 * PAGE, PAGE))
    section(".note.stapsdt", NOTE, 0, 0, appended(b"".join(map(note, probes))))
    section(".strtab", STRTAB, 0, 0, appended(bytes(texts)))
    section(".symtab", SYMTAB, 0, 0, appended(bytes(table)), link=5)
    all_names = bytes(names) + b".shstrtab\0"
    place = appended(all_names)
    section(".shstrtab", STRTAB, 0, 0, place)
    at, _ = appended(b"".join(sections))
    segments = SEGMENT.pack(1, 5, PAGE, CODE, CODE, PAGE, PAGE, PAGE)
    segments += SEGMENT.pack(1, 6, 2 * PAGE, DATA, DATA, PAGE, PAGE, PAGE)
    magic = b"\x7fELF\2\1\1" + b"\0" * 9
    head = HEADER.pack(
        magic,
        2,
        machine,
        1,
        CODE,
        HEADER.size,
        at,
        0,
        HEADER.size,
        SEGMENT.size,
        2,
        SECTION.size,
        8,
        7,
    )
    body[: len(head) + len(segments)] = head + segments
    return bytes(body)
