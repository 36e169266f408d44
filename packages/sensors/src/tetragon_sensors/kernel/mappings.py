# SPDX-License-Identifier: Apache-2.0
"""Files that processes map as code, as perf tells: PERF_RECORD_MMAP2, with build ids from 5.12 on.

The layouts are those of include/uapi/linux/perf_event.h. A record is made once the mapping is
there, and again when mprotect(2) changes one that is code. Process ids are those of the pid
namespace that the events were opened in.
"""

from __future__ import annotations

import ctypes as c
import errno
import mmap
import struct
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from . import _ffi
from .calls import close_fd, failure

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Mapping", "MappingBuffers", "MappingEvents"]

_ATTRIBUTES: Final = struct.Struct("=IIQQQQQIIQQQQIiQII")
"""struct perf_event_attr up to sample_max_stack (PERF_ATTR_SIZE_VER5)."""
_SOFTWARE, _DUMMY = 1, 9
_SAMPLE_TID, _SAMPLE_TIME = 1 << 1, 1 << 2
_MMAP, _WATERMARK, _SAMPLE_ID_ALL = 1 << 8, 1 << 14, 1 << 18
_MMAP2, _USE_CLOCK, _BUILD_ID = 1 << 23, 1 << 25, 1 << 34
_BOOT_CLOCK: Final = 7
_CLOSE_ON_EXEC: Final = 8

_BUFFER_PAGES: Final = 128
"""Of each CPU, a power of two: room for about 3,000 records."""
_HEAD_AT, _TAIL_AT = 1024, 1032
_POSITION: Final = struct.Struct("=Q")
_HEADER: Final = struct.Struct("=IHH")
_LOST, _MMAP2_RECORD = 2, 10
_WITH_BUILD_ID: Final = 1 << 14
_FILE: Final = struct.Struct("=IIQQQIIQQII")
_BUILD_ID_AT: Final = 40
_NAME_AT: Final = _HEADER.size + _FILE.size
_TRAILER: Final = struct.Struct("=IIQ")
_PROT_EXEC: Final = 4


class Mapping(NamedTuple):
    """A file that became code of a process."""

    pid: int
    tid: int
    ktime_ns: int
    """On the boot clock."""
    start: int
    length: int
    inode: int
    """0 where the build id is known, as the record has no room for both."""
    path: str
    """As the process sees it; ` (deleted)` at its end when it has no name any more."""
    build_id: bytes


class MappingEvents:
    """A perf event on each CPU, for the sake of which the kernel describes mappings of code."""

    def __init__(self, mark: int = 0) -> None:
        """`mark` is config2 of the events, for programs to know them by.

        Raises LoadError or PermissionDeniedError.
        """
        self.has_build_id = True
        """Whether the kernel finds build ids itself (5.12)."""
        self.fds: list[int] = []
        try:
            for cpu in _online_cpus():
                fd = self._open(cpu, mark)
                if fd >= 0:
                    self.fds.append(fd)
        except BaseException:
            self.close()
            raise

    def _open(self, cpu: int, mark: int) -> int:
        fd, code = _open_event(cpu, mark, with_build_id=self.has_build_id)
        if code == errno.EINVAL and self.has_build_id:
            self.has_build_id = False
            fd, code = _open_event(cpu, mark, with_build_id=False)
        if code == errno.ENODEV:  # the CPU has gone
            return -1
        if code:
            raise failure(f"cannot watch mappings on CPU {cpu} by perf", code)
        return fd

    def close(self) -> None:
        """Stop; idempotent."""
        for fd in self.fds:
            close_fd(fd)
        self.fds.clear()


