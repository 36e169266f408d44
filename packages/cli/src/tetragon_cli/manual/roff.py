# SPDX-License-Identifier: Apache-2.0
"""Writes roff, in the macros of man(7); knows nothing of commands."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["RoffText", "bold_options", "escaped"]

_WORD: Final = re.compile(r"(?<![\w-])(-{1,2}[A-Za-z][\w-]*)")
_GLYPHS: Final = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}


def escaped(text: str) -> str:
    """The text as one line that roff shows as it is."""
    line = "".join(_glyph(character) for character in " ".join(text.split()))
    return f"\\&{line}" if line.startswith(".") else line


def _glyph(character: str) -> str:
    if character.isascii():
        return _GLYPHS.get(character, character)
    return f"\\[u{ord(character):04X}]"


def bold_options(text: str) -> str:
    """The text, escaped, with what looks like an option in bold."""
    return "".join(
        f"\\fB{escaped(part)}\\fR" if _WORD.fullmatch(part) else _spaced(part)
        for part in _WORD.split(text)
    )


def _spaced(part: str) -> str:
    """Escaped, without losing the blanks at its ends."""
    if not part.strip():
        return " " if part else ""
    before = " " if part[0].isspace() else ""
    return f"{before}{escaped(part)}{' ' if part[-1].isspace() else ''}"


class RoffText:
    """A page that is being written."""

    def __init__(self, title: str, section: int, date: str, source: str) -> None:
        heading = escaped(title.upper())
        self._lines = [f'.TH "{heading}" "{section}" "{date}" "{source}" "{source} manual"']

    def heading(self, title: str) -> None:
        """Begin a section."""
        self._lines.append(f".SH {title.upper()}")

    def subheading(self, title: str) -> None:
        """Begin a part of a section."""
        self._lines.append(f'.SS "{escaped(title)}"')

    def paragraphs(self, text: str) -> None:
        """Text whose paragraphs are separated by empty lines."""
        for number, part in enumerate(filter(None, map(str.strip, text.split("\n\n")))):
            if number:
                self._lines.append(".PP")
            self._lines.append(bold_options(part))

    def usage(self, text: str) -> None:
        """Words to type, as they are."""
        self._lines += [".nf", bold_options(text), ".fi"]

    def entry(self, term: str, text: str) -> None:
        """A term with what it means below it."""
        self._lines += [".TP", bold_options(term), bold_options(text) or "\\&"]

    def name(self, name: str, summary: str) -> None:
        """The line that apropos(1) reads."""
        self._lines += [".SH NAME", f"{escaped(name)} \\- {escaped(summary)}"]

    def see_also(self, pages: list[tuple[str, int]]) -> None:
        """References to other pages."""
        self._lines.append(".SH SEE ALSO")
        last = len(pages) - 1
        self._lines += [
            f".BR {escaped(name)} ({section}){',' if number < last else ''}"
            for number, (name, section) in enumerate(pages)
        ]

    def text(self) -> str:
        """The page."""
        return "\n".join((*self._lines, ""))
