# SPDX-License-Identifier: Apache-2.0
"""The environment arrives as it was given, behind the arguments, or says that it did not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from kernel.recorder import recording
from tetragon_core.messages import ExecFlag
from tetragon_core.procfs import ProcScanner
from tetragon_sensors.base import SensorConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kernel.recorder import Recorder
    from kernel.tree import Tree
    from tetragon_core.cgroups import Hierarchy

LIMIT: Final = 131_072
"""Bytes of arguments and environment together that one record carries."""


@pytest.fixture(scope="module")
def shared_recorder(hierarchy: Hierarchy) -> Iterator[Recorder]:
    """In place of the one without environments."""
    with recording(SensorConfig(hierarchy=hierarchy, with_environment=True)) as recorder:
        yield recorder


def give(variables: dict[bytes, bytes]) -> None:
    """Let the program that is about to run have these variables only."""
    os.environb.clear()
    os.environb.update(variables)


def run_with(
    recorder: Recorder,
    workload: Path,
    variables: dict[bytes, bytes],
    arguments: Sequence[bytes] = (),
) -> Tree:
    """Run a program with these variables and arguments."""
    program = os.fsencode(workload / "finish")
    return recorder.run([program, *arguments], prepare=lambda: give(variables))


def variables_of(tree: Tree) -> list[tuple[str, str]]:
    """What the only exec event says."""
    (event,) = tree.exec_events
    assert event.environment is not None
    return list(event.environment.variables)


def text_of(size: int) -> bytes:
    """`size` bytes that differ from place to place, so that a shift would show."""
    return b"".join(b"%07d," % number for number in range(size // 8 + 1))[:size]


ENVIRON: Final = int(ExecFlag.ENVIRON)
PROBLEMS: Final = int(
    ExecFlag.TRUNCATED_ARGS
    | ExecFlag.ERROR_ARGS
    | ExecFlag.TRUNCATED_ENVIRON
    | ExecFlag.ERROR_ENVIRON
)


def problems_of(tree: Tree) -> int:
    """Flags of the only exec about arguments and environment."""
    assert tree.only_exec.flags & ENVIRON
    return tree.only_exec.flags & PROBLEMS


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({}, id="none"),
        pytest.param({b"A": b"1", b"B": b"", b"C": b"x=y z\n"}, id="some"),
        pytest.param({b"caf\xc3\xa9": "🚀".encode()}, id="wide"),
        pytest.param({b"N%d" % number: b"%d" % number for number in range(2000)}, id="many"),
    ],
)
def test_exact_variables(recorder: Recorder, workload: Path, variables: dict[bytes, bytes]) -> None:
    """What was given is what is reported, in its order, and the arguments beside it."""
    tree = run_with(recorder, workload, variables, [b"x", b""])

    assert [(name.decode(), text.decode()) for name, text in variables.items()] == variables_of(
        tree
    )
    assert (b"x", b"") == tree.only_exec.argv[1:]
    assert problems_of(tree) == 0


@pytest.mark.parametrize("size", [3_000, 15_500, 16_500, 40_000, 48_000, 50_000, 102_400])
def test_one_long_variable(recorder: Recorder, workload: Path, size: int) -> None:
    """Around the sizes of the ways a record is sent, up to 100 KiB: exact, no flag."""
    tree = run_with(recorder, workload, {b"A": text_of(size)}, [b"x"])

    assert [("A", text_of(size).decode())] == variables_of(tree)
    assert (b"x",) == tree.only_exec.argv[1:]
    assert problems_of(tree) == 0


def test_more_than_fits_is_cut_from_the_environment(recorder: Recorder, workload: Path) -> None:
    """Arguments whole; of the environment what is left of 128 KiB, with a flag and its word."""
    tree = run_with(recorder, workload, {b"A": text_of(60_000)}, [text_of(100_000)])

    ((name, text),) = variables_of(tree)
    program = os.fsencode(workload / "finish")
    left = LIMIT - (len(program) + 1) - 100_001
    assert ("A", text_of(60_000).decode()[: left - len("A=")]) == (name, text)
    assert (program, text_of(100_000)) == tree.only_exec.argv
    assert problems_of(tree) == int(ExecFlag.TRUNCATED_ENVIRON)
    assert "truncEnvs" in tree.exec_events[0].process.flags.split()


def test_long_arguments_leave_no_room(recorder: Recorder, workload: Path) -> None:
    """Both are marked, and nothing of the arguments is taken for the environment."""
    tree = run_with(recorder, workload, {b"A": b"1"}, [text_of(100_000), text_of(100_000)])

    assert [] == variables_of(tree)
    assert sum(map(len, tree.only_exec.argv)) + 2 == LIMIT
    assert problems_of(tree) == int(ExecFlag.TRUNCATED_ARGS | ExecFlag.TRUNCATED_ENVIRON)


def test_without_the_option(hierarchy: Hierarchy, workload: Path) -> None:
    """Nothing is read, nothing is flagged, nothing is shown."""
    with recording(SensorConfig(hierarchy=hierarchy)) as recorder:
        tree = run_with(recorder, workload, {b"A": b"1"})

    (event,) = tree.exec_events
    assert event.environment is None
    assert not tree.only_exec.flags & (PROBLEMS | ENVIRON)


def test_the_walk_finds_the_same(recorder: Recorder, workload: Path) -> None:
    """/proc of a process that runs says what its exec said."""
    variables = {b"A": b"1", b"LONG": text_of(20_000)}
    scanner = ProcScanner(with_environment=True)
    program = str(workload / "hold")

    with recorder.held([program], prepare=lambda: give(variables)) as tree:
        found = scanner.try_read(tree.root)

    assert found is not None
    assert b"".join(b"%b=%b\0" % pair for pair in variables.items()) == found.environ
    assert found.flags == 0
    assert [("A", "1"), ("LONG", text_of(20_000).decode())] == variables_of(tree)
