# SPDX-License-Identifier: Apache-2.0
"""An export file that is open: appends whole lines or none. When to open which file is not here."""

from __future__ import annotations

import os
import stat
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from .sink import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["OpenFile", "PartlyWrittenError"]

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
_ROOT: Final = 0


class PartlyWrittenError(Exception):
    """An append ended early; `lines` whole ones are in the file, and nothing of the others."""

    def __init__(self, lines: int, cause: OSError) -> None:
        super().__init__(str(cause))
        self.lines = lines
        self.cause = cause


class OpenFile:
    """A descriptor, and which file it is."""

    def __init__(self, path: Path, mode: int, owner: tuple[int, int] | None = None) -> None:
        """Open `path` for appending, or make it with `mode` and, if given, user and group.

        Raises OSError, and SinkError for a link that somebody else may have put there.
        """
        refuse_foreign_link(path)
        is_new = not path.exists()
        # Without O_NONBLOCK a pipe that nobody reads would hold the thread for ever.
        descriptor = os.open(path, _FLAGS | os.O_NONBLOCK, mode)
        try:
            os.set_blocking(descriptor, True)
            status = os.fstat(descriptor)
            if is_new and owner is not None:
                os.fchown(descriptor, *owner)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self._identity = (status.st_dev, status.st_ino)
        self.is_regular = stat.S_ISREG(status.st_mode)
        """False for pipes and devices such as /dev/stdout, which are neither rotated nor sized."""
        self.owner = (status.st_uid, status.st_gid)
        if self.is_regular and status.st_size and not _ends_with_line(path, status.st_size):
            # A kill -9 in the middle of a line must not spoil the next one. Cutting it off would
            # have programs that follow the file read all of it again.
            os.write(descriptor, b"\n")

    @property
    def size(self) -> int:
        """Bytes in the file now; others may have emptied it (logrotate's `copytruncate`)."""
        return os.fstat(self._descriptor).st_size if self.is_regular else 0

    def is_at(self, path: Path) -> bool:
        """False when `path` was moved or removed since, or is another file now."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def append(self, lines: Sequence[bytes]) -> None:
        """Write `lines`, each with its line end; raises PartlyWrittenError."""
        data = b"\n".join((*lines, b""))
        view = memoryview(data)
        done = 0
        try:
            while done < len(data):
                done += os.write(self._descriptor, view[done:])
        except OSError as error:
            ends = accumulate(len(line) + 1 for line in lines)
            whole = [end for end in ends if end <= done]
            self._take_back(done - (whole[-1] if whole else 0))
            raise PartlyWrittenError(len(whole), error) from error

    def _take_back(self, torn: int) -> None:
        """Cut off the part of a line that was written, unless somebody has written behind it."""
        if not torn or not self.is_regular:
            return
        end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        if self.size == end:
            os.ftruncate(self._descriptor, end - torn)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


def refuse_foreign_link(path: Path) -> None:
    """Raise SinkError for a link that belongs neither to root nor to the agent's own user.

    The agent writes with all rights: whoever may put a link here could choose the file.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(status.st_mode) and status.st_uid not in {_ROOT, os.geteuid()}:
        raise SinkError(
            f"{path} is a link of user {status.st_uid}, who could lead the agent anywhere:"
            " remove it, and let only root write to the directory"
        )


def _ends_with_line(path: Path, size: int) -> bool:
    with path.open("rb") as file:
        file.seek(size - 1)
        return file.read(1) == b"\n"
