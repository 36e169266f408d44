# SPDX-License-Identifier: Apache-2.0
"""Cgroups by id: their paths, and the containers their names tell. No files are read here.

Cgroups inside of containers are made by whoever is in them, so their number is bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..cgroups import container_id
from .cgroup_names import CgroupName, read_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Cgroup", "CgroupTable"]

_GONE_KEPT: Final = 1024
"""Removed cgroups that are still found, for events that come late."""
_INNER_KEPT: Final = 32_768
"""Cgroups inside of containers that are entered; no container that behaves comes near."""
_KEPT: Final = 262_144
"""All that are entered, about 100 MB: users of the host may make cgroups too."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cgroup:
    """One directory of the hierarchy that names containers."""

    id: int
    """The inode of the directory, which the kernel calls the cgroup's id."""
    path: str
    """In its hierarchy, from the host's root: /kubepods/burstable/pod<uid>/<id>.

    As os.fsdecode() gives it: good for opening files; to be shown it has to be made valid text.
    """
    container_id: str
    """Of the innermost container in the path; empty for a name no runtime makes."""
    pod_uid: str
    """Of a Kubernetes pod, with dashes; empty if the path names none."""
    top: Cgroup | None
    """Set for a cgroup inside a container's: the cgroup that the runtime made for it."""
    outer: Cgroup | None = None
    """Set for what has a container's name inside of another container: that one's cgroup.

    Docker in docker makes such, but so can anybody in a container, with any name.
    """
    is_old: bool = False
    """It was there before the agent: whoever made it for a container has long noted that."""

    @property
    def home(self) -> Cgroup:
        """The cgroup that stands for the container: this one, or the one it is inside of."""
        return self.top or self


