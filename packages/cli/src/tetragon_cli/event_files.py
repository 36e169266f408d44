# SPDX-License-Identifier: Apache-2.0
"""Events of files of JSON lines, such as an agent's export: compressed, rotated, still written."""

from __future__ import annotations

import gzip
import logging
import os
import sys
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tetragon.events_pb2 import GetEventsResponse
from tetragon_core.errors import TetragonError, UsageError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

__all__ = ["FollowedFile", "Lines", "from_file", "from_json_lines"]

_STDIN: Final = 0
_SHORTEST_LIMIT: Final = 64 * 1024
_GZIP: Final = b"\x1f\x8b"
_LOOK_S: Final = 0.2

_log = logging.getLogger(__name__)


class Lines(Protocol):
    """What is needed of an open file."""

    def readline(self, size: int, /) -> bytes:
        """A line with its end, or its first `size` bytes; empty at the end of the file."""


def from_file(path: str, limit: int, *, follow: bool = False) -> Iterator[GetEventsResponse]:
    """Events of a file; `-` is standard input. `follow`: also of what is written from now on."""
    if follow and path != "-":
        followed = FollowedFile(path)
        if not followed.is_compressed:
            return from_json_lines(followed, limit)
    return _from_finished_file(path, limit)


def _from_finished_file(path: str, limit: int) -> Iterator[GetEventsResponse]:
    with _opened(_STDIN if path == "-" else path, path) as file:
        lines: Lines = file
        if file.peek(len(_GZIP)).startswith(_GZIP):
            lines = gzip.GzipFile(fileobj=file)
        try:
            yield from from_json_lines(lines, limit)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise TetragonError(
                f"cannot read events from {path} to its end: {str(error).rstrip('.')}"
            ) from error


def _opened(file: str | int, path: str) -> io.BufferedReader:
    try:
        return open(file, "rb", closefd=file != _STDIN)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> UsageError:
    return UsageError(f"cannot read events from {path}: {error.strerror}")


def from_json_lines(lines: Lines, limit: int) -> Iterator[GetEventsResponse]:
    """Events of an open file; lines that are none are skipped, and longer ones than `limit`."""
    limit = max(limit, _SHORTEST_LIMIT)
    number = 0
    while line := lines.readline(limit + 1):
        number += 1
        if len(line) > limit:
            _log.debug("line %d skipped: longer than --max-recv-size", number)
            while line and not line.endswith(b"\n"):
                line = lines.readline(limit)
        elif not line.isspace():
            event = _parse(line, number)
            if event is not None:
                yield event


def _parse(line: bytes, number: int) -> GetEventsResponse | None:
    """The event of one line; None, and a log line, for anything else."""
    from google.protobuf import json_format  # noqa: PLC0415  # an agent's events need none of it

    if not line.lstrip().startswith(b"{"):
        _log.debug("line %d skipped: an object was expected", number)
        return None  # the library takes an empty list, or a text, for an empty event
    try:
        return json_format.Parse(line, GetEventsResponse(), ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        _log.debug("line %d skipped: %s", number, error)
        return None


class FollowedFile:
    """A file that others append to, replace by a new one of its name, or cut: as `tail -F`."""

    def __init__(self, path: str | Path) -> None:
        self._path = str(path)
        self._file = _opened(self._path, self._path)
        self._begun = b""
        """Of a line whose end is not written yet."""

    @property
    def is_compressed(self) -> bool:
        """Such a file is finished: nobody appends to it."""
        return self._file.peek(len(_GZIP)).startswith(_GZIP)

    def readline(self, size: int) -> bytes:
        """A line, or its first `size` bytes; waits for its end."""
        while True:
            self._begun += self._file.readline(size - len(self._begun))
            if self._begun.endswith(b"\n") or len(self._begun) >= size:
                line, self._begun = self._begun, b""
                return line
            if not self._reopened():
                time.sleep(_LOOK_S)

    def _reopened(self) -> bool:
        """True when there may be more to read at once: another file, or a shorter one."""
        here = os.fstat(self._file.fileno())
        try:
            there = Path(self._path).stat()
        except OSError:
            return False  # between two files, or gone for ever
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
            if here.st_size > self._file.tell():
                return True  # written between our reading and the renaming
            with self._file:
                self._file = _opened(self._path, self._path)
        elif here.st_size < self._file.tell():
            self._file.seek(0)
            sys.stderr.write(f"{self._path} was cut: it is read from its beginning\n")
        else:
            return False
        self._begun = b""
        return True
