# SPDX-License-Identifier: Apache-2.0
"""Functions of Go programs are found by name in the table of every version of Go since 1.2."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import pytest

from tetragon_sensors.binaries.image import ElfError
from tetragon_sensors.binaries.pclntab import GoFunctions

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT: Final = 0x401000
FUNCTIONS: Final = {
    "main.main": 0x401000,
    "main": 0x401020,
    "main.(*Server).Start": 0x401040,
    "go.shape.int": 0x401060,
}
MAGIC: Final = {"1.2": 0xFFFFFFFB, "1.16": 0xFFFFFFFA, "1.18": 0xFFFFFFF0, "1.20": 0xFFFFFFF1}


def table(version: str, functions: Mapping[str, int], text: int = TEXT) -> bytes:
    """A table as the linker of that version writes it; only what is read is there."""
    narrow = version in {"1.18", "1.20"}
    words = {"1.2": 1, "1.16": 7}.get(version, 8)
    names = b"\0" + b"".join(name.encode() + b"\0" for name in functions)
    start = 8 + 8 * words
    entry = struct.Struct("<II" if narrow else "<QQ")
    # Go 1.2 has all offsets from the start of the table, with the functions first
    names_at = start + entry.size * len(functions) if version == "1.2" else start
    functions_at = start if version == "1.2" else start + len(names)
    origin = 0 if version == "1.2" else functions_at
    records_at = (
        (names_at + len(names)) if version == "1.2" else functions_at + entry.size * len(functions)
    )
    entries, records = b"", b""
    for name, address in functions.items():
        at = names.index(b"\0" + name.encode() + b"\0") + 1 + (names_at if version == "1.2" else 0)
        entries += entry.pack(address - (TEXT if narrow else 0), records_at + len(records) - origin)
        records += struct.pack("<Ii" if narrow else "<Qi", 0, at)
    count = len(functions)
    if version == "1.2":
        head = struct.pack("<Q", count)
    elif version == "1.16":
        head = struct.pack("<7Q", count, 0, names_at, 0, 0, 0, functions_at)
    else:
        head = struct.pack("<8Q", count, 0, text, names_at, 0, 0, 0, functions_at)
    head = struct.pack("<IHBB", MAGIC[version], 0, 1, 8) + head
    body = entries + names if version == "1.2" else names + entries
    return head + body + records


@pytest.mark.parametrize("version", MAGIC)
def test_functions(version: str) -> None:
    """Each function is found by its whole name, and no other name is."""
    found = GoFunctions(table(version, FUNCTIONS), TEXT)

    assert FUNCTIONS == {name: found.find(name) for name in FUNCTIONS}
    assert [None] * 4 == [found.find(name) for name in ("Start", "main.mai", "", "main.main\0main")]


@pytest.mark.parametrize("version", ["1.18", "1.20"])
def test_start_of_the_text(version: str) -> None:
    """A table without the address of the program's text is relative to the section."""
    found = GoFunctions(table(version, FUNCTIONS, text=0), TEXT)

    assert FUNCTIONS["main"] == found.find("main")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        table("1.20", FUNCTIONS)[:40],
        b"\1" + table("1.20", FUNCTIONS)[1:],
        table("1.20", FUNCTIONS).replace(b"\1\10", b"\1\4", 1),
    ],
    ids=["empty", "short", "unknown version", "32 bits"],
)
def test_no_table(content: bytes) -> None:
    """What is no table of a version that is known is refused."""
    with pytest.raises(ElfError, match="a table of Go's functions"):
        GoFunctions(content, TEXT)


def test_cut_off() -> None:
    """A table that ends within its functions has those before."""
    whole = table("1.20", FUNCTIONS)

    for size in range(80, len(whole)):
        found = GoFunctions(whole[:size], TEXT)
        assert {found.find(name) for name in FUNCTIONS} <= {None, *FUNCTIONS.values()}


@pytest.mark.parametrize("version", MAGIC)
def test_names(version: str) -> None:
    """All functions are named, in the order of the table."""
    assert list(FUNCTIONS) == list(GoFunctions(table(version, FUNCTIONS), TEXT).names())
