# SPDX-License-Identifier: Apache-2.0
"""Secrets taken out of the arguments of a process, before anybody can see them.

What is secret is decided elsewhere, by a `Redaction`. It judges the text of `arguments`, as clients
know it. The true argv beside it has to hide the same: so a redaction also tells which characters of
the text it hid, and each argument loses those of its characters.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from .arguments import argument_places, decode_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .process import Image

__all__ = ["HIDDEN", "Redacted", "Redaction", "redact_image"]

HIDDEN: Final = "*****"
"""Stands for what was hidden, however long that was."""

Span = tuple[int, int]
"""Of characters: the first, and the one behind the last."""


class Redacted(NamedTuple):
    """A text, and which spans of the text it was made from are not in it."""

    text: str
    hidden: Sequence[Span]


class Redaction(Protocol):
    """What the settings say is secret."""

    def __call__(self, binary: str, text: str, /) -> Redacted:
        """`text` is the arguments of a process that runs `binary`, or NAME=value of its
        environment.
        """


def redact_image(image: Image, redaction: Redaction) -> None:
    """Take the secrets out of `arguments` and `argv`.

    The first argument, the program's name for itself, is no part of `arguments` and is judged for
    itself: it may be a title, with the whole command line in it.
    """
    redacted = redaction(image.binary, image.arguments)
    image.arguments = redacted.text
    if not image.argv:
        return
    name = decode_text(image.argv[0])
    in_name = _disjoint(redaction(image.binary, name).hidden)
    places, hidden = argument_places(image.argv), _disjoint(redacted.hidden)
    image.argv = (
        _without(image.argv[0], (0, len(name)), in_name),
        *(
            _without(argument, place, hidden)
            for argument, place in zip(image.argv[1:], places, strict=True)
        ),
    )


def _disjoint(spans: Iterable[Span]) -> Sequence[Span]:
    """In order, with those that overlap made one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _without(argument: bytes, place: Span, hidden: Sequence[Span]) -> bytes:
    """`argument`, which is at `place` of the text, without what is hidden of it."""
    start, end = place
    parts, done = [], 0
    text = ""
    # the first that ends behind the argument's start
    index = bisect_right(hidden, start, key=itemgetter(1))
    while index < len(hidden) and hidden[index][0] < end:
        first, last = hidden[index]
        index += 1
        text = text or decode_text(argument)
        parts += [text[done : max(first - start, 0)], HIDDEN]
        done = min(last, end) - start
    return "".join((*parts, text[done:])).encode() if parts else argument
