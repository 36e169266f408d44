# SPDX-License-Identifier: Apache-2.0
"""A child process that has some capabilities and no others."""

from __future__ import annotations

import ctypes
import os
import struct
import traceback
from typing import TYPE_CHECKING, Final

from kernel.system import set_process_option
from tetragon_core.errors import TetragonError
from tetragon_core.policy.task_names import capability_bit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["NOBODY", "mask_of", "outcome"]

NOBODY: Final = 65534
_KEEP_CAPABILITIES: Final = 8
_DUMPABLE: Final = 4
"""Options of prctl(2). Who changes its user may not look into its own /proc else."""
_CAPSET: Final = {"x86_64": 126}.get(os.uname().machine, 91)
"""Number of the system call; that of the generic table."""
_VERSION_3: Final = 0x2008_0522
_HALF: Final = 0xFFFF_FFFF
_MOST: Final = 4096
"""Bytes of an outcome."""
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def mask_of(capabilities: Iterable[str]) -> int:
    """As a number."""
    return sum(1 << capability_bit(name) for name in capabilities)


def outcome(
    capabilities: Iterable[str],
    action: Callable[[], object],
    *,
    user: int = 0,
    prepare: Callable[[], object] | None = None,
) -> str:
    """What the action's error says in one child process; empty when there was none.

    `prepare` runs before the capabilities are given up. An error that is none of the product's is
    told with its traceback.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        told = _error_of(mask_of(capabilities), user, action, prepare or (lambda: None))
        os.write(writing, told.encode()[:_MOST])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    assert status == 0
    return text


def _error_of(
    mask: int, user: int, action: Callable[[], object], prepare: Callable[[], object]
) -> str:
    try:
        prepare()
        _give_up(mask, user)
        action()
    except TetragonError as error:
        return str(error) or repr(error)
    except BaseException:  # noqa: BLE001  # this copy of the test run must end here
        return traceback.format_exc()
    return ""


def _give_up(mask: int, user: int) -> None:
    if user:
        set_process_option(_KEEP_CAPABILITIES, 1)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    halves = (mask & _HALF, mask >> 32)
    header = struct.pack("=Ii", _VERSION_3, 0)
    sets = b"".join(struct.pack("=III", half, half, 0) for half in halves)
    if _LIBC.syscall(_CAPSET, header, sets):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "capset")
    set_process_option(_DUMPABLE, 1)
