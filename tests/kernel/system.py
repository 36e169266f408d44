# SPDX-License-Identifier: Apache-2.0
"""System calls that Python 3.11 does not offer. Each raises OSError."""

from __future__ import annotations

import ctypes
import os
from typing import Final

__all__ = [
    "CLONE_NEWNS",
    "MS_BIND",
    "MS_NOSUID",
    "MS_REMOUNT",
    "PR_SET_NO_NEW_PRIVS",
    "mount",
    "private_mounts",
    "set_process_option",
    "unshare",
]

CLONE_NEWNS: Final = 0x0002_0000
MS_NOSUID: Final = 2
MS_REMOUNT: Final = 32
MS_BIND: Final = 4096
_MS_REC: Final = 16384
_MS_PRIVATE: Final = 1 << 18
PR_SET_NO_NEW_PRIVS: Final = 38

_libc: Final = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def unshare(flags: int) -> None:
    """Give this process namespaces of its own."""
    _check(_libc.unshare(flags))


def mount(source: object, target: object, kind: str, flags: int = 0, options: str = "") -> None:
    """Attach a file system at `target`."""
    texts = [str(text).encode() for text in (source, target, kind)]
    _check(_libc.mount(*texts, ctypes.c_ulong(flags), options.encode()))


def private_mounts() -> None:
    """Mounts made from now on are seen by this process and its children only."""
    unshare(CLONE_NEWNS)
    mount("none", "/", "none", _MS_REC | _MS_PRIVATE)


def set_process_option(option: int, value: int) -> None:
    """prctl(2) with one argument."""
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))
