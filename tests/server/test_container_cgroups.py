# SPDX-License-Identifier: Apache-2.0
"""The kernel's table of containers' cgroups, as user space has to keep it."""

from __future__ import annotations

from typing import Final

import pytest

from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.model import Container
from tetragon_core.workloads.table import Rank, WorkloadTable
from tetragon_server.container_cgroups import ContainerCgroups

ID: Final = "0123456789abcdef" * 4
INNER: Final = "fedcba9876543210" * 4


class Kernel:
    """A table as the kernel's, without what its programs do."""

    def __init__(self) -> None:
        self.table: dict[int, int] = {}
        self.writes = 0

    def enter(self, cgroup_id: int, home_id: int) -> None:
        """Set an entry."""
        self.table[cgroup_id] = home_id
        self.writes += 1

    def leave(self, cgroup_id: int) -> None:
        """Remove it."""
        del self.table[cgroup_id]
        self.writes += 1


class Side:
    """Both tables."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.workloads = WorkloadTable(CgroupTable())
        self.workloads.sources.append(lambda _: True)
        self.cgroups = self.workloads.cgroups
        self.containers = ContainerCgroups(self.workloads, self.kernel)


@pytest.fixture
def side() -> Side:
    """Empty tables."""
    return Side()


def test_entered_with_its_name(side: Side) -> None:
    """Before anybody has told more of it, with all that is inside."""
    side.cgroups.add(7, f"/docker/{ID}")
    side.cgroups.add(8, f"/docker/{ID}/container")
    side.cgroups.add(9, f"/docker/{ID}/container/a")

    assert {7: 7, 8: 7, 9: 7} == side.kernel.table


def test_entered_when_it_is_told(side: Side) -> None:
    """What is inside of it already belongs to it from then on."""
    for cgroup_id, path in ((7, "/default/t1"), (8, "/default/t1/a"), (9, "/default/t10")):
        side.cgroups.add(cgroup_id, path)
        side.workloads.give_up(cgroup_id)
    before = dict(side.kernel.table)

    side.workloads.learn(Container(id="t1", name="t1"), Rank.RUNTIME, cgroup_id=7)

    assert {} == before
    assert {7: 7, 8: 7} == side.kernel.table


def test_the_hosts_until_it_is_told(side: Side) -> None:
    """A cgroup that everybody is asked about for its name tells nothing is not a container's."""
    side.cgroups.add(7, "/system.slice")
    side.cgroups.add(8, "/system.slice/a")

    assert 0 == side.kernel.writes


def test_written_once(side: Side) -> None:
    """News of a container change nothing in the kernel."""
    side.cgroups.add(7, f"/docker/{ID}")
    for name in ("a", "b", "c"):
        side.workloads.learn(Container(id=ID, name=name), Rank.API, cgroup_id=7)

    assert 1 == side.kernel.writes


def test_a_container_in_a_container(side: Side) -> None:
    """Has a home of its own as long as somebody may know it, and then if somebody does."""
    side.cgroups.add(6, f"/docker/{ID}")
    side.workloads.learn(Container(id=ID, name="outer"), Rank.RUNTIME, cgroup_id=6)
    side.cgroups.add(7, f"/docker/{ID}/{INNER}")
    side.cgroups.add(8, f"/docker/{ID}/{INNER}/a")
    before = dict(side.kernel.table)

    side.workloads.give_up(7)

    assert {6: 6, 7: 7, 8: 7} == before
    assert {6: 6, 7: 6, 8: 6} == side.kernel.table


def test_gone(side: Side) -> None:
    """Nothing stays of a container, also if its inner cgroups go after it is told."""
    side.cgroups.add(7, f"/docker/{ID}")
    side.cgroups.add(8, f"/docker/{ID}/a")
    side.cgroups.remove(8)
    side.cgroups.remove(7)

    side.workloads.learn(Container(id=ID, name="late"), Rank.RUNTIME, cgroup_id=7)

    assert {} == side.kernel.table
    assert 0 == len(side.containers)
