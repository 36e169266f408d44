# SPDX-License-Identifier: Apache-2.0
"""Attachments: a program joined to places in the kernel until it is closed.

An attachment is one object, however many places and descriptors it has.
"""

from __future__ import annotations

import ctypes as c
import errno
import fcntl
import struct
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

from tetragon_core.errors import PermissionDeniedError
from tetragon_core.privileges import lacking

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
    "attach_raw_tracepoint",
    "attach_tracepoint",
    "attach_trampoline",
    "join",
    "words",
]

_PERF_TYPE_TRACEPOINT: Final = 2
_SET_BPF: Final = 0x40042408
_ENABLE: Final = 0x2400

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
    if code in {errno.EACCES, errno.EPERM} and (lacks := lacking(_PERF_FEATURES[method])):
        raise PermissionDeniedError(f"{what}: not permitted: {lacks}")
    if code:
        raise failure(what, code, hint=hints.get(code, ""))
    fd, code = _join_event(program, event_fd, cookie)
    if code:
        close_fd(event_fd)
        raise failure(what, code, hint=_JOIN_HINTS.get(code, ""))
    return Attachment(method, [fd])


_PERF_FEATURES: Final = {
    "tracepoint": "tracepoints",
    "kprobe": "kprobes",
    "kretprobe": "kprobes",
    "uprobe": "uprobes",
    "uretprobe": "uprobes",
}
"""What of FEATURES an attachment by a perf event is."""
_JOIN_HINTS: Final = {
    errno.E2BIG: "64 programs are there already, as many as the kernel takes (BPF_TRACE_MAX_PROGS)",
    errno.EACCES: "the program reads behind the end of the event's record",
}


def words(values: Sequence[int]) -> c.Array[c.c_char]:
    """64-bit numbers for a request of bpf(2)."""
    return c.create_string_buffer(struct.pack(f"={len(values)}Q", *values))
