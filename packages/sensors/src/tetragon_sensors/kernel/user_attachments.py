# SPDX-License-Identifier: Apache-2.0
"""Attachments to places in executables and libraries: uprobes and uretprobes.

The kernel puts a breakpoint into every process that has the file mapped, or maps it later; it
holds the file (its inode) until the attachment is closed. A path may be /proc/self/fd/N, so that
the file attached to is one that the caller has open and has looked at.
"""

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

__all__ = ["attach_uprobe", "attach_uprobe_multi"]

_UPROBE_PMU: Final = Path("/sys/bus/event_source/devices/uprobe/type")
_REF_CTR_SHIFT: Final = 32
"""The upper half of perf_event_attr.config is ref_ctr_offset (the PMU's format/ref_ctr_offset)."""
_MULTI_RETURN: Final = 1
_HINTS: Final = {
    errno.ENOENT: "no such file",
    errno.EINVAL: "no regular file, an offset behind its end, or a reference counter offset "
    "other than the one a probe at that place has",
    errno.EIO: "a file system that cannot have probes, or no instruction can be read there",
    errno.EOPNOTSUPP: "the instruction there cannot be probed",
    524: "the instruction there cannot be probed",  # ENOTSUPP, no errno of user space
    errno.ENOEXEC: "the instruction there cannot be probed",
}


@functools.cache
def _uprobe_pmu() -> int:
    try:
        return int(_UPROBE_PMU.read_text())
    except OSError as error:
        raise UnsupportedKernelError(
            f"this kernel has no uprobes: {_UPROBE_PMU} is missing"
        ) from error


def attach_uprobe(
    program: Program,
    path: str,
    offset: int,
    *,
    on_return: bool = False,
    ref_ctr_offset: int = 0,
    cookie: int = 0,
    pid: int = -1,
    shown: str = "",
) -> Attachment:
    """Attach a program of type KPROBE to the instruction at an offset of a file.

    With `on_return` it runs when the function that starts there returns. The 16-bit counter at
    file offset `ref_ctr_offset` is incremented in each process while the probe is there (the
    semaphore of a USDT probe). `pid` -1 stands for every process. A cookie needs kernel 5.15.
    Errors name the place as `shown`.
    Raises LoadError, PermissionDeniedError or UnsupportedKernelError.
    """
    name = c.create_string_buffer(path.encode())
    config = int(on_return) | ref_ctr_offset << _REF_CTR_SHIFT
    event = open_perf_event(_uprobe_pmu(), config, address_of(name), offset, pid=pid)
    method = "uretprobe" if on_return else "uprobe"
    place = shown or f"{path}+{offset:#x}"
    return attach_event(program, method, event, cookie, place=place, hints=_HINTS)


def attach_uprobe_multi(
    program: Program,
    path: str,
    offsets: Sequence[int],
    *,
    on_return: bool = False,
    ref_ctr_offsets: Sequence[int] = (),
    cookies: Sequence[int] = (),
    pid: int = 0,
    shown: str = "",
) -> Attachment:
    """Attach a program loaded for UPROBE_MULTI to many places of one file at once (kernel 6.6).

    `ref_ctr_offsets` and `cookies` have one for each offset, or none; `pid` 0 stands for every
    process. Errors name the file as `shown`. Raises LoadError or PermissionDeniedError.
    """
    for more in (ref_ctr_offsets, cookies):
        if more and len(more) != len(offsets):
            raise ValueError(f"{len(offsets)} offsets have {len(more)} counters or cookies")
    name = c.create_string_buffer(path.encode())
    places = words(offsets)
    counters = words(ref_ctr_offsets) if any(ref_ctr_offsets) else None
    given = words(cookies) if cookies else None
    attributes = request(
        "IIIIQQQQIIII",
        program.fd,
        0,
        AttachKind.UPROBE_MULTI,
        0,
        address_of(name),
        address_of(places),
        address_of(counters),
        address_of(given),
        len(offsets),
        _MULTI_RETURN if on_return else 0,
        pid,
        0,
    )
    fd, code = bpf(Command.LINK_CREATE, attributes)
    method = "uretprobe.multi" if on_return else "uprobe.multi"
    if code:
        what = (
            f"cannot attach {program.name} by {method} to {len(offsets)} places of {shown or path}"
        )
        raise failure(what, code, hint=_HINTS.get(code, ""))
    return Attachment(method, [fd], len(offsets))
