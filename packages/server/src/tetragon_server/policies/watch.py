# SPDX-License-Identifier: Apache-2.0
"""Tells when a directory's content may have changed, also while the directory does not exist.

What has changed is for the listener to find out: an event only says that it is time to look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from .inotify import Inotify, Mask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .inotify import InotifyEvent

__all__ = ["SETTLE_S", "DirectoryWatch"]

_log = logging.getLogger(__name__)

SETTLE_S: Final = 0.1
"""Quiet for so long, a change is over: editors write, rename and delete in quick succession."""
_LONGEST_S: Final = 1.0
"""A directory that is never quiet is looked at all the same."""

# A file that is only created is not worth a look: it is closed later. One that is linked is.
_CONTENT: Final = (
    Mask.CLOSE_WRITE | Mask.CREATE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.DELETE | Mask.ONLYDIR
)
_NAMES: Final = Mask.CREATE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.DELETE | Mask.ONLYDIR
_SELF: Final = Mask.DELETE_SELF | Mask.MOVE_SELF


class DirectoryWatch:
    """Watches the directory, and its nearest existing parent for the name that leads to it."""

    def __init__(
        self, directory: Path, changed: Callable[[], None], settle_s: float = SETTLE_S
    ) -> None:
        """Watches from now on; calls `changed` in the running loop. Raises OSError."""
        self._directory = directory
        self._changed = changed
        self._settle_s = settle_s
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._first_s = 0.0
        self._content = -1
        self._anchor = -1
        self._awaited = ""
        self._inotify = Inotify()
        try:
            self._arm()
        except OSError:
            self._inotify.close()
            raise
        self._loop.add_reader(self._inotify.fileno(), self._on_readable)

    def close(self) -> None:
        """Watch no more."""
        self._loop.remove_reader(self._inotify.fileno())
        if self._timer is not None:
            self._timer.cancel()
        self._inotify.close()

    def _arm(self) -> None:
        """Watch what there is now. Raises OSError."""
        for old in (self._content, self._anchor):
            if old >= 0:
                self._inotify.remove(old)
        self._content = self._anchor = -1
        anchor = None
        # Again until nothing came or went between looking and watching.
        while anchor != (anchor := _nearest(self._directory)):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                self._anchor = self._inotify.add(anchor, _NAMES | _SELF)
        self._awaited = self._directory.relative_to(anchor).parts[0]
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            self._content = self._inotify.add(self._directory, _CONTENT | _SELF)

    def _on_readable(self) -> None:
        events = list(self._inotify.read())
        if any(map(self._moves_the_directory, events)):
            try:
                self._arm()
            except OSError as error:
                _log.error("a directory is watched no more", extra={"attrs": {"error": error}})
        elif not any(one.watch == self._content or one.mask & Mask.Q_OVERFLOW for one in events):
            return
        self._settle()

    def _moves_the_directory(self, event: InotifyEvent) -> bool:
        if event.watch == self._content:
            return bool(event.mask & (_SELF | Mask.IGNORED))
        if event.watch == self._anchor:
            return event.name == self._awaited or bool(event.mask & (_SELF | Mask.IGNORED))
        return bool(event.mask & Mask.Q_OVERFLOW)

    def _settle(self) -> None:
        now_s = self._loop.time()
        if self._timer is None:
            self._first_s = now_s
        else:
            self._timer.cancel()
        when_s = min(now_s + self._settle_s, self._first_s + _LONGEST_S)
        self._timer = self._loop.call_at(when_s, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._changed()


def _nearest(directory: Path) -> Path:
    """The nearest existing directory above."""
    return next(parent for parent in directory.parents if parent.is_dir())
