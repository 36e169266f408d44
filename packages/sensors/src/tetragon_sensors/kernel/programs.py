# SPDX-License-Identifier: Apache-2.0
"""Programs: instructions into the kernel, and what it tells about them. Attaching is elsewhere."""

from __future__ import annotations

import ctypes as c
import errno
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from tetragon_core.errors import LoadError

from ._ffi import address_of
from .calls import (
    AttachKind,
    Command,
    bpf,
    close_fd,
    failure,
    object_info,
    raise_memory_limit,
    request,
)

__all__ = [
    "Functions",
    "Program",
    "ProgramInfo",
    "ProgramKind",
    "load_btf",
    "load_program",
    "open_run_statistics",
]


class ProgramKind(IntEnum):
    """Types of programs (enum bpf_prog_type)."""

    KPROBE = 2
    TRACEPOINT = 5
    RAW_TRACEPOINT = 17
    TRACING = 26
    LSM = 29


_INSTRUCTION_BYTES: Final = 8
_LICENCE: Final = b"GPL\0"
_NAME_BYTES: Final = 15
_LOG_BYTES: Final = 1 << 20
_LOG_BYTES_MOST: Final = 1 << 24
_FUNC_INFO_BYTES: Final = 8
_SLEEPABLE: Final = 1 << 4
"""BPF_F_SLEEPABLE."""
_LAYOUT: Final = "IIQQIIQII16sIIIIQIIQIIIxxxxQ"
"""The request up to fd_array."""


@dataclass(frozen=True, slots=True)
class ProgramInfo:
    """What the kernel tells about a loaded program."""

    program_id: int
    instructions: int
    """As the verifier left them."""
    jited_bytes: int
    """0 when the program is interpreted."""
    verified_instructions: int | None
    """The verifier's work; None before kernel 5.16."""
    run_count: int
    """Only counted while open_run_statistics() is open, or kernel.bpf_stats_enabled is 1."""
    run_time_ns: int
    recursion_misses: int
    """Runs skipped because the program was already active on the CPU; 0 before kernel 5.12."""


_INFO: Final = struct.Struct("=4xI8xII168xQQQI4x")


class Program:
    """A loaded program. What it is attached to keeps it, whether this is closed or not."""

    def __init__(self, fd: int, kind: ProgramKind, name: str, attach_kind: AttachKind) -> None:
        self.fd = fd
        self.kind = kind
        self.name = name
        self.attach_kind = attach_kind

    def info(self) -> ProgramInfo:
        """What the kernel tells now. Raises LoadError on a closed program."""
        raw = object_info(self.fd, _INFO.size)
        if raw is None:
            raise LoadError(f"program {self.name} cannot be asked for")
        number, jited, xlated, time_ns, count, misses, verified = _INFO.unpack(raw)
        return ProgramInfo(
            number, xlated // _INSTRUCTION_BYTES, jited, verified or None, count, time_ns, misses
        )

    def run(self, context: bytes = b"") -> int:
        """Run it once with this context, as raw tracepoint programs allow; its return value.

        Raises LoadError when the kernel does not run such programs.
        """
        given = c.create_string_buffer(context, len(context) or 1)
        where = address_of(given) if context else 0
        attributes = request("IIIIQQIIIIQQII", self.fd, *[0] * 7, len(context), 0, where, 0, 0, 0)
        _, code = bpf(Command.PROG_TEST_RUN, attributes)
        if code:
            raise failure(f"cannot run program {self.name}", code)
        return int(struct.unpack_from("=I", attributes.raw, 4)[0])

    def close(self) -> None:
        """Give up the descriptor. Idempotent."""
        close_fd(self.fd)
        self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Functions:
    """The types of a program's functions: needed for callbacks (bpf_loop) and global functions."""

    btf_fd: int = 0
    """From load_btf(); may be closed after the load."""
    info: bytes = b""
    """For each function the number of its first instruction and its type, 4 bytes each."""


NO_FUNCTIONS: Final = Functions()


