# SPDX-License-Identifier: Apache-2.0
"""Two folders change places at one moment, so that there is one under either name at any time."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["exchange"]

_RENAME_EXCHANGE: Final = 2
_AT_FDCWD: Final = -100
_NOT_POSSIBLE: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})
"""File systems that cannot (NFS), by rename(2)."""


def exchange(one: Path, other: Path) -> None:
    """renameat2(2); else one after the other. Raises OSError; then both are as before."""
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if library.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return
    error = ctypes.get_errno()
    if error not in _NOT_POSSIBLE:
        raise OSError(error, os.strerror(error), str(other))
    _in_turn(one, other)


def _in_turn(one: Path, other: Path) -> None:
    aside = other.with_name(f"{other.name}-aside")
    other.rename(aside)
    try:
        one.rename(other)
    except OSError:
        aside.rename(other)
        raise
    aside.rename(one)
