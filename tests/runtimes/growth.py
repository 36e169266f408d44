# SPDX-License-Identifier: Apache-2.0
"""When each line of a growing file was there, to some milliseconds."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Growth"]

_EVERY_S: Final = 0.005


class Growth:
    """Watches one file from now on, in a thread, until stop()."""

    def __init__(self, path: Path) -> None:
        """The file is there already."""
        self._path = path
        self._sizes = [0]
        self._times = [0.0]
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._is_over.set()
        self._thread.join()

    def lines(self) -> Iterator[tuple[float, bytes]]:
        """Time since the epoch in seconds, and line."""
        end = 0
        for line in self._path.read_bytes().splitlines(keepends=True):
            end += len(line)
            place = bisect_left(self._sizes, end)
            if place < len(self._times):
                yield self._times[place], line

    def _watch(self) -> None:
        while not self._is_over.wait(_EVERY_S):
            size = self._path.stat().st_size
            if size != self._sizes[-1]:
                self._sizes.append(size)
                self._times.append(time.time())