@dataclass(frozen=True, slots=True)
class _Request:
    """Everything of a load but the log."""

    kind: ProgramKind
    instructions: bytes
    name: bytes
    attach_kind: AttachKind
    attach_btf_id: int
    attach_btf_fd: int
    functions: Functions
    flags: int

    def send(self, log: c.Array[c.c_char] | None, log_level: int) -> tuple[int, int]:
        """Load it: descriptor and errno."""
        code = c.create_string_buffer(self.instructions, len(self.instructions) or 1)
        licence = c.create_string_buffer(_LICENCE)
        functions = c.create_string_buffer(self.functions.info) if self.functions.info else None
        attributes = request(
            _LAYOUT,
            self.kind,
            len(self.instructions) // _INSTRUCTION_BYTES,
            address_of(code),
            address_of(licence),
            log_level,
            len(log) if log is not None else 0,
            address_of(log),
            0,
            self.flags,
            self.name,
            0,
            self.attach_kind,
            self.functions.btf_fd,
            _FUNC_INFO_BYTES if self.functions.info else 0,
            address_of(functions),
            len(self.functions.info) // _FUNC_INFO_BYTES,
            0,
            0,
            0,
            self.attach_btf_id,
            self.attach_btf_fd,
            0,
        )
        return bpf(Command.PROG_LOAD, attributes)

    def explain(self, level: int) -> str:
        """The verifier's log of a load that is refused."""
        size = _LOG_BYTES
        while True:
            log = c.create_string_buffer(size)
            fd, code = self.send(log, level)
            if fd >= 0:
                close_fd(fd)
            if code != errno.ENOSPC or size >= _LOG_BYTES_MOST:
                return log.value.decode(errors="replace")
            size *= 4


def load_program(  # noqa: PLR0913  (fields of the kernel's request)
    kind: ProgramKind,
    instructions: bytes,
    *,
    name: str = "",
    expected_attach_type: AttachKind = AttachKind.NONE,
    attach_btf_id: int = 0,
    attach_btf_fd: int = 0,
    functions: Functions = NO_FUNCTIONS,
    sleeps: bool = False,
    log_level: int = 1,
) -> Program:
    """Load a program under the licence GPL.

    `attach_btf_id` is a function or tracepoint type of the kernel, or of the module whose BTF is
    `attach_btf_fd`. A program that `sleeps` may wait for memory of processes, where its
    kind allows that. The verifier logs only when it refuses, with `log_level` (0: never).
    Raises LoadError with its log, or PermissionDeniedError.
    """
    raise_memory_limit()
    wanted = _Request(
        kind,
        instructions,
        name.encode()[:_NAME_BYTES],
        expected_attach_type,
        attach_btf_id,
        attach_btf_fd,
        functions,
        _SLEEPABLE if sleeps else 0,
    )
    fd, code = wanted.send(None, 0)
    if code:
        log = wanted.explain(log_level) if log_level else ""
        raise failure(f"the kernel refused program {name}", code, log, _last_words(log))
    return Program(fd, kind, name, expected_attach_type)


def open_run_statistics() -> int:
    """Let the kernel count runs and their time while the descriptor is open. Raises LoadError."""
    fd, code = bpf(Command.ENABLE_STATS, request("I", 0))
    if code:
        raise failure("cannot count runs of programs", code, of="statistics")
    return fd


def _last_words(log: str) -> str:
    """The verifier's reason: its last line before the statistics."""
    lines = [line for line in log.splitlines() if line and not line.startswith(("processed ", "("))]
    return lines[-1] if lines else ""


def load_btf(blob: bytes) -> int:
    """Give the kernel type information for programs; the descriptor is the caller's to close.

    Raises LoadError with the kernel's log.
    """
    given = c.create_string_buffer(blob, len(blob))
    fd, code = bpf(Command.BTF_LOAD, request("QQIII", address_of(given), 0, len(blob), 0, 0))
    if code:
        log = c.create_string_buffer(_LOG_BYTES)
        attributes = request("QQIII", address_of(given), address_of(log), len(blob), len(log), 1)
        bpf(Command.BTF_LOAD, attributes)
        text = log.value.decode(errors="replace")
        raise failure("the kernel refused type information", code, text, _last_words(text))
    return fd
