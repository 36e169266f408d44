# SPDX-License-Identifier: Apache-2.0
"""Cuts a stream of bytes into lines. A line that is too long is left out and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LineCutter"]

MAX_LINE: Final = 16 << 20
"""Bytes; the server itself takes objects of at most 1.5 MB, which JSON may write longer."""


class LineCutter:
    """Of one stream."""

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._max_line = max_line
        self._parts: list[bytes] = []
        self._size = 0
        self.left_out = 0
        """Lines that were too long."""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the lines that `chunk` completes, without those that are empty."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._add(end)
            line = b"".join(self._parts)
            self.left_out += self._size > self._max_line
            self._parts, self._size = [], 0
            if line:
                yield line
        self._add(rest)

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._max_line:
            self._parts.clear()
        elif part:
            self._parts.append(part)