def _online_cpus() -> Iterator[int]:
    for part in Path("/sys/devices/system/cpu/online").read_text().strip().split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _open_event(cpu: int, mark: int, *, with_build_id: bool) -> tuple[int, int]:
    flags = _MMAP | _MMAP2 | _SAMPLE_ID_ALL | _USE_CLOCK | _WATERMARK
    packed = _ATTRIBUTES.pack(
        _SOFTWARE,
        _ATTRIBUTES.size,
        _DUMMY,
        0,
        _SAMPLE_TID | _SAMPLE_TIME,
        0,
        flags | (_BUILD_ID if with_build_id else 0),
        1,  # wake who waits for each byte
        *(0, 0, mark),
        *(0, 0, 0),
        _BOOT_CLOCK,
        *(0, 0, 0),
    )
    buffer = c.create_string_buffer(packed, len(packed))
    return _ffi.system_call(
        _ffi.PERF_EVENT_OPEN, _ffi.address_of(buffer), -1, cpu, -1, _CLOSE_ON_EXEC
    )


class MappingBuffers:
    """Records of MappingEvents, which it owns, to be read. Not thread-safe."""

    def __init__(self, events: MappingEvents) -> None:
        """Raises OSError when there is no memory."""
        self.lost = 0
        """Records that full buffers refused."""
        self._stack = ExitStack()
        self._stack.callback(events.close)
        self._buffers: list[mmap.mmap] = []
        self.fds = tuple(events.fds)
        """They become readable when a record comes."""
        try:
            for fd in events.fds:
                memory = mmap.mmap(fd, mmap.PAGESIZE * (1 + _BUFFER_PAGES))
                self._stack.callback(memory.close)
                self._buffers.append(memory)
        except BaseException:
            self.close()
            raise

    def read(self) -> list[Mapping]:
        """Take what is there, in order of time."""
        found = [one for memory in self._buffers for one in self._read(memory)]
        found.sort(key=lambda one: one.ktime_ns)
        return found

    def _read(self, memory: mmap.mmap) -> Iterator[Mapping]:
        content = _take(memory)
        at = 0
        while at < len(content):
            kind, flags, size = _HEADER.unpack_from(content, at)
            if kind == _MMAP2_RECORD:
                mapping = _decode(content[at : at + size], flags)
                if mapping is not None:
                    yield mapping
            elif kind == _LOST:
                self.lost += _POSITION.unpack_from(content, at + _HEADER.size + 8)[0]
            at += size

    def close(self) -> None:
        """Unmap and close; idempotent."""
        self._buffers = []
        self._stack.close()


def _take(memory: mmap.mmap) -> bytes:
    """What was written since the last time; its place is given back."""
    head: int = _POSITION.unpack_from(memory, _HEAD_AT)[0]
    tail: int = _POSITION.unpack_from(memory, _TAIL_AT)[0]
    if head == tail:
        return b""
    size = mmap.PAGESIZE * _BUFFER_PAGES
    first, last = tail % size, head % size
    start = mmap.PAGESIZE
    if first < last:
        content = memory[start + first : start + last]
    else:
        content = memory[start + first : start + size] + memory[start : start + last]
    _POSITION.pack_into(memory, _TAIL_AT, head)
    return content


def _decode(record: bytes, flags: int) -> Mapping | None:
    """None for code that is of no file: [vdso], anonymous memory."""
    pid, tid, start, length, _, _, _, inode, _, protection, _ = _FILE.unpack_from(
        record, _HEADER.size
    )
    path = record[_NAME_AT : -_TRAILER.size].split(b"\0", 1)[0]
    if not protection & _PROT_EXEC or not path.startswith(b"/") or path == b"//anon":
        return None
    build_id = b""
    if flags & _WITH_BUILD_ID:
        size = record[_BUILD_ID_AT]
        build_id = record[_BUILD_ID_AT + 4 : _BUILD_ID_AT + 4 + size]
        inode = 0
    _, _, ktime = _TRAILER.unpack_from(record, len(record) - _TRAILER.size)
    text = path.decode(errors="replace")
    return Mapping(pid, tid, ktime, start, length, inode, text, build_id)
