# SPDX-License-Identifier: Apache-2.0
"""Processes with several threads: one exit each, with the status their parent sees."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from kernel.statuses import read_statuses

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.recorder import Recorder
    from kernel.tree import Tree
    from tetragon_core.messages import ExitMessage


def children_exits(tree: Tree) -> list[ExitMessage]:
    """Exits of the root's children."""
    return [message for message in tree.exits if message.process.tgid != tree.root]


@pytest.mark.parametrize(
    ("scenario", "times"),
    [
        ("leader-first", 10),
        ("race", 100),
        ("group-exit", 10),
        ("leader-then-group", 10),
        ("sigkill", 10),
        ("sigterm", 10),
        ("many-threads", 2),
    ],
)
def test_one_exit_with_the_waited_status(
    recorder: Recorder, workload: Path, tmp_path: Path, scenario: str, times: int
) -> None:
    """Each process exits once, with the status wait(2) gives, whichever thread was the last."""
    tree = recorder.run([str(workload / "threads"), scenario, str(times)], output=tmp_path / "out")

    reported = [(message.process.tgid, message.code) for message in children_exits(tree)]

    children = read_statuses(tmp_path / "out")
    assert times == len(children)
    assert children == reported


def test_threads_are_not_processes(recorder: Recorder, workload: Path, tmp_path: Path) -> None:
    """A process that starts 50 threads: one fork, one exit."""
    tree = recorder.run([str(workload / "threads"), "many-threads", "1"], output=tmp_path / "out")

    assert [tree.root, tree.forks[1].process.tgid] == [fork.process.tgid for fork in tree.forks]
    assert 2 == len(tree.exits)


def test_fault_of_a_worker(
    recorder: Recorder, workload: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSEGV in a worker: the event has the signal and, as in wait(2), the core-dump bit."""
    monkeypatch.chdir(tmp_path)  # where a core file goes

    tree = recorder.run([str(workload / "threads"), "fault", "3"], output=tmp_path / "out")

    children = read_statuses(tmp_path / "out")
    assert children == [(message.process.tgid, message.code) for message in children_exits(tree)]
    assert {int(signal.SIGSEGV)} == {status & 0x7F for _, status in children}
    assert [(0, "SIGSEGV")] * 3 == [(event.status, event.signal) for event in tree.exit_events[:-1]]


def test_exec_in_a_worker(recorder: Recorder, workload: Path, tmp_path: Path) -> None:
    """The pid stays, the message names the thread that called, the old image has no exit."""
    program, finish = str(workload / "threads"), str(workload / "finish")

    tree = recorder.run([program, "exec-in-worker", "5", finish], output=tmp_path / "out")

    children = read_statuses(tmp_path / "out")
    assert [(pid, 6 << 8) for pid, _ in children] == children
    execs = tree.execs[1:]
    assert [pid for pid, _ in children] == [message.process.tgid for message in execs]
    assert [message.argv[2] for message in execs] == [b"%d" % message.tid for message in execs]
    assert all(message.tid != message.process.tgid for message in execs)
    reported = [(message.process, message.code) for message in children_exits(tree)]
    assert [(message.process, 6 << 8) for message in execs] == reported
