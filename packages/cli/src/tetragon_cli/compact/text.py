# SPDX-License-Identifier: Apache-2.0
"""Text pieces of the line formats: colours, and making event data safe for a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

__all__ = ["COLOURED", "PLAIN", "Palette", "TimeText", "escape", "quote"]


class Palette(NamedTuple):
    """What to write before a coloured piece, and `reset` after it; all empty without colours."""

    red: str = ""
    green: str = ""
    yellow: str = ""
    blue: str = ""
    magenta: str = ""
    cyan: str = ""
    reset: str = ""


PLAIN: Final = Palette()
COLOURED: Final = Palette(*(f"\x1b[{number}m" for number in (31, 32, 33, 34, 35, 36, 0)))

_SHORT: Final = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}


def _escape_character(character: str) -> str:
    """One unprintable character as a backslash sequence."""
    code = ord(character)
    if code in _SHORT:
        return _SHORT[code]
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def escape(text: str) -> str:
    """Text that stands unquoted in a line: only what could drive the terminal is rewritten."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape_character(c) for c in text)


def quote(text: str) -> str:
    """Text as it is when it is one printable word, else as a double-quoted literal."""
    if text.isprintable() and " " not in text:
        return text
    body = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escape(body)}"'


class TimeText:
    """Timestamps as text with nine digits; the part up to the second is kept for the next call."""

    def __init__(self) -> None:
        self._second = 0
        self._text = "1970-01-01T00:00:00"

    def __call__(self, stamp: Timestamp) -> str:
        """UTC, for example 2025-05-06T07:08:09.100000000Z."""
        if stamp.seconds != self._second:
            self._second = stamp.seconds
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp.seconds))
        return f"{self._text}.{stamp.nanos:09d}Z"
