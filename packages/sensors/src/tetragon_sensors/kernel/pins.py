# SPDX-License-Identifier: Apache-2.0
"""Pins: names in a BPF file system that keep a map or a link although no process has it open.

A link that is pinned stays attached until its name is removed. A BPF file system takes no name that
has a dot in it, and directories can be renamed in it.
"""

from __future__ import annotations

import ctypes as c
import errno
import os
import struct
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import LoadError
from tetragon_core.privileges import ADMIN, Held

from ._ffi import address_of
from .calls import Command, bpf, failure, object_info, request
from .maps import Map, MapFlag, MapKind, MapSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["BPFFS", "is_bpffs", "mount_bpffs", "open_pinned_map", "pin", "unpin_links"]

BPFFS: Final = Path("/sys/fs/bpf")
_MAGIC: Final = 0xCAFE4A11
"""BPF_FS_MAGIC of include/uapi/linux/magic.h."""
_STATFS_BYTES: Final = 256
_MAP_INFO: Final = struct.Struct("=IIIIII16s")
_LINK_INFO: Final = struct.Struct("=III")
_DETACHED_S: Final = 5.0
_FREED_S: Final = 0.05
_UNSEEN_S: Final = 0.2
_PAUSE_S: Final = 0.002
_KNOWN: Final = frozenset({MapKind.ARRAY, MapKind.HASH, MapKind.LRU_HASH, MapKind.RINGBUF})
_MOUNT_FLAGS: Final = 1 << 1 | 1 << 2 | 1 << 3  # MS_NOSUID, MS_NODEV, MS_NOEXEC


def is_bpffs(path: Path) -> bool:
    """Whether `path` is in a BPF file system; False for what is not there."""
    buffer = c.create_string_buffer(_STATFS_BYTES)
    if _libc_call("statfs", os.fsencode(path), buffer):
        return False
    return int(struct.unpack_from("=q", buffer)[0]) & 0xFFFFFFFF == _MAGIC


def mount_bpffs(path: Path = BPFFS) -> None:
    """Mount a BPF file system for root alone, unless there is one.

    Raises LoadError or PermissionDeniedError with the reason.
    """
    if is_bpffs(path):
        return
    code = _libc_call("mount", b"bpf", os.fsencode(path), b"bpf", _MOUNT_FLAGS, b"mode=0700")
    if code:
        raise failure(f"cannot mount a BPF file system at {path}", code, of="bpffs")


def _libc_call(name: str, *arguments: bytes | int | c.Array[c.c_char]) -> int:
    """Errno of a function of the C library; 0 when it succeeds."""
    library = c.CDLL(None, use_errno=True)
    function: Callable[..., int] = getattr(library, name)
    words = [c.c_ulong(each) if isinstance(each, int) else each for each in arguments]
    return c.get_errno() if function(*words) else 0


def pin(fd: int, path: Path) -> bool:
    """Give a map or link a name; False for a descriptor that is neither, as a perf event's.

    Raises LoadError, as for a name that is taken.
    """
    name = c.create_string_buffer(os.fsencode(path))
    _, code = bpf(Command.OBJ_PIN, request("QII", address_of(name), fd, 0))
    if code == errno.EINVAL and object_info(fd, _MAP_INFO.size) is None:
        return False
    if code:
        raise failure(f"cannot pin {path}", code)
    return True


def _open_pinned(path: Path) -> int:
    """A descriptor of what is pinned there, which is the caller's to close. Raises LoadError."""
    name = c.create_string_buffer(os.fsencode(path))
    fd, code = bpf(Command.OBJ_GET, request("QII", address_of(name), 0, 0))
    if code:
        raise failure(f"cannot open {path}", code)
    return fd


def open_pinned_map(path: Path) -> Map:
    """The map that is pinned there. Raises LoadError, also when it is something else."""
    fd = _open_pinned(path)
    info = object_info(fd, _MAP_INFO.size)
    kind, _, key_bytes, value_bytes, entries, flags, name = _MAP_INFO.unpack(info or bytes(40))
    if kind not in _KNOWN or not entries:
        os.close(fd)
        raise LoadError(f"{path} is no map that is known here")
    spec = MapSpec(
        kind=MapKind(kind),
        key_bytes=key_bytes,
        value_bytes=value_bytes,
        max_entries=entries,
        name=name.rstrip(b"\0").decode(errors="replace"),
        flags=MapFlag(flags),
    )
    return Map(fd, spec)


def unpin_links(paths: Iterable[Path]) -> None:
    """Remove the names of links; those that nobody has open are detached when this returns.

    The kernel lets go of what was pinned some time after the name is gone (bpf_free_inode() runs
    after an RCU grace period, and leaves the rest to a work queue). A link gives its number back
    just before it is detached, its program afterwards; but that the caller may have open.
    """
    links, programs = [], []
    for path in paths:
        try:
            fd = _open_pinned(path)
        except LoadError:  # no BPF object, or gone
            path.unlink(missing_ok=True)
            continue
        info = object_info(fd, _LINK_INFO.size)
        os.close(fd)
        path.unlink(missing_ok=True)
        if info is not None:
            _, link, program = _LINK_INFO.unpack(info)
            links.append(link)
            programs.append(program)
    _await_end(Command.LINK_GET_FD_BY_ID, links, _DETACHED_S)
    _await_end(Command.PROG_GET_FD_BY_ID, programs, _FREED_S)


def _await_end(command: Command, numbers: list[int], limit_s: float) -> None:
    """Return when the kernel has none of these any more, or after so long.

    To ask for a number needs CAP_SYS_ADMIN: without it they are given a little time.
    """
    may_ask = Held.here().has(ADMIN)
    deadline, pause = time.monotonic() + (limit_s if may_ask else _UNSEEN_S), threading.Event()
    while any(_has(command, number) for number in numbers) and time.monotonic() < deadline:
        pause.wait(_PAUSE_S)


def _has(command: Command, number: int) -> bool:
    fd, code = bpf(command, request("III", number, 0, 0))
    if not code:
        os.close(fd)
    return code != errno.ENOENT
