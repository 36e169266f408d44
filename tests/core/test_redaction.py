# SPDX-License-Identifier: Apache-2.0
"""What is hidden in `arguments` is hidden in argv too, in kernel records and in /proc alike."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from builders import make_exec, make_scanned
from tetragon_core.arguments import argument_places, decode_text, format_arguments
from tetragon_core.cache import ProcessCache
from tetragon_core.clock import ManualClock
from tetragon_core.events import ProcessExec
from tetragon_core.images import exec_image, scanned_image
from tetragon_core.observer import Observer
from tetragon_core.redaction import HIDDEN, Redacted
from tetragon_core.stats import Stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.redaction import Redaction


def hiding(pattern: str, binary: str = "") -> Redaction:
    """A redaction that hides what the pattern matches, in programs with that in their name."""

    def redact(path: str, text: str) -> Redacted:
        if binary not in path:
            return Redacted(text, ())
        spans = [found.span() for found in re.finditer(pattern, text)]
        return Redacted(re.sub(pattern, HIDDEN, text), spans)

    return redact


@pytest.mark.parametrize(
    ("argv", "pattern", "arguments", "hidden"),
    [
        pytest.param(
            [b"a", b"-p", b"top", b"x"], "top", "-p ***** x", [b"-p", b"*****", b"x"], id="one"
        ),
        pytest.param([b"a", b"-ptop"], "top", "-p*****", [b"-p*****"], id="part"),
        pytest.param([b"a", b"to", b"op"], "o o", "t*****p", [b"t*****", b"*****p"], id="across"),
        pytest.param([b"a", b"x top y"], "top", ' "x ***** y"', [b"x ***** y"], id="quoted"),
        pytest.param(
            [b"a", b"x top", b"q r"],
            'top" +"q',
            ' "x ***** r"',
            [b"x *****", b"***** r"],
            id="quotes",
        ),
        pytest.param(
            [b"a", b"", b"", b"top"], "top", "*****", [b"", b"", b"*****"], id="empty-before"
        ),
        pytest.param(
            [b"a", b"t\xff\xfep", b"x"], "t.p", "***** x", [b"*****", b"x"], id="bad-utf-8"
        ),
        pytest.param(
            [b"a", "ä".encode(), b"top"], "top", "ä *****", ["ä".encode(), b"*****"], id="wide"
        ),
        pytest.param([b"a", b"\xff", b"x"], "none", "\ufffd x", [b"\xff", b"x"], id="nothing"),
    ],
)
def test_argv_hides_what_arguments_hide(
    argv: Sequence[bytes], pattern: str, arguments: str, hidden: Sequence[bytes]
) -> None:
    """Each argument loses its part, whatever its place; what is not touched stays raw."""
    image = exec_image(make_exec((5, 1), argv=tuple(argv)), hiding(pattern))

    assert (arguments, tuple(hidden)) == (image.arguments, image.argv[1:])


def test_overlapping_spans() -> None:
    """Spans in any order, one inside another or side by side."""

    def redact(_: str, text: str) -> Redacted:
        return Redacted(text, [(4, 6), (1, 3), (0, 4), (7, 7)])

    image = exec_image(make_exec((5, 1), argv=(b"", b"abcdefgh")), redact)

    assert image.argv[1] == b"**********g*****h"


def test_title_with_a_command_line() -> None:
    """The first argument is judged for itself: a process may have put all of it there."""
    image = exec_image(make_exec((5, 1), argv=(b"db: -p top", b"x")), hiding("top"))

    assert (b"db: -p *****", b"x") == image.argv
    assert image.arguments == "x"


def test_processes_of_the_walk() -> None:
    """What /proc shows is redacted as what the kernel tells."""
    scanned = make_scanned(7, argv=(b"old", b"-p", b"top"), executable="/usr/bin/old")

    image = scanned_image(scanned, hiding("top", binary="/old"))

    assert ("-p *****", (b"old", b"-p", b"*****")) == (image.arguments, image.argv)
    assert scanned_image(scanned, hiding("top", binary="/new")).arguments == "-p top"


@pytest.mark.parametrize("cwd", ["/", "/tmp"])
def test_places_are_those_of_the_text(cwd: str) -> None:
    """Random arguments are found in the text at their places."""
    choice = random.Random(3)
    pieces = (b"", b" ", b"a", b"bc", b"\xff", "é".encode(), b'"', b"\xc3")
    for _ in range(3000):
        argv = [b"p", *(b"".join(choice.choices(pieces, k=choice.randrange(4))) for _ in range(4))]

        text = format_arguments(argv, cwd_follows=cwd != "/")

        for argument, (start, end) in zip(argv[1:], argument_places(argv), strict=True):
            assert decode_text(argument) == text[start:end]


def test_other_redaction_from_now_on() -> None:
    """A redaction that is set later hides in programs that start then; earlier ones stay shown."""
    observer = Observer(ProcessCache(Stats()), ManualClock(), Stats(), node_name="n")
    (before,) = observer.feed(make_exec((2, 20), argv=(b"a", b"top")))

    observer.redact_with(hiding("top"))
    (after,) = observer.feed(make_exec((3, 30), argv=(b"a", b"top")))

    images = [one.process.image for one in (before, after) if isinstance(one, ProcessExec)]
    assert ["top", HIDDEN] == [one.arguments for one in images if one is not None]
