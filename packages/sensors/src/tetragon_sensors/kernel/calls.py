# SPDX-License-Identifier: Apache-2.0
"""bpf(2) and perf_event_open(2), bare: numbers, one call function each, and errors with reasons.

Layouts and numbers are those of include/uapi/linux/bpf.h and perf_event.h. A kernel takes a request
that is longer than its own as long as what it does not know is zero.
"""

from __future__ import annotations

import ctypes as c
import errno
import functools
import os
import resource
import struct
from contextlib import suppress
from enum import IntEnum
from typing import Final

from tetragon_core.errors import LoadError, PermissionDeniedError, TetragonError
from tetragon_core.privileges import Held, lacking, why_denied

from . import _ffi

__all__ = [
    "AttachKind",
    "Command",
    "bpf",
    "close_fd",
    "failure",
    "object_info",
    "open_perf_event",
    "raise_memory_limit",
    "read_info",
    "request",
]


class Command(IntEnum):
    """What bpf(2) is asked for."""

    MAP_CREATE = 0
    MAP_LOOKUP = 1
    MAP_UPDATE = 2
    MAP_DELETE = 3
    MAP_NEXT_KEY = 4
    PROG_LOAD = 5
    OBJ_PIN = 6
    OBJ_GET = 7
    PROG_TEST_RUN = 10
    PROG_NEXT_ID = 11
    MAP_NEXT_ID = 12
    PROG_GET_FD_BY_ID = 13
    MAP_GET_FD_BY_ID = 14
    OBJECT_INFO = 15
    RAW_TRACEPOINT_OPEN = 17
    BTF_LOAD = 18
    BTF_GET_FD_BY_ID = 19
    MAP_FREEZE = 22
    BTF_GET_NEXT_ID = 23
    MAP_UPDATE_BATCH = 26
    LINK_CREATE = 28
    LINK_GET_FD_BY_ID = 30
    ENABLE_STATS = 32


class AttachKind(IntEnum):
    """How a program is attached, where its type leaves that open."""

    NONE = 0
    TRACE_RAW_TP = 23
    TRACE_FENTRY = 24
    TRACE_FEXIT = 25
    MODIFY_RETURN = 26
    LSM_MAC = 27
    PERF_EVENT = 41
    KPROBE_MULTI = 42
    UPROBE_MULTI = 48
    KPROBE_SESSION = 56


def request(layout: str, *values: int | bytes) -> c.Array[c.c_char]:
    """A request for bpf(2): native byte order, no padding but what `layout` says."""
    return c.create_string_buffer(struct.pack("=" + layout, *values), struct.calcsize("=" + layout))


def bpf(command: Command, attributes: c.Array[c.c_char]) -> tuple[int, int]:
    """Ask the kernel: the result, and errno."""
    return _ffi.system_call(_ffi.BPF, command, _ffi.address_of(attributes), len(attributes))


_PERF_ATTRIBUTES: Final = struct.Struct("=IIQQQQQIIQQ")
"""struct perf_event_attr up to config2 (PERF_ATTR_SIZE_VER1)."""
_ANY_PROCESS: Final = -1
_ANY_CPU: Final = -1
_NO_GROUP: Final = -1
_CLOSE_ON_EXEC: Final = 8
_SAMPLE_RAW: Final = 1 << 10


def open_perf_event(
    kind: int, config: int, config1: int = 0, config2: int = 0, *, pid: int = _ANY_PROCESS
) -> tuple[int, int]:
    """Open a perf event of every process, or of one: its descriptor and errno."""
    packed = _PERF_ATTRIBUTES.pack(
        kind, _PERF_ATTRIBUTES.size, config, 1, _SAMPLE_RAW, 0, 0, 1, 0, config1, config2
    )
    buffer = c.create_string_buffer(packed, len(packed))
    return _ffi.system_call(
        _ffi.PERF_EVENT_OPEN,
        _ffi.address_of(buffer),
        pid,
        # a probe of every process counts on every CPU, whichever is named
        0 if pid == _ANY_PROCESS else _ANY_CPU,
        _NO_GROUP,
        _CLOSE_ON_EXEC,
    )


_REASONS: Final = {
    524: "not supported by this kernel",  # ENOTSUPP, which is no errno of user space
    errno.E2BIG: "too big, or a request this kernel does not know",
}


def failure(what: str, code: int, log: str = "", hint: str = "", *, of: str = "") -> TetragonError:
    """The error for a call that failed with errno `code`; `log` is the verifier's.

    `of` names the feature (tetragon_core.privileges) whose capabilities are wanted.
    """
    if hint and code in _REASONS:  # which are guesses, unlike the hint
        text = f"{what}: {hint}"
    else:
        reason = _REASONS.get(code) or os.strerror(code)
        text = f"{what}: {reason}" + (f" ({hint})" if hint else "")
    if code == errno.EPERM:
        lacks = lacking(of) if of else why_denied()
        return PermissionDeniedError(f"{text}: {lacks}; run as root (sudo)" if lacks else text)
    return LoadError(text, log)


@functools.cache
def raise_memory_limit() -> None:
    """Let maps and programs lock memory: kernels before 5.11 count it (RLIMIT_MEMLOCK).

    Without CAP_SYS_RESOURCE the limit stays; a map that is too large for it is refused.
    """
    if Held.here().counts_memory:
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        with suppress(ValueError):  # Python's word for EPERM here
            resource.setrlimit(resource.RLIMIT_MEMLOCK, unlimited)


def close_fd(fd: int) -> None:
    """Close a descriptor; -1 stands for none."""
    if fd >= 0:
        os.close(fd)


def read_info(fd: int, info: c.Array[c.c_char]) -> int:
    """Let the kernel fill in what it tells about a program, map, link or BTF; errno."""
    return bpf(Command.OBJECT_INFO, request("IIQ", fd, len(info), _ffi.address_of(info)))[1]


def object_info(fd: int, size: int) -> bytes | None:
    """The first `size` bytes of what the kernel tells about a program, map, link or BTF."""
    info = c.create_string_buffer(size)
    return None if read_info(fd, info) else info.raw
