# SPDX-License-Identifier: Apache-2.0
"""Policy files on disk: which ones a directory has, and their content as a whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import stat
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FileBusyError", "policy_files", "read_file"]

_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
_MAX_BYTES: Final = 4 * 1024 * 1024
"""As much as a client can send."""


class FileBusyError(Exception):
    """Somebody has the file open for writing."""


def policy_files(directory: Path) -> list[Path]:
    """Those with a suffix of YAML or JSON, by name; hidden files are editors'. Raises OSError."""
    return sorted(
        path
        for path in directory.iterdir()
        if path.suffix in _SUFFIXES and not path.name.startswith(".")
    )


def read_file(path: Path) -> str:
    """The text of a policy file.

    Raises FileBusyError while it is being written, FileNotFoundError, and UsageError for all else
    that keeps it from being read.
    """
    try:
        data = _read_whole(path)
        text = data.decode()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: no UTF-8 text: {error.reason} at byte {error.start}") from error
    if len(data) > _MAX_BYTES:
        raise UsageError(f"{path}: larger than {_MAX_BYTES >> 20} MiB, which no policy is")
    return text


def _read_whole(path: Path) -> bytes:
    # Without O_NONBLOCK a pipe would wait for its writer for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UsageError(f"{path}: no regular file")
        with _leased(descriptor), open(_same_file(descriptor), "rb") as file:
            return file.read(_MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _same_file(descriptor: int) -> int:
    """The file by another descriptor: overlayfs refuses to read by one that has a lease (5.10)."""
    return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


@contextlib.contextmanager
def _leased(descriptor: int) -> Iterator[None]:
    """Nobody writes to the file meanwhile: a half of a policy may be a policy too, a wider one.

    The kernel grants a read lease on a file that nobody has open for writing, and lets a writer
    that comes later wait until it is given back. It says so by a signal; SIGURG is one that ends
    nothing.
    """
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError as error:
        raise FileBusyError from error
    except OSError:
        yield  # this file system has no leases, or the file is another user's
        return
    try:
        yield
    finally:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
