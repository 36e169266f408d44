# SPDX-License-Identifier: Apache-2.0
"""The export file: opened with the first event, rotated by size or on request. All calls may block.

The rules are Tetragon's, with these differences, each for safety: a backup never replaces an older
one, a file that others moved or removed is made anew at once, pipes and devices are not rotated,
and half a line is taken back.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .open_file import OpenFile, PartlyWrittenError, refuse_foreign_link
from .rotation import Naming
from .sink import SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .retention import Retention
    from .sink import ExportedEvent

__all__ = ["DEFAULT_MAX_MIB", "FileSink"]

_log = logging.getLogger(__name__)

DEFAULT_MAX_MIB: Final = 100
"""What a limit of 0 means."""
_MIB: Final = 1024 * 1024
_ADVICE: Final = {
    errno.ENOSPC: "make room on its file system",
    errno.EDQUOT: "raise the quota of its file system",
    errno.EROFS: "remount its file system for writing",
    errno.EACCES: "let root write there",
    errno.EPERM: "let root write there (chattr -a -i)",
    errno.EBUSY: "mount its directory, not the file alone",
    errno.ENXIO: "have something read the pipe",
    errno.ENOTDIR: "make its directory a directory",
    errno.EISDIR: "remove the directory of that name",
}


class FileSink:
    """One export file and its backups."""

    name = "file"
    refused = 0

    def __init__(  # one parameter for each option of the file
        self,
        path: Path,
        *,
        max_mib: int,
        mode: int,
        retention: Retention,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """`now_ns` since the epoch, for names."""
        self.retention = retention
        self.mode = mode
        self.max_mib = max_mib
        self._path = path
        self._now_ns = now_ns
        self._file: OpenFile | None = None
        self._owner: tuple[int, int] | None = None

    @property
    def max_bytes(self) -> int:
        """The size no file exceeds."""
        return (self.max_mib or DEFAULT_MAX_MIB) * _MIB

    @property
    def max_line_bytes(self) -> int:
        """A file has room for the line end as well."""
        return self.max_bytes - 1

    def write(self, batch: Sequence[ExportedEvent]) -> None:
        """Append all of `batch`, rotating in between as often as the size demands.

        Raises SinkError; nothing of an event that it does not count as written is in a file.
        """
        written = 0
        try:
            while written < len(batch):
                file, room = self._file_for(len(batch[written].line) + 1)
                lines = _fitting(batch, written, room)
                file.append(lines)
                written += len(lines)
        except PartlyWrittenError as error:
            raise self._failed(error.cause, written + error.lines) from error
        except OSError as error:
            raise self._failed(error, written) from error
        except SinkError as error:
            self._close_file()
            raise SinkError(str(error), written) from error

    def rotate(self) -> None:
        """Begin a new file now, even if the current one is empty; raises SinkError."""
        _log.info("the export file is rotated", extra={"attrs": {"file": str(self._path)}})
        try:
            file = self._file_at_path()
            if file is None or file.is_regular:
                self._rotate()
        except OSError as error:
            raise self._failed(error, 0) from error

    def close(self) -> None:
        """Close the file; backups that are not compressed yet are left to the next run."""
        self._close_file()

    def _file_for(self, line_bytes: int) -> tuple[OpenFile, int]:
        """The file that takes a line of this length, and how much more than that it may take."""
        is_open = self._file_at_path() is not None
        file = self._file if self._file is not None else self._open()
        if not file.is_regular:
            return file, self.max_bytes
        size = file.size
        # Bounds as in Tetragon: a file that is found may not even become full.
        is_over = size + line_bytes > self.max_bytes - (0 if is_open else 1)
        if size and is_over:
            file, size = self._rotate(), 0
        return file, max(self.max_bytes - size, line_bytes)

    def _file_at_path(self) -> OpenFile | None:
        """The open file, if it is still the one of that name."""
        if self._file is not None and not self._file.is_at(self._path):
            _log.info(
                "the export file was moved or removed; a new one is begun",
                extra={"attrs": {"file": str(self._path)}},
            )
            self._close_file()
        return self._file

    def _open(self) -> OpenFile:
        self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._file = OpenFile(self._path, self.mode, self._owner)
        self._owner = None
        self.retention.request(self._naming())
        return self._file

    def _rotate(self) -> OpenFile:
        """Move the file out of the way, if there is one; the new one gets its owner."""
        self._close_file()
        refuse_foreign_link(self._path)
        # Through a link it is the file behind it that grows, so that one moves.
        real = Path(os.path.realpath(self._path))
        if real.exists():
            status = real.stat()
            real.rename(self._naming().fresh(self._now_ns()))
            self._owner = (status.st_uid, status.st_gid)
        return self._open()

    def _naming(self) -> Naming:
        return Naming(Path(os.path.realpath(self._path)))

    def _failed(self, error: OSError, written: int) -> SinkError:
        """What to tell, after which all starts over with opening the file."""
        self._close_file()
        advice = _ADVICE.get(error.errno or 0, "choose another export-filename")
        return SinkError(f"cannot write {self._path}: {error.strerror}; {advice}", written)

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                _log.warning(
                    "the end of the export file may be missing",
                    extra={"attrs": {"file": str(self._path), "error": error.strerror}},
                )


def _fitting(batch: Sequence[ExportedEvent], first: int, room: int) -> list[bytes]:
    """Lines from `first` on that fit into `room` bytes; at least one."""
    lines: list[bytes] = []
    for event in batch[first:]:
        room -= len(event.line) + 1
        if room < 0 and lines:
            break
        lines.append(event.line)
    return lines
