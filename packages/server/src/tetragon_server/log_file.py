# SPDX-License-Identifier: Apache-2.0
"""The copy of the agent's log in a file, which may be moved away, or be on a full disk."""

from __future__ import annotations

import sys
from logging.handlers import WatchedFileHandler
from typing import TYPE_CHECKING

from tetragon_core.errors import UsageError

if TYPE_CHECKING:
    import logging

__all__ = ["open_log_file"]


class _LogFile(WatchedFileHandler):
    """Lines that cannot be written are told once, on standard error, where they all are anyway."""

    _is_told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Called instead of an exception."""
        if not self._is_told:
            self._is_told = True
            message = (
                f'level=warn msg="the log file cannot be written" log-file={self.baseFilename}'
            )
            sys.stderr.write(f"{message}\n")
        del record


def open_log_file(path: str) -> logging.Handler:
    """A handler that appends to `path`. Raises UsageError when it cannot be opened."""
    try:
        return _LogFile(path, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write log-file {path}: {error.strerror}") from error
