# SPDX-License-Identifier: Apache-2.0
"""The audit log's file: whole lines or none, on a disk that may be full, and must be waited for by
nobody else. A thread of its own writes it. What the lines say is not known here.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from typing import Final

from tetragon_core.errors import UsageError

__all__ = ["AuditFile"]

_log = logging.getLogger(__name__)

_MAX_LINES: Final = 10_000
"""That wait for the file."""
_END_S: Final = 0.3
"""What waits at the end has so much time."""
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_MODE: Final = 0o600


class AuditFile:
    """One file, opened at once and only appended to."""

    def __init__(self, path: str) -> None:
        """UsageError when it cannot be opened."""
        self._path = path
        self.lost = 0
        """Lines that are not in the file."""
        self._is_failing = False
        self._lines: deque[bytes] = deque()
        self._has_moved = False
        self._closing = False
        self._changed = threading.Condition()
        try:
            self._descriptor = os.open(path, _FLAGS, _MODE)
        except OSError as error:
            raise UsageError(
                f"cannot open audit log {path}: {error.strerror}; name a file that can be written"
            ) from error
        # A daemon: a write that never returns must not keep the agent from ending.
        threading.Thread(target=self._run, name="audit-log", daemon=True).start()

    def append(self, line: bytes) -> None:
        """Queue a line, with its end; never waits."""
        with self._changed:
            if len(self._lines) < _MAX_LINES:
                self._lines.append(line)
                self._changed.notify_all()
            else:
                self.lost += 1

    def reopen(self) -> None:
        """Use the file that is at the path now from the next line on; never waits."""
        with self._changed:
            self._has_moved = True
            self._changed.notify_all()

    def close(self) -> None:
        """Write what waits, but not for long; what is left then is lost."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines, _END_S)
            left = len(self._lines)
            self.lost += left
            self._closing = True
            self._changed.notify_all()
        if left:
            self._tell(f"{left} lines are lost; the agent ends")

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._has_moved or self._closing)
                has_moved, self._has_moved = self._has_moved, False
                line = self._lines[0] if self._lines else b""
            if has_moved:
                self._open_anew()
            if line:
                self._write(line)
                with self._changed:
                    self._lines.popleft()
                    self._changed.notify_all()
            elif self._closing:
                break
        os.close(self._descriptor)

    def _open_anew(self) -> None:
        try:
            fresh = os.open(self._path, _FLAGS, _MODE)
        except OSError as error:
            self._tell(f"{error.strerror}; the one before stays in use")
            return
        os.close(self._descriptor)
        self._descriptor = fresh

    def _write(self, line: bytes) -> None:
        try:
            size = os.fstat(self._descriptor).st_size
            if os.write(self._descriptor, line) == len(line):
                self._is_failing = False
                return
            reason = "no space left for the whole line"
            with contextlib.suppress(OSError):  # a device cannot be cut
                os.ftruncate(self._descriptor, size)
        except OSError as error:
            reason = error.strerror or str(error)
        self.lost += 1
        if not self._is_failing:
            self._is_failing = True
            self._tell(f"{reason}; make room")

    def _tell(self, reason: str) -> None:
        attrs = {"file": self._path, "error": reason}
        _log.error("the audit log cannot be written", extra={"attrs": attrs})
