# SPDX-License-Identifier: Apache-2.0
"""The hook's log: JSON lines in a file, as Tetragon's hook writes them.

Many hooks write the same file at once, so that each line is one write at its end, and one of them
puts it aside when it has become too large. A log that cannot be written stops no container.
"""

from __future__ import annotations

import os
import stat
import time

from . import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["LEVELS", "LogFile", "now_text"]

LEVELS: Final = ("DEBUG", "INFO", "WARN", "ERROR")
_MAX_BYTES: Final = 50 * 10**6
_KEPT: Final = 3
_KEPT_S: Final = 7 * 24 * 3600
_MAX_LINE: Final = 64 * 1024


class LogFile:
    """One per call; the file is opened when there is something to say."""

    def __init__(self, path: str, level: str) -> None:
        """An unknown level is `info`, and said so."""
        self._path = path
        is_known = level.upper() in LEVELS
        self._least = LEVELS.index(level.upper()) if is_known else 1
        self._always: dict[str, object] = {}
        self._told = False
        if not is_known:
            self.write("WARN", "was not able to parse logLevel, using default", arg=level)

    def always(self, **attributes: object) -> None:
        """Attributes of every line from now on; `_` in a name becomes `-`."""
        self._always |= attributes

    def write(self, level: str, message: str, **attributes: object) -> None:
        """One line. What is wrong with the file is told on standard error, once."""
        if LEVELS.index(level) < self._least:
            return
        content: dict[str, object] = {"time": now_text(), "level": level, "msg": message}
        content |= {name.replace("_", "-"): one for name, one in self._always.items()}
        content |= {name.replace("_", "-"): one for name, one in attributes.items() if one != ""}
        line = json_text.dumps(content)
        if len(line) > _MAX_LINE:
            line = json_text.dumps({key: str(one)[:1024] for key, one in content.items()})
        try:
            self._append(f"{line}\n".encode())
        except OSError as error:
            self._tell(error.strerror or str(error))

    def _append(self, line: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(self._path, flags | os.O_NOFOLLOW | os.O_NOCTTY, 0o600)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                self._tell("no regular file")
                return
            if found.st_size > _MAX_BYTES:
                _put_aside(self._path, descriptor)
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _tell(self, why: str) -> None:
        if not self._told:
            self._told = True
            try:
                os.write(2, f"cannot write the log {self._path}: {why}\n".encode(errors="replace"))
            except OSError:
                return


def _put_aside(path: str, descriptor: int) -> None:
    """Rename a file that is too large, unless another hook just has; this line still goes there."""
    import fcntl  # noqa: PLC0415  # a library to load, once in 50 MB

    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        here = os.stat(path)  # noqa: PTH116  # pathlib takes longer than the hook
    except FileNotFoundError:
        return
    if here.st_ino != os.fstat(descriptor).st_ino:
        return
    stem, dot, ending = path.rpartition(".")
    now = now_text()
    moment = f"{now[:19].replace(':', '-')}.{now[20:23]}"
    aside = f"{stem}-{moment}.{ending}" if dot else f"{path}-{moment}"
    if os.path.lexists(aside):
        # Another was put aside in this millisecond: the next hook does it.
        return
    os.rename(path, aside)  # noqa: PTH104  # as above
    _remove_old(f"{stem}-" if dot else f"{path}-", f".{ending}" if dot else "")


def _remove_old(start: str, end: str) -> None:
    """Keep the newest few, and none older than a week."""
    directory = os.path.dirname(start) or "."  # noqa: PTH120  # as above
    prefix = os.path.basename(start)  # noqa: PTH119  # as above
    length = len(prefix) + len("2006-01-02T15-04-05.000") + len(end)
    names = [
        name
        for name in os.listdir(directory)  # noqa: PTH208  # as above
        if name.startswith(prefix) and name.endswith(end) and len(name) == length
    ]
    oldest = time.time() - _KEPT_S
    for index, name in enumerate(sorted(names, reverse=True)):
        path = f"{directory}/{name}"
        if index >= _KEPT or os.stat(path).st_mtime < oldest:  # noqa: PTH116  # as above
            os.unlink(path)  # noqa: PTH108  # as above


def now_text() -> str:
    """UTC with nanoseconds (RFC 3339)."""
    seconds, rest = divmod(time.time_ns(), 10**9)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"
