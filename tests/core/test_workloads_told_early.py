# SPDX-License-Identifier: Apache-2.0
"""Containers that are told of before they have a cgroup, or in one whose name tells nothing."""

from __future__ import annotations

import pytest

from tetragon_core.workloads.cgroup_table import Cgroup, CgroupTable
from tetragon_core.workloads.model import HOST, Container, Pod, Workload
from tetragon_core.workloads.table import Rank, WorkloadTable

ID = "ab" * 32
UID = "4c9f1974-5c46-44c2-b42f-3bbf0e98eef9"
PATH = f"/kubepods/pod{UID}/{ID}"
WEB = Container(id=ID, name="web")
POD = Pod(namespace="shop", name="web-0", uid=UID)


@pytest.fixture
def table() -> WorkloadTable:
    """Nobody is asked."""
    return WorkloadTable(CgroupTable())


def known(table: WorkloadTable, cgroup_id: int) -> Workload:
    """What an event would wait for no longer."""
    found = table.workload(cgroup_id, "")
    assert found is not None
    return found


def test_told_by_id_before_its_cgroup_is_made(table: WorkloadTable) -> None:
    """The cgroup's name brings them together."""
    table.learn(WEB, Rank.API, pod_uid=UID)

    table.cgroups.add(7, PATH)

    assert WEB == known(table, 7).container


def test_told_by_cgroup_after_it_was_told_by_id(table: WorkloadTable) -> None:
    """Where the cgroup's name is none a runtime makes."""
    table.learn(Container(id="t1", image="nginx"), Rank.RUNTIME)
    table.cgroups.add(7, "/default/t1")

    table.learn(Container(id="t1", name="web"), Rank.ANNOUNCED, cgroup_id=7)

    assert Container(id="t1", name="web", image="nginx") == known(table, 7).container


def test_two_containers_of_one_id_stay_apart(table: WorkloadTable) -> None:
    """Of two namespaces of containerd; and one that was started again."""
    for cgroup_id, name in ((7, "a"), (8, "b")):
        table.cgroups.add(cgroup_id, f"/{name}/t1")
        table.learn(Container(id="t1", name=name), Rank.RUNTIME, cgroup_id=cgroup_id)

    table.cgroups.remove(8)

    assert ["a", "b"] == [
        one.container.name if one.container else "" for one in (known(table, 7), known(table, 8))
    ]


def test_inside_of_a_container(table: WorkloadTable) -> None:
    """Whoever tells of a cgroup inside tells of the container around it."""
    table.cgroups.add(7, f"/machine.slice/libpod-{ID}.scope")
    table.cgroups.add(8, f"/machine.slice/libpod-{ID}.scope/container")

    table.learn(WEB, Rank.RUNTIME, cgroup_id=8)

    assert WEB == known(table, 7).container
    assert [7] == [one.id for one in table.homes()]


def test_told_of_for_nothing_is_forgotten(table: WorkloadTable) -> None:
    """Containers that never have a cgroup take no memory without end."""
    for number in range(3000):
        table.learn(Container(id=f"{number:064x}", name="x"), Rank.API)
    table.cgroups.add(7, f"/docker/{0:064x}")
    table.cgroups.add(8, f"/docker/{2999:064x}")

    names = [one.container.name for one in (known(table, 7), known(table, 8)) if one.container]
    assert ["", "x"] == names


def test_a_pod_that_comes_after_the_end(table: WorkloadTable) -> None:
    """A container that ran for a moment is over before the API server has told of it."""
    table.expects_pods = True
    changed: list[Cgroup] = []
    table.changed.append(changed.append)
    table.cgroups.add(7, PATH)
    table.cgroups.remove(7)
    before = table.workload(7, ID)
    changed.clear()

    table.pods.learn(POD)
    table.learn(WEB, Rank.API, pod_uid=UID)

    assert before is None
    assert (WEB, POD) == (known(table, 7).container, known(table, 7).pod)
    assert [7, 7] == [one.id for one in changed]


def test_what_nobody_will_name(table: WorkloadTable) -> None:
    """The container that holds a pod has the pod, and no name to wait for."""
    table.expects_pods = True
    table.cgroups.add(7, PATH)
    table.pods.learn(POD)
    before = table.workload(7, ID)

    table.settle(7)

    assert before is None
    assert POD == known(table, 7).pod
    assert not known(table, 7).is_incomplete


def test_waiting_ends_once_for_all(table: WorkloadTable) -> None:
    """Events after the first that waited in vain go at once, marked, until more is known."""
    table.expects_pods = True
    table.cgroups.add(7, PATH)
    table.stop_waiting(7)
    marked = known(table, 7)

    table.pods.learn(POD)
    table.learn(WEB, Rank.API, pod_uid=UID)

    assert marked.is_incomplete
    assert not known(table, 7).is_incomplete


def test_processes_of_the_host(table: WorkloadTable) -> None:
    """Cgroups of nobody's container, and none at all."""
    table.cgroups.add(7, "/system.slice/ssh.service")

    assert [HOST, HOST] == [table.workload(7, ""), table.workload(99, "")]
