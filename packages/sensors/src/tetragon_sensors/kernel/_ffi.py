# SPDX-License-Identifier: Apache-2.0
"""C signatures of the BTF functions of libbpf, and system calls that libc does not wrap."""

from __future__ import annotations

import ctypes as c
import functools
import os
from typing import TYPE_CHECKING, Any, Final

from tetragon_sensors.libbpf._ffi import load_library

if TYPE_CHECKING:
    from tetragon_sensors.shared_library import Signatures

__all__ = [
    "BPF",
    "FSCONFIG",
    "FSMOUNT",
    "FSOPEN",
    "PERF_EVENT_OPEN",
    "address_of",
    "find_bytes",
    "libbpf",
    "system_call",
]

_P: Final = c.c_void_p
_SIGNATURES: Final[Signatures] = {
    "btf__load_vmlinux_btf": (_P, ()),
    "btf__load_module_btf": (_P, (c.c_char_p, _P)),
    "btf__parse": (_P, (c.c_char_p, _P)),
    "btf__new": (_P, (c.c_char_p, c.c_uint32)),
    "btf__free": (None, (_P,)),
    "btf__type_cnt": (c.c_uint32, (_P,)),
    "btf__find_by_name_kind": (c.c_int32, (_P, c.c_char_p, c.c_uint32)),
    "btf__type_by_id": (_P, (_P, c.c_uint32)),
    "btf__name_by_offset": (c.c_char_p, (_P, c.c_uint32)),
    "btf__pointer_size": (c.c_size_t, (_P,)),
}

FSOPEN: Final = 430
FSCONFIG: Final = 431
FSMOUNT: Final = 432
"""Numbers that are the same on every machine, as of all calls since kernel 5.0."""

_NUMBERS: Final = {"x86_64": (321, 298)}
_GENERIC: Final = (280, 241)
BPF: Final = _NUMBERS.get(os.uname().machine, _GENERIC)[0]
PERF_EVENT_OPEN: Final = _NUMBERS.get(os.uname().machine, _GENERIC)[1]
"""Numbers of bpf(2) and perf_event_open(2) on this machine."""


@functools.cache
def libbpf() -> Any:  # noqa: ANN401  (a ctypes library has no useful static type)
    """The BTF functions of libbpf. Raises TetragonError when it is not installed."""
    return load_library(_SIGNATURES)


@functools.cache
def _libc() -> Any:  # noqa: ANN401  (as libbpf)
    lib = c.CDLL(None, use_errno=True)
    lib.syscall.restype = c.c_long
    lib.memmem.restype = _P
    lib.memmem.argtypes = (_P, c.c_size_t, c.c_char_p, c.c_size_t)
    return lib


def system_call(number: int, *arguments: int | bytes | c.Array[c.c_char] | None) -> tuple[int, int]:
    """Result and errno of a system call; errno is 0 when the result is not negative."""
    c.set_errno(0)
    words = [c.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = int(_libc().syscall(c.c_long(number), *words))
    return result, c.get_errno() if result < 0 else 0


def find_bytes(text: bytes, wanted: bytes, start: int = 0) -> int:
    """As text.find(wanted, start), at ten times the speed: texts here have megabytes."""
    base = c.cast(c.c_char_p(text), _P).value or 0
    found = _libc().memmem(base + start, max(0, len(text) - start), wanted, len(wanted))
    return int(found) - base if found else -1


def address_of(buffer: c.Array[c.c_char] | None) -> int:
    """Address of a buffer, which the caller keeps; 0 for none."""
    return c.addressof(buffer) if buffer is not None else 0
