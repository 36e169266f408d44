# SPDX-License-Identifier: Apache-2.0
"""Cgroups that were there before the agent."""

from __future__ import annotations

from tetragon_core.workloads.cgroup_table import Cgroup, CgroupTable
from tetragon_core.workloads.model import HOST
from tetragon_core.workloads.table import WorkloadTable


def test_what_was_there_is_asked_about_once() -> None:
    """Nobody waits again for a cgroup that no runtime knows and that is older than the agent; for
    a new one somebody may still write what it is.
    """
    asked: list[Cgroup] = []
    table = WorkloadTable(CgroupTable())

    def ask(cgroup: Cgroup) -> bool:
        asked.append(cgroup)
        return True

    table.sources.append(ask)
    table.cgroups.is_starting = True
    table.cgroups.add(7, "/old")
    table.cgroups.is_starting = False
    table.cgroups.add(8, "/new")
    table.give_up(7)
    table.give_up(8)

    found = [table.workload(one, "") for one in (7, 8)]

    assert [HOST, None] == found
    assert [("/old", True), ("/new", False), ("/new", False)] == [
        (one.path, one.is_old) for one in asked
    ]
