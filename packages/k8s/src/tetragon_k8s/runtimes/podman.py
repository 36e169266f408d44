# SPDX-License-Identifier: Apache-2.0
"""Podman, which has no daemon to ask: its storage is read, and the arguments of its monitors.

Containers of users are found by their monitors, which tell where the storage is. Anybody can run a
monitor and write a storage, so either is only believed for containers beside which it was found.
Where Podman's service listens, it is asked besides (docker.py).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from tetragon_core.workloads.model import Container

from .conmon import find_monitor
from .container_storage import ContainerStorage, StoredContainer
from .id_names import maker
from .podman_database import read_labels
from .runtime import ANY_TIME_S, Found, bounded
from .threads import Threads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tetragon_core.workloads.cgroup_table import Cgroup

__all__ = ["PodmanRuntime"]

_MAX_STORAGES: Final = 16
_MAX_BYTES_OF_USERS: Final = 1 << 19
"""Of a file in a storage that a monitor tells of: about 500 containers."""


class PodmanRuntime:
    """All storages of this host."""

    patience_s = ANY_TIME_S

    def __init__(self, storages: Sequence[str], cgroups: str, procfs: str, host_root: str) -> None:
        """`storages`: roots where containers are looked for first. `cgroups`: where the root of the
        hierarchy is that names containers. `host_root`: stands before paths that processes of the
        host name.
        """
        self.name = f"podman in {', '.join(storages)}"
        self._storages = [(root, ContainerStorage(root)) for root in storages]
        self._others: OrderedDict[tuple[str, str], ContainerStorage] = OrderedDict()
        """Cgroup that containers are beside each other in, and root → storage of monitors there."""
        self._cgroups = cgroups
        self._procfs = procfs
        self._host_root = host_root
        self._threads = Threads("ask-podman")

    def start(self) -> None:
        """Nothing is read before there is a container."""

    def claims(self, cgroup: Cgroup) -> bool:
        """Podman says its name in those of cgroups."""
        return bool(cgroup.container_id) and _is_podmans(cgroup.path)

    async def find(self, cgroups: Sequence[Cgroup]) -> Mapping[int, Found | None]:
        """In a thread: files of users may be anywhere."""
        return await self._threads.run(lambda: self._find(cgroups))

    async def close(self) -> None:
        """Nothing is open."""

    def _find(self, cgroups: Sequence[Cgroup]) -> Mapping[int, Found | None]:
        found = {one.id: self._found(one) for one in cgroups}
        return {key: one for key, one in found.items() if one is not None}

    def _found(self, cgroup: Cgroup) -> Found | None:
        container_id = cgroup.container_id
        beside = cgroup.path.rpartition("/")[0]
        root, stored = self._stored(container_id, beside)
        if stored is None:
            monitor = find_monitor(container_id, self._cgroups + cgroup.path, self._procfs)
            if monitor is None:
                return None
            if monitor.storage:
                self._remember(self._host_root + monitor.storage, beside)
                root, stored = self._stored(container_id, beside)
            stored = stored or StoredContainer(monitor.name, "", "")
        if not stored.name:
            return None
        container = Container(
            id=container_id,
            runtime="podman",
            name=stored.name,
            image=stored.image,
            image_id=stored.image_id,
            labels=bounded(read_labels(root, container_id)) if root else {},
        )
        return Found(container=container)

    def _stored(self, container_id: str, beside: str) -> tuple[str, StoredContainer | None]:
        """The storage that has the container, and what it knows."""
        others = reversed(self._others.items())
        trusted = [(root, one) for (place, root), one in others if place == beside]
        for root, storage in (*self._storages, *trusted):
            found = storage.get(container_id)
            if found is not None:
                return root, found
        return "", None

    def _remember(self, root: str, beside: str) -> None:
        if (beside, root) not in self._others:
            self._others[beside, root] = ContainerStorage(root, _MAX_BYTES_OF_USERS)
        while len(self._others) > _MAX_STORAGES:
            self._others.popitem(last=False)


def _is_podmans(path: str) -> bool:
    """By its name, which has `-payload` where a service of systemd is split (Quadlet)."""
    return not path or maker(path) in {"libpod", "libpod-payload"}
