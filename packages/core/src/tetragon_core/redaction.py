# SPDX-License-Identifier: Apache-2.0
"""Secrets taken out of the arguments of a process, before anybody can see them.

What is secret is decided elsewhere, by a `Redaction`. It judges the text of `arguments`, as clients
know it. The true argv beside it has to hide the same: so a redaction also tells which characters of
the text it hid, and each argument loses those of its characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from .arguments import argument_places, decode_text

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    places = argument_places(image.argv)
    name = decode_text(image.argv[0])
    image.argv = (
        _without(image.argv[0], (0, len(name)), redaction(image.binary, name).hidden),
        *(
            _without(argument, place, redacted.hidden)
            for argument, place in zip(image.argv[1:], places, strict=True)
        ),
    )


def _without(argument: bytes, place: Span, hidden: Sequence[Span]) -> bytes:
    """`argument`, which is at `place` of the text, without what is hidden of it."""
    start, end = place
    inside = sorted(
        (max(first, start) - start, min(last, end) - start)
        for first, last in hidden
        if first < end and start < last
    )
    if not inside:
        return argument
    text, parts, done = decode_text(argument), [], 0
    for first, last in inside:
        if first >= done:
            parts += [text[done:first], HIDDEN]
        done = max(done, last)
    return "".join((*parts, text[done:])).encode()
