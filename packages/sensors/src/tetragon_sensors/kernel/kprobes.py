# SPDX-License-Identifier: Apache-2.0
"""Attachments to functions of the kernel by kprobes and kretprobes, one or many at once."""

from __future__ import annotations

import ctypes as c
import errno
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UnsupportedKernelError

from ._ffi import address_of
from .attachments import Attachment, attach_event, words
from .calls import AttachKind, Command, bpf, failure, open_perf_event, request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .programs import Program

__all__ = ["attach_kprobe", "attach_kprobe_multi"]

_KPROBE_PMU: Final = Path("/sys/bus/event_source/devices/kprobe/type")
_MULTI_RETURN: Final = 1
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
