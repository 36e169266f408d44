# SPDX-License-Identifier: Apache-2.0
"""Cgroups by id: their paths, and the containers their names tell. No files are read here."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .cgroup_names import read_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Cgroup", "CgroupTable"]

_GONE_KEPT: Final = 1024
"""Removed cgroups that are still found, for events that come late."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cgroup:
    """One directory of the hierarchy that names containers."""

    id: int
    """The inode of the directory, which the kernel calls the cgroup's id."""
    path: str
    """In its hierarchy, from the host's root: /kubepods/burstable/pod<uid>/<id>."""
    container_id: str
    """Of the innermost container in the path; empty for a name no runtime makes."""
    pod_uid: str
    """Of a Kubernetes pod, with dashes; empty if the path names none."""
    top: Cgroup | None
    """Set for a cgroup inside a container's: the cgroup that the runtime made for it."""

    @property
    def home(self) -> Cgroup:
        """The cgroup that stands for the container: this one, or the one it is inside of."""
        return self.top or self


class CgroupTable:
    """Filled by records of the kernel and by the walk at start."""

    def __init__(self) -> None:
        self._by_id: dict[int, Cgroup] = {}
        self._by_path: dict[str, Cgroup] = {}
        self._gone: OrderedDict[int, Cgroup] = OrderedDict()
        self.made: list[Callable[[Cgroup], object]] = []
        """Called with each new cgroup, outer ones first."""
        self.removed: list[Callable[[Cgroup], object]] = []
        """Called with each that is gone; get() still knows it for a while."""

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Cgroup]:
        return iter(list(self._by_id.values()))

    def add(self, cgroup_id: int, path: str) -> Cgroup:
        """Enter a cgroup; one that is known already changes nothing."""
        known = self._by_id.get(cgroup_id)
        if known is not None and known.path == path:
            return known
        stale = self._by_path.get(path)
        for old in (known, stale):  # its removal was not told
            if old is not None:
                self.remove(old.id)
        above = self._by_path.get(path.rpartition("/")[0])
        name = read_path(path)
        inner = above is not None and above.container_id == name.container_id
        cgroup = Cgroup(
            id=cgroup_id,
            path=path,
            container_id=name.container_id,
            pod_uid=name.pod_uid,
            top=above.home if above is not None and inner and name.container_id else None,
        )
        self._by_id[cgroup_id] = self._by_path[path] = cgroup
        for tell in self.made:
            tell(cgroup)
        return cgroup

    def remove(self, cgroup_id: int) -> None:
        """Note that the cgroup is gone."""
        cgroup = self._by_id.pop(cgroup_id, None)
        if cgroup is None:
            return
        if self._by_path.get(cgroup.path) is cgroup:
            del self._by_path[cgroup.path]
        self._gone[cgroup_id] = cgroup
        while len(self._gone) > _GONE_KEPT:
            self._gone.popitem(last=False)
        for tell in self.removed:
            tell(cgroup)

    def get(self, cgroup_id: int) -> Cgroup | None:
        """The cgroup with this id, also if it is gone since not long ago."""
        return self._by_id.get(cgroup_id) or self._gone.get(cgroup_id)

    def by_path(self, path: str) -> Cgroup | None:
        """The cgroup that has this path now."""
        return self._by_path.get(path)
