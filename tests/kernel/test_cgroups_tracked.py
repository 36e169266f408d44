# SPDX-License-Identifier: Apache-2.0
"""Cgroups as the kernel tells of them: made, renamed, removed; and the table of containers'."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kernel.cgroups import enter, made_cgroup
from kernel.recorder import spawn
from tetragon_core.cache import ProcessCache
from tetragon_core.clock import BootClock
from tetragon_core.messages import CgroupMessage, ExecMessage, ExitMessage
from tetragon_core.observer import Observer
from tetragon_core.stats import Counter, Stats
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_sensors.base import BaseSensor, SensorConfig
from tetragon_server.cgroup_walk import CgroupWalk, host_cgroups

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tetragon_core.cgroups import Hierarchy
    from tetragon_core.messages import Message

MANY: Final = 1_000_000
STORM: Final = 10_000
SMALL_RING: Final = 4096


class Tracked:
    """A sensor, and a table fed by its records."""

    def __init__(self, hierarchy: Hierarchy, ring_bytes: int = 8 << 20) -> None:
        self.stats = Stats()
        config = SensorConfig(hierarchy=hierarchy, ring_bytes=ring_bytes)
        self.sensor = BaseSensor(config, self.stats)
        self.table = CgroupTable()
        self.walk = CgroupWalk(self.table, host_cgroups("/proc", hierarchy))
        self.counters: Mapping[Counter, int] = {}
        """Of the sensor, at the end."""
        self._observer = Observer(
            *(ProcessCache(self.stats), BootClock(), self.stats),
            node_name="n",
            cgroups=self.table,
        )

    def feed(self) -> list[Message]:
        """Handle all there is."""
        messages = self.sensor.drain(MANY)
        for message in messages:
            self._observer.feed(message)
        return messages

    def paths_inside(self, top: Path) -> set[str]:
        """What the table has below a directory, from there."""
        name = f"/{top.name}/"
        return {one.path.removeprefix(name) for one in self.table if one.path.startswith(name)}


@contextmanager
def tracking(hierarchy: Hierarchy, ring_bytes: int = 8 << 20) -> Iterator[Tracked]:
    """A sensor for the block."""
    tracked = Tracked(hierarchy, ring_bytes)
    with tracked.sensor:
        yield tracked
        tracked.counters = tracked.sensor.counters()


def cgroup_id(path: Path) -> int:
    """As the kernel tells it."""
    return path.stat().st_ino


def make_inside(top: Path, *names: str) -> Path:
    """One inside of the other."""
    for name in names:
        top /= name
        top.mkdir()
    return top


def remove_inside(top: Path) -> None:
    """All that is in it, inner ones first."""
    for directory, _, _ in os.walk(top, topdown=False):
        if Path(directory) != top:
            Path(directory).rmdir()


def test_around_its_processes(hierarchy: Hierarchy, workload: Path) -> None:
    """Made before the first exec in it, gone after the last exit; with its whole path."""
    with tracking(hierarchy) as tracked, made_cgroup(hierarchy, "tm-around") as top:
        with made_cgroup(hierarchy, "tm-around/inner") as inner:
            wanted, top_id = cgroup_id(inner), cgroup_id(top)
            pid = spawn([str(workload / "finish"), "0"], prepare=lambda: enter(inner))
            os.waitpid(pid, 0)
        messages = tracked.feed()

    story = [one for one in messages if _is_about(one, wanted, pid)]
    made, exec_, exit_, gone = story
    assert isinstance(made, CgroupMessage)
    assert (b"/tm-around/inner", top_id, 0) == (made.path, made.parent_id, made.flags)
    assert (ExecMessage, ExitMessage) == (type(exec_), type(exit_))
    assert isinstance(exec_, ExecMessage)
    assert wanted == exec_.cgroup_id
    assert isinstance(gone, CgroupMessage)
    assert made.ktime_ns < exec_.process_ktime_ns < gone.ktime_ns


def _is_about(message: Message, cgroup: int, pid: int) -> bool:
    if isinstance(message, CgroupMessage):
        return message.cgroup_id == cgroup
    return isinstance(message, (ExecMessage, ExitMessage)) and message.process_tgid == pid


def test_other_hierarchies(hierarchy: Hierarchy) -> None:
    """Cgroups of v1 hierarchies that do not name containers, or of v2 then, are not told of."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    others = {one[1] for one in mounts if one[2].startswith("cgroup") and one[1] != hierarchy.mount}
    name = "tm-elsewhere"
    with tracking(hierarchy) as tracked, made_cgroup(hierarchy, name):
        for mount in others:
            made_elsewhere = Path(mount) / name
            made_elsewhere.mkdir()
            made_elsewhere.rmdir()
        messages = tracked.feed()

    told = [one for one in messages if isinstance(one, CgroupMessage)]
    assert [b"/tm-elsewhere"] == [one.path for one in told if one.path.endswith(name.encode())]


def test_long_paths_and_odd_names(hierarchy: Hierarchy) -> None:
    """Longer than the kernel tells, up to the longest there is; and names that are no text."""
    names = ["\udcff\udcfe", *(letter * 255 for letter in "abcdefghijklmno")]
    with tracking(hierarchy) as tracked, made_cgroup(hierarchy, "tm-long") as top:
        make_inside(top, *names)
        tracked.feed()
        expected = {"/".join(names[: end + 1]) for end in range(len(names))}
        found = tracked.paths_inside(top)
        remove_inside(top)
        tracked.feed()

    assert expected == found
    assert set() == tracked.paths_inside(top)


