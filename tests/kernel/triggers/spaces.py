# SPDX-License-Identifier: Apache-2.0
"""Actions in a pid namespace of their own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from kernel.system import unshare

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["entering_pid_namespace", "in_pid_namespace"]

_NEW_PID: Final = 0x2000_0000


def in_pid_namespace(action: Callable[[], object]) -> None:
    """Run `action` in a child that is the first process of a pid namespace."""
    unshare(_NEW_PID)
    os.waitpid(_start(action), 0)


def entering_pid_namespace(action: Callable[[], object]) -> None:
    """Run `action` in one that is not the first, and whose parent is outside."""
    unshare(_NEW_PID)
    reader, writer = os.pipe()

    def wait() -> None:
        os.close(writer)
        os.read(reader, 1)

    first = _start(wait)
    os.waitpid(_start(action), 0)
    os.close(writer)
    os.waitpid(first, 0)


def _start(action: Callable[[], object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        action()
    finally:
        os._exit(0)
