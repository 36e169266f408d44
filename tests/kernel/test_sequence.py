# SPDX-License-Identifier: Apache-2.0
"""Many processes, one after the other: each is reported once, in order, with the right values."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from kernel.statuses import read_statuses
from tetragon_core.messages import ExecFlag, ExecMessage, ExitMessage, ForkMessage
from tetragon_core.stats import Counter

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.recorder import Recorder


def test_many_processes(recorder: Recorder, workload: Path, tmp_path: Path, count: int) -> None:
    """Fork, exec and exit of each child: once each, in order, with parent, number, status."""
    program, finish = str(workload / "sequence"), str(workload / "finish")
    unknown = recorder.stats.snapshot()[Counter.PROCESS_UNKNOWN]

    tree = recorder.run([program, str(count), finish], output=tmp_path / "out")

    children = read_statuses(tmp_path / "out")
    assert count == len(children)
    # the root: fork, exec, and its exit at the end; in between three messages of each child
    first_fork, root_exec, *middle, root_exit = tree.messages
    assert isinstance(first_fork, ForkMessage)
    assert isinstance(root_exec, ExecMessage)
    assert isinstance(root_exit, ExitMessage)
    kinds = [(message.process.tgid, type(message)) for message in middle]
    expected = [
        (pid, kind) for pid, _ in children for kind in (ForkMessage, ExecMessage, ExitMessage)
    ]
    assert expected == kinds
    forks, execs, exits = tree.forks[1:], tree.execs[1:], tree.exits[:-1]
    assert {root_exec.process} == {message.parent for message in forks + execs}
    assert [fork.process for fork in forks] == [message.previous for message in execs]
    assert [message.process for message in execs] == [message.process for message in exits]
    numbers = [str(number).encode() for number in range(count)]
    assert [(finish.encode(), number) for number in numbers] == [message.argv for message in execs]
    assert [int(ExecFlag.FIRST)] * count == [message.flags for message in execs]
    assert [status for _, status in children] == [message.code for message in exits]
    times = [message.ktime_ns for message in exits]
    assert sorted(times) == times
    assert unknown == recorder.stats.snapshot()[Counter.PROCESS_UNKNOWN]


def test_events_of_a_sequence(recorder: Recorder, workload: Path, tmp_path: Path) -> None:
    """The observer makes an exec and an exit event of each child, the child of the same parent."""
    program, finish = str(workload / "sequence"), str(workload / "finish")

    tree = recorder.run([program, "100", finish], output=tmp_path / "out")

    root, *children = tree.exec_events
    assert [str(number) for number in range(100)] == [
        event.process.image.arguments for event in children if event.process.image
    ]
    assert {root.process.exec_id} == {event.process.parent_exec_id for event in children}
    ends = tree.exit_events[:-1]
    assert [event.process.exec_id for event in children] == [e.process.exec_id for e in ends]
    expected = [
        (0, signal.SIGTERM.name) if number % 10 == 9 else (number % 128, "")
        for number in range(100)
    ]
    assert expected == [(event.status, event.signal) for event in ends]
