# SPDX-License-Identifier: Apache-2.0
"""A cgroup that forks and execs too much: its execs make no events, and nothing else is lost."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from kernel.cgroups import enter, made_cgroup
from kernel.recorder import recording
from tetragon_core.clock import BootClock
from tetragon_core.events import Throttle
from tetragon_core.stats import Counter
from tetragon_core.throttling import CgroupRate
from tetragon_sensors.base import SensorConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.recorder import Recorder
    from kernel.tree import Tree
    from tetragon_core.cgroups import Hierarchy

SECOND: Final = 10**9
CALM_NS: Final = 5 * SECOND
"""CALM_NS of bpf/include/wire.h."""
HOUR: Final = 3600 * SECOND
"""An interval in which a test's events are simply counted."""
LIMIT: Final = 20
COUNT: Final = 40


@pytest.fixture
def busy(hierarchy: Hierarchy) -> Iterator[Path]:
    """A cgroup that does too much."""
    with made_cgroup(hierarchy, f"busy-{os.getpid()}.scope") as path:
        yield path


@pytest.fixture
def quiet(hierarchy: Hierarchy) -> Iterator[Path]:
    """Another one."""
    with made_cgroup(hierarchy, f"quiet-{os.getpid()}.scope") as path:
        yield path


def run_in(recorder: Recorder, cgroup: Path, *arguments: str, cpu: int | None = None) -> Tree:
    """Run a program there, which makes one exec; on one CPU, as each is counted apart."""
    one = min(os.sched_getaffinity(0)) if cpu is None else cpu

    stdin, writing = os.pipe2(os.O_CLOEXEC)  # the storm ends when its input does

    def prepare() -> None:
        enter(cgroup)
        os.sched_setaffinity(0, {one})
        os.dup2(stdin, 0)

    try:
        return recorder.run(arguments, prepare=prepare)
    finally:
        os.close(stdin)
        os.close(writing)


def storm_in(recorder: Recorder, workload: Path, cgroup: Path, count: int = COUNT) -> Tree:
    """One after another, `count` children that exec; beside them one exec and one fork."""
    return run_in(
        recorder, cgroup, str(workload / "storm"), "1", str(count), str(workload / "finish")
    )


def throttles(recorder: Recorder, cgroup: Path) -> list[Throttle]:
    """What was told of this cgroup."""
    found = [event for event in recorder.events if isinstance(event, Throttle)]
    return [event for event in found if event.cgroup == cgroup.name]


def test_too_many_in_an_interval(
    hierarchy: Hierarchy, workload: Path, busy: Path, quiet: Path
) -> None:
    """The event that reaches the limit is the first withheld; each is counted; exits are whole."""
    config = SensorConfig(hierarchy=hierarchy, rate=CgroupRate(LIMIT, HOUR))
    with recording(config) as recorder:
        tree = storm_in(recorder, workload, busy)
        other = run_in(recorder, quiet, str(workload / "finish"))
        withheld = recorder.stats.snapshot()[Counter.EXECS_THROTTLED]
        losses = recorder.losses()
        told = throttles(recorder, busy)

    # exec of the storm, fork of its worker, then fork and exec in turn
    shown = 1 + (LIMIT - 1 - 2) // 2
    assert shown == len(tree.exec_events)
    assert 1 + COUNT == len(tree.execs)
    assert withheld >= 1 + COUNT - shown  # other cgroups of this host may be throttled too
    names = [one.process.image.argv[1] for one in tree.exit_events if one.process.image][:COUNT]
    assert [b"0.%d" % number for number in range(COUNT)] == names
    assert {one.process.key[1] for one in tree.exit_events} >= {
        one.process.ktime_ns for one in tree.execs
    }
    assert [(True, busy.name)] == [(one.is_start, one.cgroup) for one in told]
    assert 1 == len(other.exec_events)
    assert {} == losses


def test_the_end_of_it(hierarchy: Hierarchy, workload: Path, busy: Path) -> None:
    """Told five seconds after the last event that was too much; execs make events again."""
    clock = BootClock()
    config = SensorConfig(hierarchy=hierarchy, rate=CgroupRate(3, SECOND))
    with recording(config) as recorder:
        storm_in(recorder, workload, busy, 10)
        (start,) = throttles(recorder, busy)
        cgroup_id = busy.stat().st_ino
        throttling = recorder.observer.throttling
        early = throttling.end(clock.boot_ns(), recorder.sensor.last_excess_ns)
        excess = recorder.sensor.last_excess_ns(cgroup_id)
        assert excess is not None
        recorder.wait_until(lambda: clock.boot_ns() > excess + CALM_NS, "five calm seconds")
        late = throttling.end(clock.boot_ns(), recorder.sensor.last_excess_ns)
        after = run_in(recorder, busy, str(workload / "finish"))

    assert busy.name not in {one.cgroup for one in early}
    assert [busy.name] == [one.cgroup for one in late if one.cgroup == busy.name]
    assert not any(one.is_start for one in late)
    assert start.time_ns < late[0].time_ns
    assert 1 == len(after.exec_events)


def test_each_cpu_is_counted_apart(hierarchy: Hierarchy, workload: Path, busy: Path) -> None:
    """Too much on one CPU: on another one execs make events still."""
    cpus = sorted(os.sched_getaffinity(0))
    config = SensorConfig(hierarchy=hierarchy, rate=CgroupRate(LIMIT, HOUR))
    with recording(config) as recorder:
        storm_in(recorder, workload, busy)
        here = run_in(recorder, busy, str(workload / "finish"), cpu=cpus[0])
        there = run_in(recorder, busy, str(workload / "finish"), cpu=cpus[-1])

    assert [] == here.exec_events
    assert [1] * (len(cpus) > 1) == [len(there.exec_events)] * (len(cpus) > 1)


def test_nobody_is_counted_without_the_option(
    recorder: Recorder, workload: Path, busy: Path
) -> None:
    """Every exec makes its event, and no cgroup is known."""
    tree = storm_in(recorder, workload, busy)

    assert 1 + COUNT == len(tree.exec_events)
    assert recorder.sensor.last_excess_ns(busy.stat().st_ino) is None
