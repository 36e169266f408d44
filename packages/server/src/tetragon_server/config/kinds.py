# SPDX-License-Identifier: Apache-2.0
"""Kinds of option values: text to value, with one line that says how to write it otherwise."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.durations import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DIRECTORY",
    "DURATION",
    "FLAG",
    "LINES",
    "OPTIONAL_SIZE",
    "POSITIVE_DURATION",
    "SIZE",
    "TEXT",
    "WORDS",
    "Kind",
    "choice",
    "number",
]

_FACTORS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_TRUE: Final = frozenset({"1", "t", "true"})
_FALSE: Final = frozenset({"0", "f", "false"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a value is written; `parse` raises ValueError with one line that says so."""

    name: str
    parse: Callable[[str], Any]
    is_list: bool = False
    """May be given several times; each text gives a tuple, and these are joined."""
    choices: tuple[str, ...] = ()


def _flag(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(f'"{text}" is neither true nor false')


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+)([KMG]?)", text)
    if found is None:
        raise ValueError(f'"{text}" is no size; write it like 65536, 512K or 8M')
    return int(found[1]) * _FACTORS[found[2]]


def _duration_s(text: str) -> float:
    return 0.0 if text.strip() in {"0", ""} else parse_duration_s(text)


def _positive_duration_s(text: str) -> float:
    seconds = _duration_s(text)
    if not seconds:
        raise ValueError("it has to be more than 0; write it like 30s")
    return seconds


def _words(text: str) -> tuple[str, ...]:
    try:
        (cells,) = csv.reader([text]) if text else ([],)
    except csv.Error:
        raise ValueError(f"{text!r} has a line end; separate words by commas") from None
    words = (cell.strip() for cell in cells)
    return tuple(word for word in words if word)


TEXT: Final = Kind(name="text", parse=str)
FLAG: Final = Kind(name="bool", parse=_flag)
SIZE: Final = Kind(name="size", parse=_size)
"""Bytes, with K, M or G for powers of 1024."""
OPTIONAL_SIZE: Final = Kind(name="size", parse=lambda text: _size(text) if text else 0)
"""As before; empty: 0."""
DIRECTORY: Final = Kind(name="text", parse=lambda text: text.rstrip("/") or text[:1])
"""A path, with or without `/` at its end."""
DURATION: Final = Kind(name="duration", parse=_duration_s)
"""Seconds."""
POSITIVE_DURATION: Final = Kind(name="duration", parse=_positive_duration_s)
"""Seconds, more than none."""
WORDS: Final = Kind(name="words", parse=_words, is_list=True)
"""Separated by commas, and given several times."""
LINES: Final = Kind(name="texts", parse=lambda text: (text,) if text else (), is_list=True)
"""Given several times; a comma is part of the value."""


def number(minimum: int | None = None, maximum: int | None = None) -> Kind:
    """A whole number within limits."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(f'"{text}" is no whole number') from None
        if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
            raise ValueError(f"{value} is out of range; {_range(minimum, maximum)}")
        return value

    return Kind(name="number", parse=parse)


def _range(minimum: int | None, maximum: int | None) -> str:
    if maximum is None:
        return f"at least {minimum}"
    return f"at most {maximum}" if minimum is None else f"from {minimum} to {maximum}"


def choice(*words: str) -> Kind:
    """One of these words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f'"{text}" is none of {", ".join(words)}')
        return text

    return Kind(name="choice", parse=parse, choices=words)
