# SPDX-License-Identifier: Apache-2.0
"""How pages are read: what is the same output, what a comment means, what exists."""

from __future__ import annotations

import pytest

from docs.markers import Marker, MarkerError, parse_marker
from docs.names import is_path, unknown_options, unknown_words
from docs.pages import slug
from docs.transcript import Step, in_order, matches, steps_of

SESSION = """\
$ first
one
two

$ second \\
    --more
$ cat <<E
$ no command
E
$ third &
later
"""


def test_commands_have_what_they_print_below_them() -> None:
    """A command may go on in the next line, and have a document in it."""
    steps = [
        Step("first", ("one", "two")),
        Step("second \\\n    --more", ()),
        Step("cat <<E\n$ no command\nE", ()),
        Step("third &", ("later",)),
    ]

    assert steps == steps_of(SESSION)
    assert [False, False, False, True] == [step.goes_on for step in steps]


def test_a_block_without_prompts_is_a_script() -> None:
    """Nothing is said of its output."""
    assert [Step("a\nb\n", None)] == steps_of("a\nb\n")


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("pid 4711 status 0", "pid 22 status 0"),
        ("at 12:00:01.5 it", "at 2026-01-02T03:04:05.678Z it"),
        ("NAME      MODE", "NAME  MODE"),
        ("key ... end", "key of any kind end"),
        ("...\nlast", "a\nb\nlast"),
        ("first\n...", "first"),
    ],
)
def test_the_same(shown: str, printed: str) -> None:
    """Numbers, times and widths may differ, and `...` is anything."""
    assert matches(shown.splitlines(), printed.splitlines())


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("status 0", "status 7"),
        ("a", "a\nb"),
        ("a\nb", "a"),
        ("a.c", "abc"),
        ("", "a"),
        ("...\nlast", "last\na"),
        ("two  words", "twowords"),
    ],
)
def test_not_the_same(shown: str, printed: str) -> None:
    """Anything else has to be what is shown."""
    assert not matches(shown.splitlines(), printed.splitlines())


def test_lines_come_in_their_order() -> None:
    """Others may come between them; what did not come is told."""
    assert [] == in_order(["a", "...", "b"], ["x", "a", "y", "b"])
    assert ["b"] == in_order(["a", "b"], ["b", "a"])


def test_comments() -> None:
    """A part may have the words of another in it."""
    text = "run: agent --log-level debug; first while false; do :; done; while ls; fails"
    wanted = Marker(
        verb="run",
        agent="--log-level debug",
        first="while false; do :; done",
        during="ls",
        fails=True,
    )

    assert wanted == parse_marker(text)
    assert Marker(verb="not run", reason="vm") == parse_marker("not run: vm; it needs LSM")
    for wrong in ("", "run: always", "not run", "not run: mood", "shows:", "runs"):
        with pytest.raises(MarkerError):
            parse_marker(wrong)


def test_words_of_commands() -> None:
    """Commands and options that are not there are found, behind ours only."""
    assert ["--nope"] == unknown_words("sudo ./tetragon-mini tp add --nope x.yaml | grep --color")
    assert ["-Z"] == unknown_words("tetragon-mini -Z status")
    assert [] == unknown_words("tetragon-mini getevents -o=json --last=5 --follow  # --nope")
    assert [] == unknown_words("kubectl --nope")
    assert ["--nope"] == unknown_options("--nope=1")
    assert [] == unknown_options("podman --nope")


def test_paths() -> None:
    """By their end, with the short name of a package, with `*`; and those that are made."""
    assert all(map(is_path, ["docs/tour.md", "core/errors.py", "metrics/of_*.py", "build/x"]))
    assert not is_path("core/no_such_file.py")


def test_anchors() -> None:
    """As forges make them of headings."""
    assert "what-is-this-a_b--c" == slug("What is `this`: a_b – c?".replace("`", ""))
