# SPDX-License-Identifier: Apache-2.0
"""Log lines have Tetragon's form in each of the four formats."""

from __future__ import annotations

import json
import logging

import pytest

from tetragon_server.logs import JsonFormatter, TextFormatter, current_level, set_level


def record(message: str, **attrs: object) -> logging.LogRecord:
    one = logging.LogRecord("x", logging.WARNING, "x.py", 1, message, (), None)
    one.created = 1_700_000_000.25
    one.attrs = attrs
    return one


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "key=a"),
        (5, "key=5"),
        ("", 'key=""'),
        ("a b", 'key="a b"'),
        ("a=b", 'key="a=b"'),
        ("a\nb", 'key="a\\nb"'),
        ('"', 'key="\\""'),
    ],
)
def test_text_quotes_what_needs_it(value: object, expected: str) -> None:
    """A value with blanks, quotes or line ends is quoted, so that one event is one line."""
    line = TextFormatter(with_time=False).format(record("hello", key=value))

    assert line == f'level=warn msg="hello" {expected}'


def test_text_with_time() -> None:
    """Seconds of UTC come first."""
    line = TextFormatter(with_time=True).format(record("hello"))

    assert line == 'time=2023-11-14T22:13:20Z level=warn msg="hello"'


def test_json_with_time() -> None:
    """The same pairs as an object."""
    line = JsonFormatter(with_time=True).format(record("hello", key=5))

    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20Z",
        "level": "warn",
        "msg": "hello",
        "key": 5,
    }


@pytest.mark.parametrize(
    "level", ["trace", "debug", "info", "warn", "error", "fatal", "panic"], ids=str
)
def test_each_level_is_told_again(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set is what is in force, for all of the API's levels."""
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)

    set_level(level)

    assert level == current_level()
