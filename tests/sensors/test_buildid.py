# SPDX-License-Identifier: Apache-2.0
"""The build id of ELF files, and of what only looks like one."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final

import pytest

from tetragon_sensors.buildid import find_build_id

if TYPE_CHECKING:
    from pathlib import Path

_ID: Final = bytes(range(20))
_NOTE: Final = 4


def _note(owner: bytes, kind: int, content: bytes) -> bytes:
    padded = content + bytes(-len(content) % 4)
    return struct.pack("<III", len(owner), len(content), kind) + owner.ljust(4, b"\0") + padded


_OTHER: Final = _note(b"GNU\0", 1, bytes(16)) + _note(b"XYZ", 3, b"no build id")
_NOTES: Final = _OTHER + _note(b"GNU\0", 3, _ID)


def _elf64(notes: bytes, kind: int = _NOTE, *, order: int = 1, at: int = 64) -> bytes:
    head = b"\x7fELF" + bytes((2, order)) + bytes(10) + struct.pack("<HHIQQQ", 3, 62, 1, 0, at, 0)
    head += struct.pack("<IHHHHHH", 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", kind, 4, 120, 0, 0, len(notes), len(notes), 4)
    return head + segment + notes


def _elf32(notes: bytes) -> bytes:
    head = b"\x7fELF" + bytes((1, 1)) + bytes(10) + struct.pack("<HHIIII", 3, 3, 1, 0, 52, 0)
    head += struct.pack("<IHHHHHH", 0, 52, 32, 1, 0, 0, 0)
    segment = struct.pack("<IIIIIIII", _NOTE, 84, 0, 0, len(notes), len(notes), 4, 4)
    return head + segment + notes


def _of(path: Path, content: bytes) -> bytes | None:
    path.write_bytes(content)
    return find_build_id(str(path), path.stat().st_ino)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(_elf64(_NOTES), _ID, id="64-bit"),
        pytest.param(_elf32(_NOTES), _ID, id="32-bit"),
        pytest.param(_elf64(_note(b"GNU\0", 3, _ID[:8])), _ID[:8], id="short"),
        pytest.param(_elf64(_OTHER), b"", id="other notes"),
        pytest.param(_elf64(_note(b"GNU\0", 3, bytes(21))), b"", id="too long"),
        pytest.param(_elf64(_NOTES, 1), b"", id="no notes"),
        pytest.param(_elf64(_NOTES, order=2), b"", id="big-endian"),
        pytest.param(_elf64(_NOTES, at=1 << 63), b"", id="table nowhere"),
        pytest.param(_elf64(_NOTES)[:100], b"", id="cut table"),
        pytest.param(_elf64(_NOTES)[:130], b"", id="cut notes"),
        pytest.param(b"#!/bin/sh\n", b"", id="script"),
        pytest.param(b"", b"", id="empty"),
    ],
)
def test_build_id(tmp_path: Path, content: bytes, expected: bytes) -> None:
    """It is the note of that kind and owner; what has none, or is broken, has an empty one."""
    assert expected == _of(tmp_path / "file", content)


def test_another_file(tmp_path: Path) -> None:
    """A path that leads to another file by now, or to none that is regular, tells nothing."""
    path = tmp_path / "file"
    path.write_bytes(_elf64(_NOTES))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    assert find_build_id(str(path), path.stat().st_ino + 1) is None
    assert find_build_id(str(pipe), pipe.stat().st_ino) is None
