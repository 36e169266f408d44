# SPDX-License-Identifier: Apache-2.0
"""Files of the host, read and replaced: each is whole at every moment."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import PermissionDeniedError, TetragonError

if TYPE_CHECKING:
    from .place import Place

__all__ = ["check_owner", "content_of", "make_directory", "replace"]

_MAX_BYTES: Final = 64 * 2**20


def content_of(place: Place, path: Path) -> bytes | None:
    """What a file of the host holds, None when it is not there. Raises TetragonError."""
    seen = place.seen(path)
    try:
        if not stat.S_ISREG(seen.stat().st_mode):
            raise TetragonError(f"{path} is no regular file")
        if seen.stat().st_size > _MAX_BYTES:
            raise TetragonError(f"{path} is larger than {_MAX_BYTES >> 20} MiB")
        return seen.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _os_error("read", path, error) from error


def replace(place: Place, path: Path, content: bytes, mode: int) -> None:
    """Put `content` there at once; a file that is there keeps its mode and owner.

    A symbolic link stays one: what it leads to is replaced. Raises TetragonError.
    """
    seen = place.seen(path)
    try:
        if place.host_root == Path("/"):
            seen = seen.resolve()
        make_directory(seen.parent)
        number, temporary = tempfile.mkstemp(dir=seen.parent, prefix=f".{seen.name}.")
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
                _take_over(seen, file.fileno(), mode)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(seen)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise _os_error("write", path, error) from error


def make_directory(path: Path) -> None:
    """Make a folder and those above it, as 0755 whatever the umask."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


def check_owner(place: Place, directory: Path) -> None:
    """Only root may be able to change a program that runtimes start as root.

    Raises PermissionDeniedError for a folder, here or above, that others can write to.
    """
    seen = place.seen(directory)
    for path in (seen, *seen.parents):
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
        if others or found.st_uid not in {0, os.geteuid()}:
            raise PermissionDeniedError(
                f"{path} can be changed by others than root, so the hook, which runs as root, must"
                f" not be in {directory}; choose another folder with --dir"
            )


def _take_over(path: Path, descriptor: int, mode: int) -> None:
    """Mode and owner of the file that is replaced."""
    try:
        found = path.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, mode)
        return
    os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
    os.fchown(descriptor, found.st_uid, found.st_gid)


def _os_error(what: str, path: Path, error: OSError) -> TetragonError:
    if isinstance(error, PermissionError):
        return PermissionDeniedError(f"cannot {what} {path}: run as root (sudo)")
    return TetragonError(f"cannot {what} {path}: {error.strerror}")
