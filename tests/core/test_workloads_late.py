# SPDX-License-Identifier: Apache-2.0
"""Containers that end before their runtime has answered."""

from __future__ import annotations

from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.model import HOST, Container
from tetragon_core.workloads.table import Rank, WorkloadTable

ID = "ab" * 32


def _table() -> WorkloadTable:
    table = WorkloadTable(CgroupTable())
    table.sources.append(lambda _: True)
    return table


def test_an_answer_after_the_end_names_the_container() -> None:
    """Events of a container that is gone wait for its runtime's answer, and get it."""
    table = _table()
    table.cgroups.add(7, f"/docker/{ID}")
    table.cgroups.remove(7)
    waits = table.workload(7, ID)

    table.learn(Container(id=ID, runtime="docker", name="web"), Rank.RUNTIME, cgroup_id=7)

    found = table.workload(7, ID)
    assert waits is None
    assert found is not None
    assert found.container == Container(id=ID, runtime="docker", name="web")
    assert list(table.homes()) == []


def test_nobody_knows_it_after_the_end() -> None:
    """Events of a container that is gone and that no runtime knows do not wait."""
    table = _table()
    table.cgroups.add(7, f"/docker/{ID}")
    table.cgroups.remove(7)

    table.give_up(7)

    assert table.workload(7, ID) is not None


def test_what_was_no_container_belongs_to_the_host() -> None:
    """A cgroup that was asked about nine times and is no container is the host's, gone or not."""
    table = _table()
    for cgroup_id, path in ((7, "/here"), (8, "/gone")):
        table.cgroups.add(cgroup_id, path)
    table.cgroups.remove(8)

    for cgroup_id in (7, 8):
        table.give_up(cgroup_id)
        for _ in range(8):
            assert table.workload(cgroup_id, "") is None
            table.give_up(cgroup_id)

    assert table.workload(7, "") is HOST
    assert table.workload(8, "") is HOST


def test_a_runtime_that_is_slower_than_it_is_waited_for() -> None:
    """A process in a cgroup that was given up makes sources be asked again, and waits."""
    table = _table()
    table.cgroups.add(7, "/tests/slow")
    table.give_up(7)
    table.workload(7, "")  # a process of the runtime
    table.give_up(7)

    waits = table.workload(7, "")
    table.learn(Container(id="slow", runtime="crun", name="slow"), Rank.RUNTIME, cgroup_id=7)

    found = table.workload(7, "")
    assert waits is None
    assert found is not None
    assert found.container == Container(id="slow", runtime="crun", name="slow")


def test_an_answer_about_an_unknown_cgroup_leaves_nothing() -> None:
    """What is told of a cgroup that nobody remembers is forgotten."""
    table = _table()

    table.learn(Container(id=ID, name="web"), Rank.RUNTIME, cgroup_id=9)

    assert table.workload(9, ID) is None  # asked anew, by its id
    assert list(table.homes()) != []
