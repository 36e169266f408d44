# SPDX-License-Identifier: Apache-2.0
"""A tar.gz that only its owner can read, with a log of what could not be had.

It appears under its name when it is whole: a full disk leaves nothing behind. What is collected is
not known here.
"""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    Content = bytes | str | None

__all__ = ["MOST_BYTES", "Archive", "new_archive", "read_tail"]

MOST_BYTES: Final = 32 << 20
"""Of one entry; of a file that is longer its end is taken."""
_COMMAND_S: Final = 5.0
_LOG: Final = "tetragon-bugtool.log"


class Archive:
    """Entries below one directory, whose name has the time."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._directory = time.strftime("tetragon-bugtool-%Y%m%d%H%M%S")
        self._log: list[str] = []
        self.missing = 0
        """Entries that could not be had."""

    def add(self, name: str, collect: Callable[[], Content]) -> None:
        """Put in what `collect` returns; None: nothing. What it fails with goes into the log."""
        try:
            content = collect()
        except (TetragonError, OSError, ValueError) as error:
            self.note(name, " ".join(str(error).split()) or type(error).__name__)
            self.missing += 1
            return
        if content is not None:
            self._write(name, content.encode() if isinstance(content, str) else content)

    def add_command(self, name: str, *words: str) -> None:
        """Put in what a command prints; its errors beside it."""
        errors: list[bytes] = []
        self.add(name, lambda: self._output_of(name, words, errors))
        for text in filter(None, errors):
            self._write(f"{name}.err", text)

    def note(self, name: str, text: str) -> None:
        """One line of the log."""
        self._log.append(f"{name}: {text}\n")

    def close(self) -> None:
        """Put in the log; nothing can be added any more."""
        self._write(_LOG, "".join(self._log).encode())

    def _output_of(self, name: str, words: Sequence[str], told: list[bytes]) -> bytes:
        """What it prints; what it complains about is put into `told`."""
        with subprocess.Popen(  # noqa: S603  # commands of this project, and what root names
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                out, errors = process.communicate(timeout=_COMMAND_S)
            except subprocess.TimeoutExpired:
                self.note(name, f"{words[0]} was stopped after {_COMMAND_S:g} s")
                os.killpg(process.pid, 9)
                out, errors = process.communicate()
        told.append(errors[-MOST_BYTES:])
        if process.returncode:
            self.note(name, f"{words[0]} ended with {process.returncode}")
        return out[-MOST_BYTES:]

    def _write(self, name: str, content: bytes) -> None:
        # A name of somebody else's list must not lead out of the directory.
        inner = os.path.normpath(f"/{name}")
        entry = tarfile.TarInfo(self._directory + inner)
        entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
        self._tar.addfile(entry, io.BytesIO(content))


@contextmanager
def new_archive(path: Path) -> Iterator[Archive]:
    """Write an archive; at the end it takes the place of what was at `path`.

    Raises TetragonError when it cannot be written.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"cannot write {path}: it is no file; choose another with -o")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with (
                os.fdopen(descriptor, "wb") as file,
                tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar,
            ):
                archive = Archive(tar)
                yield archive
                archive.close()
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise TetragonError(f"cannot write {path}: {error.strerror}; choose another -o") from error


def read_tail(path: Path, most: int = MOST_BYTES) -> bytes:
    """The end of a regular file. Raises OSError, or ValueError for another kind of file."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{path} is no regular file")
    with path.open("rb") as file:
        # Files of /proc and of cgroups have no size: of those it is the beginning.
        file.seek(max(0, os.fstat(file.fileno()).st_size - most))
        return file.read(most)