class CgroupTable:
    """Filled by records of the kernel and by walks over the cgroup file system."""

    def __init__(self, *, max_inner: int = _INNER_KEPT, max_all: int = _KEPT) -> None:
        """`max_inner`: cgroups inside of containers that it takes, of `max_all`."""
        self._max_all = max_all
        self._max_inner = max_inner
        self._inner = 0
        self._by_id: dict[int, Cgroup] = {}
        self._by_path: dict[str, Cgroup] = {}
        self._gone: OrderedDict[int, Cgroup] = OrderedDict()
        self._looks_inside = False
        self._orphans: set[int] = set()
        """Entered before the one they are in; looked at again when they are told of again."""
        self.is_container: Callable[[int], bool] = lambda _: False
        """Whether a cgroup whose name tells nothing was made for a container all the same."""
        self.is_starting = False
        """What is entered now was there before the agent."""
        self.refused = 0
        """Times there was no room for a cgroup."""
        self.made: list[Callable[[Cgroup], object]] = []
        """Called with each new cgroup, outer ones first."""
        self.removed: list[Callable[[Cgroup], object]] = []
        """Called with each that is gone; get() still knows it for a while."""
        self.doubted: list[Callable[[], object]] = []
        """Called when something does not fit: the cgroup file system should be walked again."""
        self.settled: list[Callable[[], object]] = []
        """Called when that was done."""

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Cgroup]:
        return iter(list(self._by_id.values()))

    def __contains__(self, cgroup_id: int) -> bool:
        """Whether it is there now."""
        return cgroup_id in self._by_id

    def add(self, cgroup_id: int, path: str) -> None:
        """Enter a cgroup; one that is known already changes nothing."""
        path = "" if path == "/" else path
        known = self._by_id.get(cgroup_id)
        if known is not None and known.path == path and cgroup_id not in self._orphans:
            return
        cgroup = self._described(cgroup_id, path)
        if known is not None and known.path == path and _is_alike(known, cgroup):
            return
        stale = self._by_path.get(path)
        for old in (known, stale):  # its removal was not told
            if old is not None:
                self.remove(old.id)
        is_inner = _is_inner(cgroup)
        if len(self._by_id) >= self._max_all or (is_inner and self._inner >= self._max_inner):
            self._orphans.discard(cgroup_id)
            self.refused += 1
            return
        self._inner += is_inner
        self._by_id[cgroup_id] = self._by_path[path] = cgroup
        for tell in self.made:
            tell(cgroup)
        if known is not None and known.path == path and not self._looks_inside:
            self._look_inside(f"{path}/")

    def add_inside(self, cgroup_id: int, parent_id: int, name: str) -> None:
        """Enter a cgroup by the one it is in."""
        parent = self._by_id.get(parent_id)
        if parent is None:
            self.doubt()
        else:
            self.add(cgroup_id, f"{parent.path}/{name}")

    def rename(self, cgroup_id: int, path: str) -> None:
        """Note a new path, which those inside of it have too: they are looked up again."""
        self.add(cgroup_id, path)
        self.doubt()

    def remove(self, cgroup_id: int) -> None:
        """Note that the cgroup is gone."""
        cgroup = self._by_id.pop(cgroup_id, None)
        if cgroup is None:
            return
        self._inner -= _is_inner(cgroup)
        self._orphans.discard(cgroup_id)
        if self._by_path.get(cgroup.path) is cgroup:
            del self._by_path[cgroup.path]
        self._gone[cgroup_id] = cgroup
        while len(self._gone) > _GONE_KEPT:
            self._gone.popitem(last=False)
        for tell in self.removed:
            tell(cgroup)

    def doubt(self) -> None:
        """Say that cgroups are missing."""
        for tell in self.doubted:
            tell()

    def settle(self) -> None:
        """Say that nothing is missing any more."""
        for tell in self.settled:
            tell()

    def get(self, cgroup_id: int) -> Cgroup | None:
        """The cgroup with this id, also if it is gone since not long ago."""
        return self._by_id.get(cgroup_id) or self._gone.get(cgroup_id)

    def by_path(self, path: str) -> Cgroup | None:
        """The cgroup that has this path now."""
        return self._by_path.get(path)

    def _look_inside(self, start: str) -> None:
        """What is inside of one that turned out to belong elsewhere does so too."""
        inside = {one.path: one.id for one in self._by_id.values() if one.path.startswith(start)}
        self._looks_inside = True
        for path, cgroup_id in sorted(inside.items()):
            self._orphans.add(cgroup_id)
            self.add(cgroup_id, path)
        self._looks_inside = False

    def around(self, path: str) -> Iterator[Cgroup]:
        """Those that this one is inside of, inner ones first, without the root."""
        while path := path.rpartition("/")[0]:
            cgroup = self._by_path.get(path)
            if cgroup is not None:
                yield cgroup

    def _described(self, cgroup_id: int, path: str) -> Cgroup:
        above, _, last = path.rpartition("/")
        self._orphans.discard(cgroup_id)
        if above and above not in self._by_path:
            self._orphans.add(cgroup_id)
        home = self._home_of(above) if path else None
        if home is not None and not container_id(last):
            name = CgroupName(home.container_id, home.pod_uid)
        else:
            name = read_path(path)
        is_same = home is not None and name.container_id in {"", home.container_id}
        return Cgroup(
            id=cgroup_id,
            path=path,
            container_id=name.container_id,
            pod_uid=name.pod_uid,
            top=home if is_same else None,
            outer=None if is_same else home,
            is_old=self.is_starting,
        )

    def _home_of(self, path: str) -> Cgroup | None:
        """The container that has this cgroup, if one does."""
        cgroup = self._by_path.get(path)
        if cgroup is None:
            return None
        if cgroup.top is None and not cgroup.container_id and not self.is_container(cgroup.id):
            return None
        return cgroup.home


def _is_alike(one: Cgroup, other: Cgroup) -> bool:
    return (one.top, one.outer) == (other.top, other.outer)


def _is_inner(cgroup: Cgroup) -> bool:
    return cgroup.top is not None or cgroup.outer is not None