def test_the_walk_sees_the_same(hierarchy: Hierarchy) -> None:
    """A walk changes nothing in a table that has had all records."""
    with tracking(hierarchy) as tracked, made_cgroup(hierarchy, "tm-walk") as top:
        make_inside(top, "a", "b" * 255, "\udcff")
        make_inside(top, "c")
        tracked.feed()
        before = [one for one in tracked.table if one.path.startswith("/tm-walk")]
        tracked.walk.enter_all()
        after = [one for one in tracked.table if one.path.startswith("/tm-walk")]
        remove_inside(top)

    assert 5 == len(before)
    assert before == after


def test_renamed(hierarchy: Hierarchy) -> None:
    """In v1; those inside are found by the walk that the table asks for. v2 refuses it."""
    with tracking(hierarchy) as tracked, made_cgroup(hierarchy, "tm-rename") as top:
        make_inside(top, "old", "inner")
        doubts: list[None] = []
        tracked.table.doubted.append(lambda: doubts.append(None))
        if hierarchy.controller:
            (top / "old").rename(top / "new")
            tracked.feed()
            outer = tracked.paths_inside(top)
            tracked.walk.enter_all()
            found = tracked.paths_inside(top)
        else:
            with pytest.raises(OSError, match="not permitted"):
                (top / "old").rename(top / "new")
        remove_inside(top)

    if hierarchy.controller:
        assert {"new", "old/inner"} == outer
        assert {"new", "new/inner"} == found
        assert [None] == doubts


def test_inside_of_containers(hierarchy: Hierarchy) -> None:
    """What is made inside of a container belongs to it at once, and to nobody when it is gone."""
    with tracking(hierarchy) as tracked, made_cgroup(hierarchy, "tm-home") as top:
        containers = tracked.sensor.containers
        home = cgroup_id(top)
        before = make_inside(top, "before")
        containers.enter(home, home)
        ids = [home, *(cgroup_id(make_inside(top, *names)) for names in (["a"], ["b", "c"]))]
        ids += [cgroup_id(make_inside(top / "a", "d")), cgroup_id(before)]
        homes = [containers.home(one) for one in ids]
        remove_inside(top)
        gone = [containers.home(one) for one in ids]
        containers.leave(home)

    assert [home, home, home, home, 0] == homes
    assert [home, 0, 0, 0, 0] == gone
    assert tracked.counters[Counter.CONTAINER_CGROUPS_FULL] == 0


def test_storm(hierarchy: Hierarchy) -> None:
    """Thousands that come and go, one inside of the other: none is lost, none stays."""
    with tracking(hierarchy) as tracked, made_cgroup(hierarchy, "tm-storm") as top:
        home = cgroup_id(top)
        tracked.sensor.containers.enter(home, home)
        made = gone = 0
        for _ in range(STORM // 200):
            for number in range(100):
                make_inside(top, str(number), "inner")
            remove_inside(top)
            told = [one for one in tracked.feed() if isinstance(one, CgroupMessage)]
            made += sum(bool(one.path) for one in told)
            gone += sum(not one.path for one in told)
        tracked.sensor.containers.leave(home)
        missed = tracked.sensor.missed()

    assert tracked.counters[Counter.RING_LOST_CGROUP] == 0
    assert {Counter.PROGRAM_MISSED: 0} == missed
    assert gone >= STORM
    assert made >= STORM
    assert set() == tracked.paths_inside(top)


def test_lost_records_are_made_good(hierarchy: Hierarchy) -> None:
    """A ring that is full of others: a walk brings what was made, and takes what is gone."""
    with tracking(hierarchy, SMALL_RING) as tracked, made_cgroup(hierarchy, "tm-lost") as top:
        gone = {f"gone-{number}" for number in range(200)}
        for name in gone:
            make_inside(top, name)
        tracked.walk.enter_all()
        for number in range(200):
            make_inside(top, str(number), "inner")
        for name in gone:
            (top / name).rmdir()
        tracked.feed()
        before = tracked.paths_inside(top)
        tracked.walk.enter_all()
        after = tracked.paths_inside(top)
        remove_inside(top)

    expected = {name for number in range(200) for name in (f"{number}", f"{number}/inner")}
    assert tracked.counters[Counter.RING_LOST_CGROUP] > 0
    assert gone & before
    assert not expected <= before
    assert expected == after


def test_start_in_a_storm(hierarchy: Hierarchy) -> None:
    """Attached and walked while cgroups come and go: in the end the table has those there are."""
    with made_cgroup(hierarchy, "tm-start") as top:
        child = os.fork()
        if not child:
            _come_and_go(top)
        with tracking(hierarchy) as tracked:
            for _ in range(5):
                tracked.walk.enter_all()
                tracked.feed()
            os.waitpid(child, 0)
            tracked.feed()
            found = tracked.paths_inside(top)
            there = {one.name for one in top.iterdir() if one.is_dir()}
        remove_inside(top)

    assert tracked.counters[Counter.RING_LOST_CGROUP] == 0
    assert there == found
    assert len(there) == 30


def _come_and_go(top: Path) -> None:
    try:
        for number in range(3000):
            (top / str(number)).mkdir()
            if number >= 30:
                (top / str(number - 30)).rmdir()
    finally:
        os._exit(0)
