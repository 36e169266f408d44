# SPDX-License-Identifier: Apache-2.0
"""inotify(7), which Python's library lacks. Three calls of the C library and the layout of events.

What to watch is not known here.
"""

from __future__ import annotations

import ctypes
import os
import struct
from enum import IntFlag
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Inotify", "InotifyEvent", "Mask"]

_HEADER: Final = struct.Struct("iIII")
"""struct inotify_event without the name: watch, mask, cookie, length of the name."""
_READ_BYTES: Final = 64 * 1024


class Mask(IntFlag):
    """Bits of linux/inotify.h."""

    CLOSE_WRITE = 0x8
    MOVED_FROM = 0x40
    MOVED_TO = 0x80
    CREATE = 0x100
    DELETE = 0x200
    DELETE_SELF = 0x400
    MOVE_SELF = 0x800
    IGNORED = 0x8000
    """The watch is gone."""
    Q_OVERFLOW = 0x4000
    """Events were lost."""
    ONLYDIR = 0x1000000


class InotifyEvent(NamedTuple):
    """Something happened in a watched directory."""

    watch: int
    mask: int
    name: str


class Inotify:
    """One instance; `fileno()` is readable while there are events."""

    def __init__(self) -> None:
        """Raises OSError when the user has too many instances (fs.inotify.max_user_instances)."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify")

    def fileno(self) -> int:
        """The descriptor."""
        return self._fd

    def add(self, directory: Path, mask: Mask) -> int:
        """Watch a directory; return the watch's number. Raises OSError."""
        path = os.fsencode(directory)
        return self._checked(self._libc.inotify_add_watch(self._fd, path, int(mask)), directory)

    def remove(self, watch: int) -> None:
        """End a watch; one that has ended already is no error."""
        self._libc.inotify_rm_watch(self._fd, watch)

    def read(self) -> Iterator[InotifyEvent]:
        """Events that are there now."""
        while True:
            try:
                data = os.read(self._fd, _READ_BYTES)
            except BlockingIOError:
                return
            position = 0
            while position < len(data):
                watch, mask, _, length = _HEADER.unpack_from(data, position)
                position += _HEADER.size + length
                name = data[position - length : position].rstrip(b"\0")
                yield InotifyEvent(watch, mask, os.fsdecode(name))

    def close(self) -> None:
        """End all watches."""
        os.close(self._fd)

    @staticmethod
    def _checked(result: int, what: Path | str) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(what))
        return result
