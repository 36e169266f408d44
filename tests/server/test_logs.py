# SPDX-License-Identifier: Apache-2.0
"""Log lines have Tetragon's form in each of the four formats."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from typing import TYPE_CHECKING

import pytest

from tetragon_core.errors import UsageError
from tetragon_server.logs import (
    JsonFormatter,
    TextFormatter,
    current_level,
    set_level,
    setup_logging,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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


def test_attributes_hide_nothing() -> None:
    """One that is named like a part of the line gets another name."""
    line = TextFormatter(with_time=False).format(record("hello", level=6, msg="x"))

    assert line == 'level=warn msg="hello" level_=6 msg_=x'


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """Return the root logger, and restore it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield root
    for handler in root.handlers:
        if handler not in before:
            handler.close()
    root.handlers[:], root.level = before, level


def log_and_wait(root_logger: logging.Logger, message: str) -> None:
    """Log, and have the file's thread write it."""
    root_logger.info(message)
    root_logger.handlers[-1].flush()


def test_a_log_file_gets_a_copy(
    root_logger: logging.Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same lines; and a new file when somebody moved it away."""
    path = tmp_path / "agent.log"
    setup_logging("info", "text", str(path))

    log_and_wait(root_logger, "one")
    path.rename(tmp_path / "old.log")
    log_and_wait(root_logger, "two")

    assert ('level=info msg="one"\n', 'level=info msg="two"\n') == (
        (tmp_path / "old.log").read_text(encoding="utf-8"),
        path.read_text(encoding="utf-8"),
    )
    assert 'level=info msg="one"\nlevel=info msg="two"\n' == capsys.readouterr().err


def test_a_log_file_that_cannot_be_opened_is_an_error(
    root_logger: logging.Logger, tmp_path: Path
) -> None:
    """At the start, while somebody looks."""
    with pytest.raises(UsageError, match=r"cannot write log-file .*/none/x: No such file"):
        setup_logging("info", "text", str(tmp_path / "none/x"))
    assert 1 == len(root_logger.handlers)


def test_a_full_disk_is_told_once(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard error has every line all the same."""
    setup_logging("info", "text", "/dev/full")

    log_and_wait(root_logger, "one")
    log_and_wait(root_logger, "two")

    assert [
        'level=info msg="one"',
        'level=warn msg="the log file cannot be written" log-file=/dev/full',
        'level=info msg="two"',
    ] == capsys.readouterr().err.splitlines()


def test_lines_a_log_file_misses_are_counted_in_it(
    root_logger: logging.Logger, tmp_path: Path
) -> None:
    """Where it goes on."""
    path = tmp_path / "agent.log"
    path.symlink_to("/dev/full")
    setup_logging("info", "text", str(path))

    log_and_wait(root_logger, "one")
    log_and_wait(root_logger, "two")
    path.unlink()
    log_and_wait(root_logger, "three")

    assert [
        'level=warn msg="lines of the log are missing here" lines=2',
        'level=info msg="three"',
    ] == path.read_text(encoding="utf-8").splitlines()


def test_a_log_file_that_hangs_disturbs_nobody(root_logger: logging.Logger, tmp_path: Path) -> None:
    """Its lines wait, and are in it when it goes on."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        setup_logging("info", "text", str(pipe))
        size = fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ)

        root_logger.info("x" * size)
        root_logger.info("two")

        os.set_blocking(reader.fileno(), True)
        lines = [reader.readline(), reader.readline()]

    assert [size + len(b'level=info msg=""\n'), len(b'level=info msg="two"\n')] == [
        len(line) for line in lines
    ]


def test_an_unknown_format_is_text(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in Tetragon; here it is said, too."""
    setup_logging("info", "xml")

    root_logger.info("one")

    assert [
        'level=warn msg="unknown log format, text is used" log-format=xml',
        'level=info msg="one"',
    ] == capsys.readouterr().err.splitlines()
