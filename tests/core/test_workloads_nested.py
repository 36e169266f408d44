# SPDX-License-Identifier: Apache-2.0
"""Containers in containers, and names that somebody in a container invents."""

from __future__ import annotations

import pytest

from tetragon_core.workloads.cgroup_table import Cgroup, CgroupTable
from tetragon_core.workloads.model import HOST, Container
from tetragon_core.workloads.table import Rank, WorkloadTable

ID = "0123456789abcdef" * 4
INNER = "fedcba9876543210" * 4
OUTER = Container(id=ID, runtime="docker", name="outer")
UID = "4c9f1974-5c46-44c2-b42f-3bbf0e98eef9"


class Asked:
    """A table with one source, which knows the outer container."""

    def __init__(self) -> None:
        self.table = WorkloadTable(CgroupTable())
        self.asked: list[int] = []
        self.table.sources.append(self._ask)
        self.table.cgroups.add(1, f"/docker/{ID}")
        self.table.learn(OUTER, Rank.RUNTIME, cgroup_id=1)

    def _ask(self, cgroup: Cgroup) -> bool:
        self.asked.append(cgroup.id)
        return True

    def name(self, cgroup_id: int, container_id: str = "") -> str | None:
        """Of the container that a process in the cgroup is shown with; None: it waits."""
        found = self.table.workload(cgroup_id, container_id)
        if found is None or found.container is None:
            return None if found is None else "host"
        return found.container.name or found.container.id

    def home(self, cgroup_id: int) -> int:
        """Of the cgroup, for policies."""
        found = self.table.home(cgroup_id)
        return found.id if found is not None else 0


@pytest.fixture
def asked() -> Asked:
    """The outer container is known."""
    return Asked()


def test_a_name_nobody_knows(asked: Asked) -> None:
    """A process that moves to a cgroup with an invented name stays in its container."""
    asked.table.cgroups.add(2, f"/docker/{ID}/{INNER}")
    before = (asked.name(2, INNER), asked.home(2))

    asked.table.give_up(2)

    assert (None, 2) == before
    assert ("outer", 1) == (asked.name(2, INNER), asked.home(2))


def test_a_container_in_a_container(asked: Asked) -> None:
    """Whoever runs it tells of it, then it counts."""
    asked.table.cgroups.add(2, f"/docker/{ID}/{INNER}")
    asked.table.cgroups.add(3, f"/docker/{ID}/{INNER}/a")

    asked.table.learn(Container(id=INNER, name="inner"), Rank.RUNTIME, cgroup_id=2)

    assert ["inner", "inner", "outer"] == [asked.name(number) for number in (2, 3, 1)]
    assert [2, 2, 1] == [asked.home(number) for number in (2, 3, 1)]


def test_in_a_pod_without_a_name(asked: Asked) -> None:
    """Docker in a pod: nobody is waited for who tells the inner container's pod."""
    asked.table.expects_pods = True
    asked.table.cgroups.add(5, f"/kubepods/pod{UID}/{ID[:-1]}f")
    asked.table.learn(Container(id=f"{ID[:-1]}f", name="c"), Rank.API, cgroup_id=5)
    asked.table.cgroups.add(7, f"/kubepods/pod{UID}/{ID[:-1]}f/docker")
    asked.table.cgroups.add(6, f"/kubepods/pod{UID}/{ID[:-1]}f/docker/{INNER}")

    asked.table.give_up(6)

    assert 5 == asked.home(6)


@pytest.mark.parametrize("where", [f"/docker/{INNER}/{ID}", f"/user.slice/{ID}"])
def test_the_name_of_another_container(asked: Asked, where: str) -> None:
    """Nobody is asked about a copy of a name, and it is not that container."""
    asked.table.cgroups.add(3, f"/docker/{INNER}")
    asked.table.learn(Container(id=INNER, name="evil"), Rank.RUNTIME, cgroup_id=3)

    asked.table.cgroups.add(4, where)

    assert 4 not in asked.asked
    assert "outer" != asked.name(4, "")
    assert "outer" == asked.name(1)
    assert ["evil", "host"][where.startswith("/user")] == asked.name(4)
    assert asked.name(4) == asked.name(4, ID)


def test_a_user_who_takes_the_name_first(asked: Asked) -> None:
    """Users may name cgroups of theirs like a container of root's, before the agent starts or while
    that one restarts: it is itself all the same, and the user's processes are the host's.
    """
    theirs = f"/user.slice/user-1000.slice/user@1000.service/docker-{INNER}.scope"
    gone: list[int] = []
    asked.table.gone.append(lambda cgroup: gone.append(cgroup.id))
    asked.table.cgroups.add(20, theirs)
    asked.table.cgroups.add(21, f"{theirs}/inside")
    asked.table.cgroups.add(22, f"/docker/{INNER}")
    asked.table.learn(Container(id=INNER, name="real"), Rank.RUNTIME, cgroup_id=22)
    asked.table.learn(Container(id=INNER, name="fake"), Rank.RUNTIME, cgroup_id=20)

    assert ["host", "host", "real"] == [asked.name(number, INNER) for number in (20, 21, 22)]
    assert [0, 0, 22] == [asked.home(number) for number in (20, 21, 22)]
    assert "real" == asked.name(0, INNER)
    assert [20] == gone


def test_nobody_is_there_to_tell() -> None:
    """Without any source the innermost name is what there is."""
    table = WorkloadTable(CgroupTable())
    for number, path in enumerate((f"/docker/{ID}", f"/docker/{ID}/{INNER}")):
        table.cgroups.add(number + 1, path)

    found = table.workload(2, INNER)

    assert found is not None
    assert Container(id=INNER) == found.container


def test_inside_of_one_without_a_name(asked: Asked) -> None:
    """Of containerd's own client: the sources are not asked about what is made inside."""
    asked.table.cgroups.add(10, "/default/t1")
    asked.table.learn(Container(id="t1", name="t1"), Rank.RUNTIME, cgroup_id=10)

    for number in range(20, 40):
        asked.table.cgroups.add(number, f"/default/t1/{number}")

    assert [1, 10] == asked.asked
    assert ("t1", 10) == (asked.name(30), asked.home(30))


def test_the_root(asked: Asked) -> None:
    """Is asked about by nobody, and is the host's."""
    asked.table.cgroups.add(99, "/")

    assert [1] == asked.asked
    assert asked.table.workload(99, "") is HOST
