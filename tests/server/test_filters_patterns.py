# SPDX-License-Identifier: Apache-2.0
"""Regular expressions of filters are RE2's, anywhere in the text, however many there are."""

from __future__ import annotations

import pytest

from server.filtered import keeps, of
from tetragon import events_pb2 as events_pb
from tetragon_server.filters import FilterError


def found(text: str, *patterns: str) -> bool:
    """Is one of the patterns in the arguments `text`?"""
    return keeps(of(arguments=text), [events_pb.Filter(arguments_regex=patterns)])


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("", "", True),
        ("", "abc", True),
        (".", "", False),
        ("c$", "abc\n", False),
        (r"c\z", "abc", True),
        ("a.c", "a\nc", False),
        ("(?s)a.c", "a\nc", True),
        ("(?i)ABC", "abc", True),
        ("ABC", "abc", False),
        (r"\d", "٣", False),
        (r"\pN", "٣", True),
        ("[[:alpha:]]+é", "aé", True),
        ("^.$", "🚀", True),
        (r"a\.c", "abc", False),
        ("a.c", "abc", True),
        ("a-b/c d:e", "xa-b/c d:ey", True),
        (r"\Qa.c", "a.c", True),
        (r"\Qa.c\E.", "a.c", False),
    ],
)
def test_search(pattern: str, text: str, expected: bool) -> None:  # noqa: FBT001  # a column
    """A pattern is looked for anywhere, with RE2's rules, also where Python has others."""
    assert expected == found(text, pattern)
    assert expected == found(text, "no[s]uch", pattern, "nothing.like.it")


def test_patterns_do_not_change_each_other() -> None:
    """Flags, open quotes, names of groups and alternatives stay in their own pattern."""
    patterns = ("(?i)ABC|d+e", "(?P<n>x)y", "(?P<n>x)z", "^f|g$", r"\Qh.")

    for text in ("abc", "dde", "xy", "xz", "f.", ".g", "h."):
        assert found(text, *patterns)
    for text in ("XZ", "gf", "hi", ""):
        assert not found(text, *patterns)


@pytest.mark.parametrize("count", [1, 2, 300])
def test_many_patterns(count: int) -> None:
    """A list is any of its patterns, whether they fit into one or not."""
    patterns = [f"^tool[ ]{number}$" for number in range(count)]

    assert found(f"tool {count - 1}", *patterns)
    assert not found(f"tool {count}", *patterns)


def test_patterns_too_large_as_one() -> None:
    """What RE2 takes one by one is searched one by one."""
    patterns = [rf"^{letter}\pL\pN\pL$" for letter in "abcd"]

    assert found("d\u00e43\u00e4", *patterns)
    assert not found("e\u00e43\u00e4", *patterns)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?=a)", r"invalid perl operator: \(\?="),
        (r"(a)\1", r"invalid escape sequence: \\1"),
        ("a(b", "missing"),
        (r"a\Z", "invalid escape sequence"),
        ("a**", "bad repetition operator"),
        ("[b-a]", "invalid character class range"),
        ("a\n(", "missing"),
    ],
)
def test_what_is_no_pattern(pattern: str, reason: str) -> None:
    """The request fails with one line that names the field and quotes the pattern."""
    with pytest.raises(FilterError, match=reason) as failed:
        found("a", "fine", pattern)

    assert str(failed.value).startswith(f"arguments_regex: {pattern!r} is no RE2 pattern: ")
    assert "\n" not in str(failed.value)


def test_long_patterns_are_quoted_in_part() -> None:
    """An error stays a line."""
    with pytest.raises(FilterError) as failed:
        found("a", "(" + "x" * 60_000)

    assert len(str(failed.value)) < 400
