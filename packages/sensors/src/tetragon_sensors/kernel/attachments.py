# SPDX-License-Identifier: Apache-2.0
"""Attachments: a program joined to places in the kernel until it is closed.

An attachment is one object, however many places and descriptors it has.
"""

from __future__ import annotations

import ctypes as c
import errno
import fcntl
import functools
import struct
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

from tetragon_core.errors import UnsupportedKernelError

from ._ffi import address_of
from .calls import (
    AttachKind,
    Command,
    bpf,
    close_fd,
    failure,
    object_info,
    open_perf_event,
    request,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .programs import Program

__all__ = [
    "Attachment",
    "attach_event",
    "attach_kprobe",
    "attach_kprobe_multi",
    "attach_raw_tracepoint",
    "attach_tracepoint",
    "attach_trampoline",
    "join",
    "words",
]

_KPROBE_PMU: Final = Path("/sys/bus/event_source/devices/kprobe/type")
_PERF_TYPE_TRACEPOINT: Final = 2
_SET_BPF: Final = 0x40042408
_ENABLE: Final = 0x2400
_MULTI_RETURN: Final = 1

_LINK_HEAD: Final = struct.Struct("=IIII")
_LINK_BYTES: Final = 64
_LINK_PERF_EVENT: Final = 7
_LINK_KPROBE_MULTI: Final = 8
_PERF_KPROBES: Final = frozenset({3, 4})
"""BPF_PERF_EVENT_KPROBE and _KRETPROBE."""
_MISSED_MULTI: Final = 32
_MISSED_KPROBE: Final = 48
NO_HINTS: Final[Mapping[int, str]] = MappingProxyType({})


class Attachment:
    """Places where a program runs. Close it and it runs there no more."""

    def __init__(self, method: str, descriptors: Iterable[int], places: int = 1) -> None:
        self.method = method
        """As shown to users: fentry, fexit, kprobe, kretprobe, kprobe.multi, tracepoint, …"""
        self.places = places
        self.descriptors = list(descriptors)
        """Of links, or of perf events where the kernel has no links for them (before 5.15)."""

    def missed(self) -> int | None:
        """How often the kernel did not run it, as its probe was busy; None when it does not tell.

        Known for kprobes from kernel 6.7 on. What a program skips itself is in Program.info().
        """
        counts = [_missed(fd) for fd in self.descriptors]
        known = [count for count in counts if count is not None]
        return sum(known) if known else None

    def close(self) -> None:
        """Detach. Idempotent."""
        for fd in self.descriptors:
            close_fd(fd)
        self.descriptors.clear()

    def take(self) -> list[int]:
        """Give the descriptors away."""
        descriptors, self.descriptors = self.descriptors, []
        return descriptors

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def join(attachments: Iterable[Attachment]) -> Attachment:
    """One attachment in place of many of the same method, at least one.

    They may be made while it takes them; if one cannot be made, those before it are closed.
    """
    made: list[Attachment] = []
    try:
        made.extend(attachments)
    except BaseException:
        for each in made:
            each.close()
        raise
    descriptors = [fd for each in made for fd in each.take()]
    return Attachment(made[0].method, descriptors, sum(each.places for each in made))


def _missed(fd: int) -> int | None:
    info = object_info(fd, _LINK_BYTES)
    if info is None:
        return None
    kind, _, _, sub_kind = _LINK_HEAD.unpack_from(info, 0)[0:3] + struct.unpack_from("=I", info, 16)
    if kind == _LINK_KPROBE_MULTI:
        place = _MISSED_MULTI
    elif kind == _LINK_PERF_EVENT and sub_kind in _PERF_KPROBES:
        place = _MISSED_KPROBE
    else:
        return None
    return int(struct.unpack_from("=Q", info, place)[0])


_TRAMPOLINES: Final = {
    AttachKind.TRACE_FENTRY: "fentry",
    AttachKind.TRACE_FEXIT: "fexit",
    AttachKind.MODIFY_RETURN: "fmod_ret",
    AttachKind.LSM_MAC: "lsm",
    AttachKind.TRACE_RAW_TP: "tp_btf",
}


def attach_trampoline(program: Program, cookie: int = 0, *, function: str = "") -> Attachment:
    """Attach a program to the function or tracepoint it was loaded for.

    A cookie needs kernel 6.0. Raises LoadError or PermissionDeniedError, which name `function`.
    """
    method = _TRAMPOLINES[program.attach_kind]
    if cookie:
        attributes = request("IIIIIIQ", program.fd, 0, program.attach_kind, 0, 0, 0, cookie)
        fd, code = bpf(Command.LINK_CREATE, attributes)
    else:
        fd, code = bpf(Command.RAW_TRACEPOINT_OPEN, request("QIIQ", 0, program.fd, 0, 0))
    if code:
        where = f"{program.name} to {function}" if function else program.name
        hint = _UNPREPARED if code == errno.EBUSY else ""
        raise failure(f"cannot attach {where} by {method}", code, hint=hint)
    return Attachment(method, [fd])


_UNPREPARED: Final = "a function that is inline elsewhere is not prepared for tracing"


def attach_raw_tracepoint(program: Program, event: str) -> Attachment:
    """Attach a program of type RAW_TRACEPOINT to an event by its name. Raises LoadError."""
    name = c.create_string_buffer(event.encode())
    attributes = request("QIIQ", address_of(name), program.fd, 0, 0)
    fd, code = bpf(Command.RAW_TRACEPOINT_OPEN, attributes)
    if code:
        hint = "no such tracepoint" if code == errno.ENOENT else ""
        raise failure(f"cannot attach {program.name} to raw tracepoint {event}", code, hint=hint)
    return Attachment("raw_tracepoint", [fd])


def _join_event(program: Program, event_fd: int, cookie: int) -> tuple[int, int]:
    """Make an open perf event run the program: the descriptor that holds it, and errno."""
    fd, code = bpf(
        Command.LINK_CREATE,
        request("IIIIQ", program.fd, event_fd, AttachKind.PERF_EVENT, 0, cookie),
    )
    if not code:
        fcntl.ioctl(event_fd, _ENABLE, 0)
        close_fd(event_fd)  # the link holds the event
        return fd, 0
    if code != errno.EINVAL or cookie:
        return -1, code
    try:  # before kernel 5.15 there are no links for perf events
        fcntl.ioctl(event_fd, _SET_BPF, program.fd)
        fcntl.ioctl(event_fd, _ENABLE, 0)
    except OSError as error:
        return -1, error.errno or errno.EINVAL
    return event_fd, 0


def attach_tracepoint(program: Program, event_id: int, cookie: int = 0) -> Attachment:
    """Attach a program of type TRACEPOINT to the event with this id (tracefs).

    A cookie needs kernel 5.15. Raises LoadError or PermissionDeniedError.
    """
    event = open_perf_event(_PERF_TYPE_TRACEPOINT, event_id)
    return attach_event(program, "tracepoint", event, cookie)


def attach_event(
    program: Program,
    method: str,
    event: tuple[int, int],
    cookie: int = 0,
    *,
    place: str = "",
    hints: Mapping[int, str] = NO_HINTS,
) -> Attachment:
    """Make a perf event run the program; `event` is what open_perf_event() returned.

    `hints` explain, by errno, why the event could not be opened. Raises as attach_tracepoint().
    """
    what = f"cannot attach {program.name} by {method}" + (f" to {place}" if place else "")
    event_fd, code = event
    if code:
        raise failure(what, code, hint=hints.get(code, ""))
    fd, code = _join_event(program, event_fd, cookie)
    if code:
        close_fd(event_fd)
        raise failure(what, code, hint=_JOIN_HINTS.get(code, ""))
    return Attachment(method, [fd])


_JOIN_HINTS: Final = {
    errno.E2BIG: "64 programs are there already, as many as the kernel takes (BPF_TRACE_MAX_PROGS)",
    errno.EACCES: "the program reads behind the end of the event's record",
}
_PROBE_HINTS: Final = {
    errno.ENOENT: "no such function, or a module's that is not loaded",
    errno.EADDRNOTAVAIL: "several functions have this name",
    errno.EINVAL: "the function cannot be probed",
    errno.EOPNOTSUPP: "the function cannot be probed",
    errno.EILSEQ: "the offset is inside of an instruction",
}


@functools.cache
def kprobe_pmu() -> int | None:
    """Number of the perf event type for kprobes, None when this kernel has no kprobes."""
    try:
        return int(_KPROBE_PMU.read_text())
    except OSError:
        return None


def attach_kprobe(
    program: Program, symbol: str, *, offset: int = 0, on_return: bool = False, cookie: int = 0
) -> Attachment:
    """Attach a program of type KPROBE to a function, at its start or return.

    A cookie needs kernel 5.15. Raises LoadError, PermissionDeniedError or UnsupportedKernelError.
    """
    kind = kprobe_pmu()
    if kind is None:
        raise UnsupportedKernelError(f"this kernel has no kprobes: {_KPROBE_PMU} is missing")
    name = c.create_string_buffer(symbol.encode())
    method = "kretprobe" if on_return else "kprobe"
    event = open_perf_event(kind, int(on_return), address_of(name), offset)
    return attach_event(program, method, event, cookie, place=symbol, hints=_PROBE_HINTS)


def words(values: Sequence[int]) -> c.Array[c.c_char]:
    """64-bit numbers for a request of bpf(2)."""
    return c.create_string_buffer(struct.pack(f"={len(values)}Q", *values))


def attach_kprobe_multi(
    program: Program,
    symbols: Sequence[str],
    *,
    on_return: bool = False,
    cookies: Sequence[int] = (),
    addresses: Sequence[int] = (),
) -> Attachment:
    """Attach a program loaded for KPROBE_MULTI to many functions at once (kernel 5.18).

    `cookies` and `addresses` have one for each symbol, or none; without addresses the kernel
    searches all of its symbols for the names. Raises LoadError or PermissionDeniedError.
    """
    for more in (cookies, addresses):
        if more and len(more) != len(symbols):
            raise ValueError(f"{len(symbols)} symbols have {len(more)} cookies or addresses")
    names = [c.create_string_buffer(symbol.encode()) for symbol in symbols]
    by_name = None if addresses else words([address_of(name) for name in names])
    by_address = words(addresses) if addresses else None
    given = words(cookies) if cookies else None
    attributes = request(
        "IIIIIIQQQ",
        program.fd,
        0,
        AttachKind.KPROBE_MULTI,
        0,
        _MULTI_RETURN if on_return else 0,
        len(symbols),
        address_of(by_name),
        address_of(by_address),
        address_of(given),
    )
    fd, code = bpf(Command.LINK_CREATE, attributes)
    if code:
        few = ", ".join(symbols[:3]) + (f" and {len(symbols) - 3} more" if symbols[3:] else "")
        hint = "a function that is not there, or cannot be traced" if code == errno.ESRCH else ""
        raise failure(f"cannot attach {program.name} by kprobe.multi to {few}", code, hint=hint)
    return Attachment("kretprobe.multi" if on_return else "kprobe.multi", [fd], len(symbols))
