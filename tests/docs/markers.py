# SPDX-License-Identifier: Apache-2.0
"""The comments that say what is done with a block of commands; tests/README.md lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["REASONS", "Marker", "MarkerError", "parse_marker"]

REASONS: Final = ("cluster", "internet", "build", "host", "runtime", "vm")
"""What a block may need that no test gives it."""

_PARTS: Final = ("agent", "first", "while", "fails", "each")
_SEPARATOR: Final = re.compile(rf";\s*(?=(?:{'|'.join(_PARTS)})\b)")


class MarkerError(ValueError):
    """A comment that is none of those there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What a comment says."""

    verb: str
    """`run`, `not run` or `shows`."""
    reason: str = ""
    """Of what is not run."""
    agent: str | None = None
    """Options of the agent that has to run; None for no agent."""
    first: str = ""
    """Run before, and not shown."""
    during: str = ""
    """Run while the last command goes on."""
    fails: bool = False
    """Whether the last command ends with an error."""
    each: bool = False
    """Whether every line is a command for itself, of which some go on until they are stopped."""


def parse_marker(text: str) -> Marker:
    """Raises MarkerError, which says what is possible."""
    verb, _, rest = (part.strip() for part in text.partition(":"))
    if verb == "shows" and rest:
        return Marker(verb=verb, reason=rest)
    if verb == "not run" and _word(rest) in REASONS:
        return Marker(verb=verb, reason=_word(rest))
    if verb == "run":
        return _parse_run(rest)
    raise MarkerError(
        "a block of commands needs a comment before it: <!-- run -->, <!-- run: agent -->,"
        f" <!-- not run: {'|'.join(REASONS)} --> or <!-- shows: what -->; found {text!r}"
    )


def _parse_run(rest: str) -> Marker:
    given: dict[str, str] = {}
    for part in filter(None, _SEPARATOR.split(rest)):
        word, _, value = part.partition(" ")
        if word not in _PARTS:
            raise MarkerError(f"<!-- run: {rest} -->: {word!r} is none of {', '.join(_PARTS)}")
        given[word] = value.strip()
    return Marker(
        verb="run",
        agent=given.get("agent"),
        first=given.get("first", ""),
        during=given.get("while", ""),
        fails="fails" in given,
        each="each" in given,
    )


def _word(rest: str) -> str:
    """The reason without what is said of it."""
    return re.split("[,; ]", rest)[0]
