# SPDX-License-Identifier: Apache-2.0
"""The copy of the agent's log in a file, which may be moved away, or be on a disk that is full or
hangs. A thread of its own writes it, so that nothing else ever waits for that disk.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Final

from tetragon_core.errors import UsageError

__all__ = ["open_log_file"]

_MAX_LINES: Final = 10_000
"""That wait for the file."""
_END_S: Final = 0.3
"""What waits at the end has so much time."""
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY


class _File:
    """Opened anew when it is not at its path any more. All calls may block."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._path = path
        self._open()

    def _open(self) -> None:
        # Without O_NONBLOCK a pipe that nobody reads would hold the start for ever.
        self._descriptor = os.open(self._path, _FLAGS | os.O_NONBLOCK, 0o666)
        os.set_blocking(self._descriptor, True)

    def write(self, line: str) -> None:
        """Append `line`, or raise OSError."""
        if not self._is_at_path():
            before = self._descriptor
            self._open()
            os.close(before)
        os.write(self._descriptor, f"{line}\n".encode(errors="backslashreplace"))

    def _is_at_path(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


class _LogFile(logging.Handler):
    """Lines that are missing in the file are on standard error, and counted where it goes on."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        super().__init__()
        self._path = path
        self._file = _File(path)
        self._lines: deque[str] = deque()
        self._missing = 0
        self._is_told = False
        self._closing = False
        self._changed = threading.Condition()
        # A daemon: a write that never returns must not keep the agent from ending.
        threading.Thread(target=self._run, name="log-file", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the line; never waits for the file."""
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001  # as logging's own handlers, which tell it with its place
            self.handleError(record)
            return
        with self._changed:
            if len(self._lines) < _MAX_LINES:
                self._lines.append(line)
                self._changed.notify_all()
            else:
                self._miss()

    def flush(self) -> None:
        """Wait until all is written, but not for long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._lines, _END_S)

    def close(self) -> None:
        """Write no more than what waits."""
        self.flush()
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        super().close()

    def _run(self) -> None:
        while line := self._next():
            self._write(line)
            with self._changed:
                self._lines.popleft()
                self._changed.notify_all()
        self._file.close()

    def _next(self) -> str:
        """The oldest line, which stays queued until it is written; empty when there are no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._closing)
            return self._lines[0] if self._lines else ""

    def _write(self, line: str) -> None:
        try:
            if missing := self._missing:
                self._file.write(self._note(missing))
                with self._changed:
                    self._missing -= missing
                    self._is_told = False
            self._file.write(line)
        except OSError:
            self._miss()

    def _note(self, missing: int) -> str:
        values = {"msg": "lines of the log are missing here", "levelno": logging.WARNING}
        return self.format(logging.makeLogRecord(values | {"attrs": {"lines": missing}}))

    def _miss(self) -> None:
        """Count a line; tell of the first."""
        with self._changed:
            self._missing += 1
            was_told, self._is_told = self._is_told, True
        if not was_told:
            message = f'level=warn msg="the log file cannot be written" log-file={self._path}'
            sys.stderr.write(f"{message}\n")


def open_log_file(path: str) -> logging.Handler:
    """A handler that appends to `path`. Raises UsageError when it cannot be opened."""
    try:
        return _LogFile(Path(path).absolute())
    except OSError as error:
        raise UsageError(f"cannot write log-file {path}: {error.strerror}") from error
