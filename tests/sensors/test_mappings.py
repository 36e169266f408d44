# SPDX-License-Identifier: Apache-2.0
"""Perf's records of mappings, out of buffers that a test fills."""

from __future__ import annotations

import mmap
import os
import struct
from contextlib import closing
from typing import TYPE_CHECKING, Final, cast

import pytest

from tetragon_sensors.kernel.mappings import Mapping, MappingBuffers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_sensors.kernel.mappings import MappingEvents

_PAGES: Final = 128
_BYTES: Final = _PAGES * mmap.PAGESIZE
_ID: Final = bytes(range(20))
_EXEC, _READ = 5, 1


class _Buffer:
    """What perf would fill, as a file."""

    def __init__(self) -> None:
        self.fds = [os.memfd_create("perf")]
        os.truncate(self.fds[0], mmap.PAGESIZE + _BYTES)
        self._memory = mmap.mmap(self.fds[0], mmap.PAGESIZE + _BYTES)
        self._head = 0

    def start_at(self, head: int) -> None:
        """As if so much had been written and read."""
        self._head = head
        struct.pack_into("QQ", self._memory, 1024, head, head)

    def write(self, record: bytes) -> None:
        """As the kernel does, round the end."""
        for number, byte in enumerate(record, self._head):
            self._memory[mmap.PAGESIZE + number % _BYTES] = byte
        self._head += len(record)
        struct.pack_into("Q", self._memory, 1024, self._head)

    def tail(self) -> int:
        """Up to where it was read."""
        return int(struct.unpack_from("Q", self._memory, 1032)[0])

    def close(self) -> None:
        """Give the file up."""
        self._memory.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []


def _record(time: int, path: bytes, protection: int = _EXEC, build_id: bytes = b"") -> bytes:
    place = struct.pack("IIQQ", 0, 21, 7, 0)
    if build_id:
        place = struct.pack("B3x20s", len(build_id), build_id)
    body = struct.pack("IIQQQ", 11, 12, 0x1000, 0x2000, 0) + place
    body += struct.pack("II", protection, 2) + path + bytes(8 - len(path) % 8)
    body += struct.pack("IIQ", 11, 12, time)
    return struct.pack("IHH", 10, 2 | (1 << 14 if build_id else 0), 8 + len(body)) + body


def _mapping(time: int, path: str, build_id: bytes = b"") -> Mapping:
    return Mapping(11, 12, time, 0x1000, 0x2000, 0 if build_id else 7, path, build_id)


@pytest.fixture
def buffer() -> Iterator[_Buffer]:
    """One CPU's."""
    with closing(_Buffer()) as made:
        yield made


@pytest.fixture
def buffers(buffer: _Buffer) -> Iterator[MappingBuffers]:
    """What reads it."""
    with closing(MappingBuffers(cast("MappingEvents", buffer))) as made:
        yield made


def test_code_of_files(buffer: _Buffer, buffers: MappingBuffers) -> None:
    """A file that is mapped as code is told with its build id or else its inode number."""
    buffer.write(_record(2, b"/usr/bin/x y", build_id=_ID) + _record(1, b"/lib/a"))

    assert [_mapping(1, "/lib/a"), _mapping(2, "/usr/bin/x y", _ID)] == buffers.read()
    assert [] == buffers.read()


@pytest.mark.parametrize(
    "record",
    [
        _record(1, b"/lib/a", _READ),
        _record(1, b"//anon"),
        _record(1, b"[vdso]"),
        struct.pack("IHHIIIIQ", 7, 0, 32, 1, 1, 1, 1, 5),
    ],
    ids=["data", "anonymous", "vdso", "fork"],
)
def test_what_is_none(buffer: _Buffer, buffers: MappingBuffers, record: bytes) -> None:
    """Data, code of no file and other records are passed over."""
    buffer.write(record + _record(2, b"/lib/b"))

    assert [_mapping(2, "/lib/b")] == buffers.read()


@pytest.mark.parametrize("before_the_end", [8, 40, 72, 128])
def test_round_the_end(buffer: _Buffer, buffers: MappingBuffers, before_the_end: int) -> None:
    """A record may begin at the end of the buffer and go on at its start."""
    buffer.start_at(5 * _BYTES - before_the_end)
    records = _record(1, b"/lib/a") + _record(2, b"/lib/b", build_id=_ID)
    buffer.write(records)

    assert [_mapping(1, "/lib/a"), _mapping(2, "/lib/b", _ID)] == buffers.read()
    assert 5 * _BYTES - before_the_end + len(records) == buffer.tail()


def test_lost(buffer: _Buffer, buffers: MappingBuffers) -> None:
    """What did not fit is counted."""
    for lost in (3, 4):
        buffer.write(struct.pack("IHHQQIIQ", 2, 0, 40, 1, lost, 0, 0, 5))

    assert [] == buffers.read()
    assert 7 == buffers.lost
