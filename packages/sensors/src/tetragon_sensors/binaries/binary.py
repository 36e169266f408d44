# SPDX-License-Identifier: Apache-2.0
"""A file that probes are put into, held open: what was looked at is what is attached to."""

from __future__ import annotations

import errno
import os
import stat
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from tetragon_core.errors import TetragonError
from tetragon_core.privileges import lacking

from .digests import matching_digest
from .image import ElfError, ElfImage

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Binary"]


class Binary:
    """An executable or library; the file at `path` may be replaced meanwhile, this one stays."""

    def __init__(self, path: str) -> None:
        """Open it; it is closed when the object goes. Raises TetragonError."""
        self.path = str(Path(path).absolute())
        try:
            # to open a device may set it going; a FIFO put here meanwhile would be waited for
            self._check_regular(Path(self.path).stat())
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            lacks = lacking("files") if error.errno == errno.EACCES else ""
            reason = f"{error.strerror}: {lacks}" if lacks else error.strerror
            raise TetragonError(f"cannot open {self.path}: {reason}") from error
        weakref.finalize(self, os.close, descriptor)
        self._check_regular(os.fstat(descriptor))
        self._file = os.fdopen(descriptor, "rb", closefd=False)
        try:
            self.image = ElfImage(self._file)
        except ElfError as error:
            raise TetragonError(f"{self.path}: {error}") from error

    def _check_regular(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise TetragonError(f"{self.path} is no regular file")

    @property
    def link(self) -> str:
        """A path that leads to this very file, for this process and the kernel."""
        return f"/proc/self/fd/{self._file.fileno()}"

    @property
    def size(self) -> int:
        """In bytes, now."""
        return os.fstat(self._file.fileno()).st_size

    def has_digest(self, wanted: Iterable[str]) -> bool:
        """Whether it has one of these, each `algorithm:hex`."""
        return matching_digest(wanted, self._file, self.image) is not None
