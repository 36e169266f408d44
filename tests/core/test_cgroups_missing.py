# SPDX-License-Identifier: Apache-2.0
"""Processes in cgroups that no record told of: a walk looks for them, and events wait for it."""

from __future__ import annotations

from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.model import HOST
from tetragon_core.workloads.table import WorkloadTable

ID = "0123456789abcdef" * 4


class Walked:
    """A table that somebody walks for."""

    def __init__(self) -> None:
        self.table = WorkloadTable(CgroupTable())
        self.doubts = 0
        self.decided: list[int] = []
        self.table.cgroups.doubted.append(self._doubt)
        self.table.missing.decided.append(self.decided.append)

    def _doubt(self) -> None:
        self.doubts += 1

    def walk(self, *cgroups: tuple[int, str]) -> None:
        """One that finds these."""
        for cgroup_id, path in cgroups:
            self.table.cgroups.add(cgroup_id, path)
        self.table.cgroups.settle()


def test_found() -> None:
    """The walk brings it, and whoever waits is told."""
    walked = Walked()
    before = [walked.table.workload(7, "") for _ in range(3)]

    walked.walk((7, f"/docker/{ID}/container"))

    found = walked.table.workload(7, "")
    assert [None, None, None] == before
    assert found is not None
    assert found.container is not None
    assert (ID, 1, [7]) == (found.container.id, walked.doubts, walked.decided)


def test_the_walk_had_begun_before() -> None:
    """It may have passed by: the next one decides."""
    walked = Walked()
    walked.table.workload(7, "")

    walked.walk()
    after_one = (walked.table.workload(7, ""), list(walked.decided), walked.doubts)
    walked.walk((7, "/system.slice"))

    assert (None, [], 2) == after_one
    assert walked.table.workload(7, "") is HOST


def test_not_to_be_found() -> None:
    """Looked for no more after two walks; its name has the last word."""
    walked = Walked()
    walked.table.workload(7, "")

    for _ in range(4):
        walked.walk()

    assert walked.table.workload(7, "") is HOST
    found = walked.table.workload(7, ID)
    assert found is not None
    assert found.container is not None
    assert (ID, 2, [7]) == (found.container.id, walked.doubts, walked.decided)


def test_many() -> None:
    """So many as nobody behaves like: the rest does not wait."""
    walked = Walked()

    waits = [walked.table.workload(number, "") is None for number in range(1, 5000)]

    assert 1024 == sum(waits)


def test_nobody_walks() -> None:
    """Nothing waits where no walk is possible."""
    table = WorkloadTable(CgroupTable())

    assert table.workload(7, "") is HOST


def test_no_cgroup_at_all() -> None:
    """A process whose cgroup could not be read is not looked for."""
    walked = Walked()

    assert walked.table.workload(0, "") is HOST
    assert 0 == walked.doubts
