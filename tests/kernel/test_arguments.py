# SPDX-License-Identifier: Apache-2.0
"""argv arrives as it was given, byte for byte, or says that it did not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from kernel.recorder import ROOT_FLAGS
from tetragon_core.messages import ExecFlag
from tetragon_core.procfs import ProcScanner

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kernel.recorder import Recorder
    from tetragon_core.messages import ExecMessage

LIMIT: Final = 131_072
"""Bytes of argv, each with its NUL, that one record carries."""


def run_with(recorder: Recorder, workload: Path, arguments: Sequence[bytes]) -> ExecMessage:
    """Run a program with these arguments behind its name."""
    program = os.fsencode(workload / "finish")
    return recorder.run([program, *arguments]).only_exec


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="none"),
        pytest.param([b""], id="empty"),
        pytest.param([b"", b"", b"x", b"", b""], id="empty-around"),
        pytest.param([b"two words", b"'\"\\", b"a\nb\tc\r", b"\x1b[31m"], id="blanks-and-quotes"),
        pytest.param([b"\xff\xfe", b"caf\xe9", "naïve 🚀".encode()], id="bad-utf-8"),
        pytest.param([bytes(range(1, 256))], id="every-byte"),
    ],
)
def test_exact_arguments(recorder: Recorder, workload: Path, arguments: list[bytes]) -> None:
    """What was given is what is reported, empty ones and odd bytes too."""
    message = run_with(recorder, workload, arguments)

    assert (os.fsencode(workload / "finish"), *arguments) == message.argv
    assert ROOT_FLAGS == message.flags


def argument_of(size: int) -> bytes:
    """`size` bytes that differ from place to place, so that a shift would show."""
    return b"".join(b"%07d," % number for number in range(size // 8 + 1))[:size]


@pytest.mark.parametrize("size", [3_000, 15_500, 16_500, 40_000, 48_000, 50_000, 102_400])
def test_one_long_argument(recorder: Recorder, workload: Path, size: int) -> None:
    """Around the sizes of the ways a record is sent, up to 100 KiB: exact, no flag."""
    message = run_with(recorder, workload, [argument_of(size)])

    assert argument_of(size) == message.argv[1]
    assert (2, ROOT_FLAGS) == (len(message.argv), message.flags)


@pytest.mark.parametrize("missing", [1, 0])
def test_up_to_the_limit(recorder: Recorder, workload: Path, missing: int) -> None:
    """A whole argv of 128 KiB, or one byte less, is exact and has no flag."""
    program = os.fsencode(workload / "finish")
    first, rest = argument_of(65_000), LIMIT - len(program) - 1 - 65_001 - 1 - missing

    message = run_with(recorder, workload, [first, argument_of(rest)])

    assert (program, first, argument_of(rest)) == message.argv
    assert ROOT_FLAGS == message.flags


def test_one_byte_over_the_limit(recorder: Recorder, workload: Path) -> None:
    """One byte more: the flag, and all that fits; only the last NUL is missing."""
    program = os.fsencode(workload / "finish")
    first, rest = argument_of(65_000), LIMIT - len(program) - 1 - 65_001

    message = run_with(recorder, workload, [first, argument_of(rest)])

    assert (program, first, argument_of(rest)) == message.argv
    assert ROOT_FLAGS | ExecFlag.TRUNCATED_ARGS == message.flags


def test_a_megabyte(recorder: Recorder, workload: Path) -> None:
    """1 MiB of arguments: the first 128 KiB, exact, with the flag."""
    program = os.fsencode(workload / "finish")
    arguments = [argument_of(100_000 + number) for number in range(10)]

    message = run_with(recorder, workload, arguments)

    whole = b"\0".join([program, *arguments])
    assert whole[:LIMIT] == b"\0".join(message.argv)
    assert ROOT_FLAGS | ExecFlag.TRUNCATED_ARGS == message.flags


def test_twenty_thousand_arguments(recorder: Recorder, workload: Path) -> None:
    """As many short ones: all of them, in order."""
    arguments = [b"%d" % number for number in range(20_000)]

    message = run_with(recorder, workload, arguments)

    assert arguments == list(message.argv[1:])
    assert ROOT_FLAGS == message.flags


def test_no_argument_at_all(recorder: Recorder, workload: Path) -> None:
    """Argc 0: what the program got, which on newer kernels is one empty argument."""
    with recorder.held([str(workload / "emptyargs"), str(workload / "hold")]) as tree:
        recorder.wait_until(lambda: len(tree.execs) == 2, "the second exec")
        before, message = tree.execs
        found = ProcScanner().try_read(tree.root)
    assert found is not None
    assert 2 == len(before.argv)
    assert found.argv == message.argv
    assert os.fsencode(workload / "hold") == message.executable
