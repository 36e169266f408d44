# SPDX-License-Identifier: Apache-2.0
"""JSON for a terminal: the same value, with what could drive the terminal as escape sequences.

JSON itself only demands that for characters below 0x20; terminals obey others, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["TerminalJson"]


class _Json(Protocol):
    def render(self, message: Message, /) -> str:
        """One line."""


class TerminalJson:
    """A JSON format whose lines are safe to show."""

    def __init__(self, form: _Json) -> None:
        self._form = form

    def render(self, message: Message) -> str:
        """One object and a line end."""
        line = self._form.render(message)[:-1]
        if not line.isprintable():
            line = "".join([one if one.isprintable() else _escaped(one) for one in line])
        return f"{line}\n"


def _escaped(character: str) -> str:
    """In UTF-16, two for a character beyond 0xffff. All of them stand inside strings."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
