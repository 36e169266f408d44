# SPDX-License-Identifier: Apache-2.0
"""Attaching to a host that is busy: what runs is known, each image is reported once."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter as Tally
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel.recorder import recording, spawn
from kernel.tree import tgid_of
from tetragon_core.clock import BootClock
from tetragon_core.events import ProcessExec, ProcessExit
from tetragon_core.messages import ExecMessage, ExitMessage, ForkMessage
from tetragon_core.procfs import ProcScanner
from tetragon_core.stats import Counter, Stats
from tetragon_sensors.base import BaseSensor, SensorConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tetragon_core.events import Event
    from tetragon_core.process import Process

WORKERS = 3
ENDLESS = 1_000_000
MANY = 10_000
NAME = re.compile(r"(\d+)\.(\d+)")


def await_image(pid: int, program: str) -> None:
    """Return when `pid` runs `program`."""
    while Path(f"/proc/{pid}/exe").resolve() != Path(program).resolve():
        os.sched_yield()


def await_child(pid: int) -> int:
    """The first child that `pid` has."""
    while True:
        for process in ProcScanner().scan():
            if process.ppid == pid:
                return process.tgid


@contextmanager
def running(arguments: Sequence[str]) -> Iterator[int]:
    """A process that ends with its standard input, from before the block to its end."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    pid = spawn(arguments, stdin=reading)
    os.close(reading)
    try:
        await_image(pid, arguments[0])
        yield pid
    finally:
        os.close(writing)
        os.waitpid(pid, 0)


def execs_of(events: Sequence[Event], pid: int) -> list[ProcessExec]:
    """Exec events about `pid`."""
    return [e for e in events if isinstance(e, ProcessExec) and e.process.pid == pid]


def test_what_runs_is_known(workload: Path) -> None:
    """A running process and its child: reported once, with arguments, times, parent, and exit."""
    hold = str(workload / "hold")
    with running(["/bin/sh", "-c", f"{hold} 'two words'; true"]) as shell:
        child = await_child(shell)
        await_image(child, hold)
        with recording() as recorder:
            (parent_event,) = execs_of(recorder.events, shell)
            (event,) = execs_of(recorder.events, child)
            tree = recorder.follow(child)
            os.kill(child, signal.SIGTERM)
            recorder.wait_until(lambda: tree.is_over, "the child's exit")
    assert event.process.image is not None
    assert (hold, '"two words"') == (
        event.process.image.binary,
        event.process.image.arguments.strip(),
    )
    assert parent_event.process is event.parent
    assert parent_event.parent is not None
    assert parent_event.process.exec_id == event.process.parent_exec_id
    assert os.getpid() == parent_event.parent.pid
    assert "procFS" in event.process.flags
    (end,) = tree.exit_events
    assert event.process.exec_id == end.process.exec_id
    assert ("SIGTERM", 0) == (end.signal, end.status)


def test_start_times_of_what_runs(workload: Path) -> None:
    """The start time is /proc's: ticks since boot."""
    with running([str(workload / "hold")]) as pid, recording() as recorder:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        (event,) = execs_of(recorder.events, pid)
    assert ticks * 10_000_000 == event.process.ktime_ns
    assert abs(BootClock().to_wall_ns(event.process.ktime_ns) - event.time_ns) < 10**9


def test_programs_start_at_one_instant(workload: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attached programs send nothing about a process; armed they send its whole life."""

    def run() -> int:
        pid = spawn([str(workload / "finish")])
        os.waitpid(pid, 0)
        return pid

    with monkeypatch.context() as patch:
        patch.setattr(BaseSensor, "_arm", lambda _: None)
        sensor = BaseSensor(SensorConfig(), Stats())
    with sensor:
        before = run()
        assert [] == sensor.drain(MANY)
        sensor._arm()
        after = run()
        messages = sensor.drain(MANY)

    kinds = [type(each) for each in messages if tgid_of(each) == after]
    assert [ForkMessage, ExecMessage, ExitMessage] == kinds
    assert before not in {tgid_of(each) for each in messages}


def test_first_exec_of_what_was_forked_before(workload: Path) -> None:
    """Forked before the sensor, exec after: the parent is its parent, not its own image before."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    pid = spawn([str(workload / "finish")], prepare=lambda: os.read(reading, 1))
    with recording() as recorder:
        tree = recorder.follow(pid)
        os.write(writing, b"x")
        recorder.finish(tree)
    os.close(reading)
    os.close(writing)

    (event,) = tree.exec_events
    assert event.parent is not None
    assert os.getpid() == event.parent.pid
    assert event.parent.exec_id == event.process.parent_exec_id
    assert "execve clone" == event.process.flags


@pytest.mark.parametrize("attempt", range(2))
def test_attaching_in_a_storm(workload: Path, attempt: int) -> None:
    """Processes come and go while the sensor is attached: each image once, each parent known."""
    storm = [str(workload / "storm"), str(WORKERS), str(ENDLESS), str(workload / "finish")]
    with running(storm) as pid, recording() as recorder:
        # ended between the attachment and the walk: only their exit can be known
        ended = recorder.stats.snapshot()[Counter.PROCESS_UNKNOWN]
        enough = len(recorder.events) + 200 * (attempt + 1)
        recorder.wait_until(lambda: len(recorder.events) > enough, "more of the storm")
        assert {} == recorder.losses()
        assert ended == recorder.stats.snapshot()[Counter.PROCESS_UNKNOWN]
        events = recorder.events
        (root,) = execs_of(events, pid)

    starts = [event for event in events if isinstance(event, ProcessExec)]
    assert {1} == set(Tally(event.process.exec_id for event in starts).values())
    for worker in range(WORKERS):
        numbers, parents = series(starts, worker)
        # from the first that was seen, every number, in order
        assert list(range(numbers[0], numbers[0] + len(numbers))) == numbers
        assert 1 == len(parents)
        (parent,) = parents.values()
        assert parent.parent is root.process
    ends = [e.process.exec_id for e in events if isinstance(e, ProcessExit) and e.process.exec_id]
    assert {1} == set(Tally(ends).values())


def series(starts: Sequence[ProcessExec], worker: int) -> tuple[list[int], dict[str, Process]]:
    """Numbers of one worker's children as reported, and their parents by exec id."""
    numbers: list[int] = []
    parents: dict[str, Process] = {}
    for event in starts:
        found = NAME.fullmatch(event.process.image.arguments if event.process.image else "")
        if found and int(found[1]) == worker:
            numbers.append(int(found[2]))
            parent = event.parent
            assert parent is not None
            parents[parent.exec_id] = parent
    return numbers, parents
