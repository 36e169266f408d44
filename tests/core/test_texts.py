# SPDX-License-Identifier: Apache-2.0
"""Texts of the API made from bytes of the kernel."""

from __future__ import annotations

import pytest

from tetragon_core.arguments import decode_text, format_arguments
from tetragon_core.flags import exec_flags, forked_flags, scanned_flags
from tetragon_core.ids import KERNEL_KEY, exec_id, node_name, try_parse_exec_id
from tetragon_core.messages import ExecFlag, ProcessKey
from tetragon_core.paths import absolute_binary
from tetragon_core.signals import SIGNAL_NAMES, exit_status


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ((), ""),
        ((b"ls",), ""),
        ((b"ls", b"-l", b"/tmp"), "-l /tmp"),
        ((b"sh", b"-c", b"a b"), '-c "a b"'),
        ((b"echo", b"a b", b"c"), ' "a b" c'),
        ((b"echo", b"", b"x"), "x"),
        ((b"echo", b"", b"", b"a b"), ' "a b"'),
        ((b"echo", b"x", b"", b"y"), "x  y"),
        ((b"echo", b"x", b""), "x "),
        ((b"echo", b"a b", b""), ' "a b" '),
        ((b"echo", b"", b""), ""),
        ((b"echo", b"a\tb", b"c\nd"), "a\tb c\nd"),
        ((b"echo", b'a "b" \\'), ' "a "b" \\"'),
        ((b"echo", b"caf\xc3\xa9", b"\xff\xfe"), "café \ufffd"),
    ],
)
def test_arguments_have_the_form_clients_know(argv: tuple[bytes, ...], expected: str) -> None:
    """Blanks bring quotes, empty arguments vanish at the start only, nothing is escaped."""
    assert format_arguments(argv, cwd_follows=True) == expected


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ((b"echo", b"x", b""), "x"),
        ((b"echo", b"x", b"", b""), "x"),
        ((b"echo", b"a b", b""), ' "a b"'),
        ((b"echo", b"x", b"", b"y"), "x  y"),
    ],
)
def test_empty_arguments_at_the_end_vanish_when_no_cwd_follows(
    argv: tuple[bytes, ...], expected: str
) -> None:
    """With the directory "/" or unknown, trailing empty arguments are not shown."""
    assert format_arguments(argv, cwd_follows=False) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"plain", "plain", id="valid"),
        pytest.param(b"a\xff\xfe\xfdb", "a\ufffdb", id="run of bad bytes"),
        pytest.param(b"a\xe2\x82b", "a\ufffdb", id="character cut short"),
        pytest.param(b"\xe2\x82\xff\xf0\x9f", "\ufffd", id="cut characters and a stray byte"),
        pytest.param(b"\xffa\xff", "\ufffda\ufffd", id="two runs"),
        pytest.param(b"\xed\xa0\x80", "\ufffd", id="surrogate"),
        pytest.param(b"\xc0\x80", "\ufffd", id="overlong"),
        pytest.param(b"\xff\xef\xbf\xbd\xff", "\ufffd\ufffd\ufffd", id="real U+FFFD stays"),
    ],
)
def test_a_run_of_bad_bytes_is_one_replacement_character(raw: bytes, expected: str) -> None:
    """Neighbouring invalid bytes become one U+FFFD, whatever they looked like."""
    assert decode_text(raw) == expected


@pytest.mark.parametrize(
    ("filename", "cwd", "expected"),
    [
        ("/bin/ls", "/tmp", "/bin/ls"),
        ("/bin/../bin//ls", "/tmp", "/bin/../bin//ls"),
        ("./s.sh", "/w", "/w/s.sh"),
        ("../x//y/./z", "/a/b", "/a/x/y/z"),
        ("ls", "/", "/ls"),
        ("../../../ls", "/a", "/ls"),
        ("./ls", "", "ls"),
        ("/dev/fd/3", "/tmp", "/dev/fd/3"),
        ("/dev/fd/3/prog", "/tmp", "/dev/fd/3/prog"),
        ("", "/tmp", ""),
    ],
)
def test_relative_names_are_joined_and_cleaned(filename: str, cwd: str, expected: str) -> None:
    """Only relative names change."""
    assert absolute_binary(filename, cwd) == expected


def test_flag_words_come_in_the_order_of_the_api() -> None:
    """All words at once show the order."""
    every = int(~ExecFlag(0))

    text = exec_flags(every, True, True, True)  # noqa: FBT003  see flags.py

    assert text == (
        "execve errorEnvs truncArgs truncEnvs miss errorFilename errorArgs rootcwd errorCWD clone "
        "errorCgroups errorPathResolutionCwd inInitTree"
    )


def test_flags_of_ordinary_processes() -> None:
    """The usual texts."""
    first = int(ExecFlag.FIRST)

    assert exec_flags(0, False, False, False) == "execve"  # noqa: FBT003  # a row of a truth table
    assert exec_flags(first, False, False, False) == "execve clone"  # noqa: FBT003  # a row of a truth table
    assert exec_flags(first, True, False, False) == "execve rootcwd clone"  # noqa: FBT003  # a row of a truth table
    assert exec_flags(first, False, False, True) == "execve clone inInitTree"  # noqa: FBT003  # a row of a truth table
    assert forked_flags(in_init_tree=False) == "execve"
    assert forked_flags(in_init_tree=True) == "execve inInitTree"
    assert scanned_flags(cwd="/w", parent_missing=False, in_init_tree=False) == "procFS"
    assert (
        scanned_flags(cwd=None, parent_missing=False, in_init_tree=True)
        == "procFS rootcwd errorCWD inInitTree"
    )


def test_an_exec_id_names_node_time_and_pid() -> None:
    """The worked example, there and back."""
    key = ProcessKey(42, 5000)

    assert exec_id("n1", key) == "bjE6NTAwMDo0Mg=="
    assert try_parse_exec_id("bjE6NTAwMDo0Mg==") == key
    assert try_parse_exec_id(exec_id("n1", KERNEL_KEY)) == (0, 1)


@pytest.mark.parametrize("text", ["", "?", "bjE=", "YTpiOmM=", "/////w=="])
def test_what_is_no_exec_id_is_none(text: str) -> None:
    """Text from outside does not raise."""
    assert try_parse_exec_id(text) is None


def test_the_node_name_is_the_first_one_set() -> None:
    """HUBBLE_NODE_NAME, then NODE_NAME; empty counts as unset."""
    assert node_name({"HUBBLE_NODE_NAME": "a", "NODE_NAME": "b"}) == "a"
    assert node_name({"HUBBLE_NODE_NAME": "", "NODE_NAME": "b"}) == "b"
    assert node_name({})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, (0, "")),
        (3 << 8, (3, "")),
        (255 << 8, (255, "")),
        (9, (0, "SIGKILL")),
        (11 | 0x80, (0, "SIGSEGV")),
        (16, (0, "SIGSTKFLT")),
        (29, (0, "SIGIO")),
        (31, (0, "SIGSYS")),
        (32, (0, "")),
        (64, (0, "")),
    ],
)
def test_a_wait_status_is_a_code_or_a_signal(code: int, expected: tuple[int, str]) -> None:
    """Real-time signals have no name; the core-dump bit is not part of the number."""
    assert exit_status(code) == expected


def test_there_are_31_signal_names() -> None:
    """No two alike, none missing."""
    assert len(set(SIGNAL_NAMES)) == 32
