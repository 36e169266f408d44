# SPDX-License-Identifier: Apache-2.0
"""The filter `pid_set`: processes and their descendants, found by following parents as events come.

A process id that was taken in is never given up, so one that is used again is a false match. It is
told of every event that has a process, whatever else its filter demands: otherwise a filter that
wants, say, only exits would never learn of a grandchild.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .subject import Subject

__all__ = ["PidSet"]

_MAX_REMEMBERED: Final = 256 * 1024
"""Some 20 MB; a kernel gives out 4 million process ids at most."""

_log = logging.getLogger(__name__)


class PidSet:
    """State of one filter."""

    __slots__ = ("_is_member", "_pids")

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = set(pids)
        self._is_member = False

    def observe(self, subject: Subject) -> None:
        """Look at an event, before anything is decided about it."""
        self._is_member = self._belongs(subject)

    def matches(self, _: Subject) -> bool:
        """Is the process of the event that was observed last one of them?"""
        return self._is_member

    def _belongs(self, subject: Subject) -> bool:
        process = subject.process
        if process is None:
            return False
        pid = process.pid.value
        if pid in self._pids:
            return True
        parent = subject.parent
        if parent is None or parent.pid.value not in self._pids:
            return False
        if len(self._pids) < _MAX_REMEMBERED:
            self._pids.add(pid)
            if len(self._pids) == _MAX_REMEMBERED:
                _log.warning("a filter pid_set is full: it misses descendants from now on")
        return True
