# SPDX-License-Identifier: Apache-2.0
"""The `arguments` text of the API. It cannot be split back; the true argv travels beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["argument_places", "decode_text", "format_arguments"]

_ESCAPED_BYTES: Final = re.compile("[\udc80-\udcff]+")


def decode_text(raw: bytes) -> str:
    """Decode UTF-8; each run of bytes that belong to no valid character becomes one U+FFFD.

    A run is a maximal sequence of such bytes, so a character cut short and the stray bytes after it
    count as one, while a U+FFFD that was really in the text stays apart. Python's own "replace"
    marks each bad sequence, hence the detour: surrogateescape turns every bad byte into one code
    point that no valid text can contain.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _ESCAPED_BYTES.sub("\ufffd", raw.decode(errors="surrogateescape"))


def format_arguments(argv: Sequence[bytes], *, cwd_follows: bool) -> str:
    """Join argv without its first element, as clients expect it.

    An argument with a blank is wrapped in double quotes and always gets a blank before it, even at
    the start; empty ones at the start vanish. Upstream transmits the working directory behind the
    arguments unless it is "/" or unknown, and drops empty arguments at the end when nothing follows
    them: `cwd_follows` says which case this is.
    """
    text = b"\0".join(argv[1:])
    if not cwd_follows:
        text = text.rstrip(b"\0")
    if b" " in text:
        return decode_text(_join_quoted(text.split(b"\0")))
    return decode_text(text.lstrip(b"\0").replace(b"\0", b" "))


def argument_places(argv: Sequence[bytes]) -> list[tuple[int, int]]:
    """Where each argument, without the first, is in the text of format_arguments(): its first
    character, and the one behind its last.

    Empty arguments at the end, which may be missing there, are behind the end of the text.
    """
    places = []
    end = 0
    for argument in argv[1:]:
        size = len(decode_text(argument))
        is_quoted = b" " in argument
        start = end + 2 if is_quoted else end + (end > 0)
        places.append((start, start + size))
        end = start + size + is_quoted
    return places


def _join_quoted(arguments: Sequence[bytes]) -> bytes:
    text = b""
    for argument in arguments:
        if b" " in argument:
            text += b' "%b"' % argument
        else:
            text += b" " + argument if text else argument
    return text
