# SPDX-License-Identifier: Apache-2.0
"""Random lives of cgroups, with records that are late or lost, and walks in the middle of them."""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING

import pytest

from tetragon_core.cache import ProcessCache
from tetragon_core.cgroup_messages import CgroupFlag, CgroupMessage
from tetragon_core.clock import ManualClock
from tetragon_core.observer import Observer
from tetragon_core.stats import Stats
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.table import WorkloadTable
from tetragon_server.cgroup_walk import CgroupWalk
from tetragon_server.container_cgroups import ContainerCgroups

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = 1


class Host:
    """The cgroups there are, and what the kernel says of them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.has_renames = seed % 2 == 1
        self.children: dict[int, dict[str, int]] = {ROOT: {}}
        self.parents: dict[int, tuple[int, str]] = {}
        self.records: deque[CgroupMessage] = deque()
        self.is_losing = False
        self._last = ROOT

    def path(self, cgroup_id: int) -> str:
        """From the root."""
        names = []
        while cgroup_id != ROOT:
            cgroup_id, name = self.parents[cgroup_id]
            names.append(name)
        return "".join(f"/{name}" for name in reversed(names))

    def paths(self) -> dict[int, str]:
        """All but the root."""
        return {cgroup_id: self.path(cgroup_id) for cgroup_id in self.parents}

    def live(self) -> None:
        """Make one, or remove one that is empty, or rename one."""
        what = self.random.choice(("make", "make", "remove", "remove", "rename"))
        if what == "make":
            self._make()
        elif self.parents:
            one = self.random.choice(list(self.parents))
            if what == "remove" and not self.children[one]:
                self._remove(one)
            elif what == "rename" and self.has_renames:
                self._rename(one)

    def _name(self) -> str:
        """Some are used again and again; no two containers have the same."""
        return self.random.choice(("a", "b", f"{self.random.getrandbits(256):064x}"))

    def _make(self) -> None:
        parent, name = self.random.choice(list(self.children)), self._name()
        if name in self.children[parent]:
            return
        self._last += 1
        self.children[parent][name] = self._last
        self.children[self._last] = {}
        self.parents[self._last] = (parent, name)
        is_long = self.random.random() < 0.2
        path = name if is_long else self.path(self._last)
        self._tell(self._last, parent, path, CgroupFlag.NAME if is_long else 0)

    def _remove(self, one: int) -> None:
        parent, name = self.parents.pop(one)
        del self.children[parent][name], self.children[one]
        self._tell(one, parent, "", CgroupFlag.GONE)

    def _rename(self, one: int) -> None:
        parent, name = self.parents[one]
        new = self._name()
        if new not in self.children[parent]:
            self.children[parent][new] = self.children[parent].pop(name)
            self.parents[one] = (parent, new)
            self._tell(one, parent, self.path(one), CgroupFlag.RENAMED)

    def _tell(self, one: int, parent: int, path: str, flags: int) -> None:
        if not self.is_losing or self.random.random() < 0.5:
            self.records.append(CgroupMessage(0, one, parent, path.encode(), int(flags)))


class ModelWalk(CgroupWalk):
    """Over the model."""

    def __init__(self, table: CgroupTable, host: Host) -> None:
        super().__init__(table, "")
        self._host = host

    def _inside(self, path: str) -> list[tuple[str, int]]:
        here = ROOT
        for name in path.split("/")[1:]:
            if name not in self._host.children[here]:
                return []
            here = self._host.children[here][name]
        return list(self._host.children[here].items())


class Kernel(dict[int, int]):
    """The table of containers' cgroups."""

    def enter(self, cgroup_id: int, home_id: int) -> None:
        """Set."""
        self[cgroup_id] = home_id

    def leave(self, cgroup_id: int) -> None:
        """Remove."""
        self.pop(cgroup_id, None)


def steps_of(walk: ModelWalk) -> Iterator[None]:
    """A whole walk."""
    return walk._steps()


def _live(host: Host, observer: Observer, walk: ModelWalk) -> None:
    """Some of the records are handled, some walks are made, and others stay behind."""
    for _ in range(300):
        host.is_losing = host.random.random() < 0.1
        host.live()
        if host.random.random() < 0.5 and host.records:
            observer.feed(host.records.popleft())
        if host.random.random() < 0.02:
            for _ in steps_of(walk):
                if host.random.random() < 0.3:
                    host.live()
                if host.random.random() < 0.3 and host.records:
                    observer.feed(host.records.popleft())


@pytest.mark.parametrize("seed", range(40))
def test_the_table_comes_right(seed: int) -> None:
    """After all records, and a walk if any was lost or a name changed, it has what there is."""
    host, table, kernel = Host(seed), CgroupTable(), Kernel()
    workloads = WorkloadTable(table)
    ContainerCgroups(workloads, kernel)
    observer = Observer(
        *(ProcessCache(Stats()), ManualClock(0), Stats()), node_name="n", cgroups=table
    )
    walk = ModelWalk(table, host)
    _live(host, observer, walk)
    while host.records:
        observer.feed(host.records.popleft())

    for _ in steps_of(walk):
        pass

    assert host.paths() == {one.id: one.path for one in table if one.path}
    if host.has_renames:  # a container that is renamed may be taken for a copy of itself
        return
    fresh = CgroupTable()
    for _ in steps_of(ModelWalk(fresh, host)):
        pass
    expected = {one.id: one.home.id for one in fresh if one.container_id and one.id in host.parents}
    assert expected == kernel
