# SPDX-License-Identifier: Apache-2.0
"""Who runs in which cgroup: what several sources tell of containers and pods, put together.

Used in the event loop's thread only. A source is asked about each new cgroup and answers later, or
tells by itself; better informed ones win over others, whatever comes first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from .cgroup_names import is_of_user
from .cgroup_table import Cgroup
from .doubtful import DoubtfulCgroups
from .known import Known, Rank, merged, standing_in
from .missing import MissingCgroups
from .model import HOST, Container, Pod, Workload
from .pods import PodTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .cgroup_table import CgroupTable

    Source = Callable[[Cgroup], bool]
    """Asked about a new cgroup; True: it looks it up, and calls learn() or give_up() later."""

__all__ = ["Rank", "WorkloadTable"]


_LATE: Final = 1024
"""Containers that are still found after their end, for events that come late; and so many that
are told of before they have a cgroup."""


class WorkloadTable:
    """One per agent."""

    def __init__(self, cgroups: CgroupTable, *, gone_pods: int = 1024) -> None:
        """`gone_pods`: pods that are still found after their end."""
        self.cgroups = cgroups
        self.pods = PodTable(gone_pods, self._on_pod)
        self.expects_pods = False
        """Whether an API server tells pods: a container of a pod then waits for its pod."""
        self.is_kubernetes = False
        """Whether namespaces are those of an API server, also while it tells nothing."""
        self.sources: list[Source] = []
        self.changed: list[Callable[[Cgroup], object]] = []
        """Called with the cgroup of a container of which more is known, or something else; also
        when the container has ended."""
        self.gone: list[Callable[[Cgroup], object]] = []
        """Called with the cgroup of a container that is gone."""
        self._by_home: dict[int, Known] = {}
        self._by_id: dict[str, Known] = {}
        self._late: OrderedDict[int, Known] = OrderedDict()
        self._unseen: OrderedDict[str, Known] = OrderedDict()
        """Told of, and without a cgroup so far."""
        self.missing = MissingCgroups(cgroups)
        self._doubtful = DoubtfulCgroups()
        cgroups.is_container = self._is_told
        cgroups.made.append(self._on_made)
        cgroups.removed.append(self._on_removed)

    def learn(
        self,
        container: Container,
        rank: Rank,
        *,
        cgroup_id: int = 0,
        pod: Pod | None = None,
        pod_uid: str = "",
    ) -> None:
        """Take what a source says of a container, found by its cgroup or else by its id.

        A source that was asked says so by `cgroup_id`, and is no longer waited for.
        """
        known = self._exact(cgroup_id) if cgroup_id else self._by_id.get(container.id)
        if known is None:
            cgroup = self.cgroups.get(cgroup_id)
            is_fake = cgroup is not None and is_of_user(cgroup.path) and self._is_copy(cgroup)
            if cgroup_id and (cgroup is None or is_fake):
                return  # gone for too long, or only called so
            known = self._enter(container, cgroup)
        if cgroup_id and known.pending and rank is not Rank.ANNOUNCED:
            known.pending -= 1
        known.container = merged(known.container, container, wins=rank >= known.rank)
        if pod is not None and (known.pod is None or rank >= known.rank):
            known.pod = pod
        known.pod_uid = pod_uid or (pod.uid if pod is not None else "") or known.pod_uid
        known.rank = max(rank, known.rank)
        self._by_id.setdefault(known.container.id, known)
        self._tell(known)

    def give_up(self, cgroup_id: int, *, for_now: bool = False) -> None:
        """Note that a source which was asked does not know the cgroup, or `for_now` cannot say."""
        known = self._asked_of(cgroup_id)
        if known is None or not known.pending:
            return
        is_kept = for_now and known.cgroup is not None and bool(known.cgroup.container_id)
        known.is_late |= is_kept
        known.pending -= not is_kept
        if not known.pending and not known.container.id:
            self._drop(known)  # it was no container after all
            self._late.pop(cgroup_id, None)
            self._doubtful.add(known.cgroup)
        self._tell(known)

    def settle(self, cgroup_id: int) -> None:
        """Note that nobody will ever name this container, such as the one that holds a pod."""
        known = self._asked_of(cgroup_id)
        if known is not None and not known.is_final:
            known.is_final = True
            self._tell(known)

    def workload(self, cgroup_id: int, container_id: str) -> Workload | None:
        """Of a process, for its events; None while somebody may still tell more.

        `container_id`: from the cgroup's name, for a cgroup whose making was missed.
        """
        if self._asked_of(cgroup_id) is None and self.missing.is_sought(cgroup_id):
            return None
        if (known := self._find(cgroup_id, container_id)) is None:
            return HOST
        if self._is_complete(known):
            return self._settled(known)
        return self._marked(known) if known.is_late else None

    def best(self, cgroup_id: int, container_id: str = "") -> Workload:
        """As workload(), but without waiting: marked when somebody should have told more."""
        if (known := self._find(cgroup_id, container_id)) is None:
            return HOST
        return self._settled(known) if self._is_complete(known) else self._marked(known)

    def stop_waiting(self, cgroup_id: int) -> None:
        """Let events of this container go marked, until more is known."""
        if (known := self._of_cgroup(cgroup_id)) is not None:
            known.is_late = True

    def is_certain(self, cgroup_id: int) -> bool:
        """Whether nobody is expected to tell more of the container."""
        known = self._of_cgroup(cgroup_id)
        if known is None or known.pending:
            return False
        return not (known.pod_uid and self.expects_pods and self.pods.get(known.pod_uid) is None)

    def home(self, cgroup_id: int) -> Cgroup | None:
        """The cgroup of the container that this one is of or inside of; None for the host's."""
        known = self._of_cgroup(cgroup_id)
        return known.cgroup if known is not None else None

    def homes(self) -> Iterator[Cgroup]:
        """Cgroups of all containers there are."""
        return iter([one.cgroup for one in self._by_home.values() if one.cgroup is not None])

    def containers(self) -> Iterator[tuple[Container, Pod | None]]:
        """All that run, as they are known now."""
        return iter([(one.container, self._pod(one)) for one in self._by_home.values()])

    def _asked_of(self, cgroup_id: int) -> Known | None:
        """The container of a cgroup that a source was asked about; it may be gone by now."""
        return self._by_home.get(cgroup_id) or self._late.get(cgroup_id)

    def _find(self, cgroup_id: int, container_id: str) -> Known | None:
        known = self._of_cgroup(cgroup_id)
        if known is None and (again := self._doubtful.take(cgroup_id)) is not None:
            known = self._ask(again)
        if known is None and container_id and self.cgroups.get(cgroup_id) is None:
            known = self._by_id.get(container_id)
            if known is None and cgroup_id:
                known = self._ask(
                    Cgroup(id=cgroup_id, path="", container_id=container_id, pod_uid="", top=None)
                )
        return known

    def _of_cgroup(self, cgroup_id: int) -> Known | None:
        """One inside of another container counts only if it is told of: anybody can name so."""
        known = self._exact(cgroup_id)
        while known is not None and not known.rank and not known.pending:
            outer = known.cgroup.outer if known.cgroup is not None else None
            around = self._asked_of(outer.id) if outer is not None else None
            if around is None or not (around.rank or around.pending):
                break
            known = around
        return known

    def _exact(self, cgroup_id: int) -> Known | None:
        known, cgroup = self._asked_of(cgroup_id), self.cgroups.get(cgroup_id)
        if known is not None or cgroup is None:
            return known
        if cgroup.top is not None:
            return self._asked_of(cgroup.top.id)
        return self._of_cgroup_around(cgroup.path)

    def _of_cgroup_around(self, path: str) -> Known | None:
        """A container whose name tells nothing may have cgroups inside too."""
        found = (self._by_home.get(one.id) for one in self.cgroups.around(path))
        return next((known for known in found if known is not None), None)

    def _on_made(self, cgroup: Cgroup) -> None:
        if before := self._late.pop(cgroup.id, None):  # it was renamed, and has begun anew
            self._drop(before)
        if cgroup.top is None and cgroup.path:
            self._ask(cgroup)

    def _is_told(self, cgroup_id: int) -> bool:
        return (known := self._by_home.get(cgroup_id)) is not None and known.rank > 0

    def _ask(self, cgroup: Cgroup) -> Known | None:
        """Ask all sources about a new cgroup; None when it is nobody's container."""
        if self._is_copy(cgroup):
            return None
        waited = [source(cgroup) for source in self.sources]
        if not cgroup.container_id and not any(waited):
            return None
        known = self._enter(Container(id=cgroup.container_id), cgroup)
        known.pending += sum(waited)
        self._tell(known)
        return known

    def _is_copy(self, cgroup: Cgroup) -> bool:
        """Whether it has the name of a container that lives elsewhere; anybody can name so."""
        known = self._by_id.get(cgroup.container_id)
        if known is None or known.cgroup is None or known.cgroup.id not in self.cgroups:
            return False
        if is_of_user(known.cgroup.path) and not is_of_user(cgroup.path):
            self._drop(known)  # a user has taken the name first
            for tell in (*self.gone, *self.changed):
                tell(known.cgroup)
            return False
        if not known.cgroup.path.startswith(f"{cgroup.path}/"):
            return True
        self._by_home.pop(known.cgroup.id, None)  # one inside was told of first
        self._unseen[cgroup.container_id] = known
        return False

    def _enter(self, container: Container, cgroup: Cgroup | None) -> Known:
        """A container that is new here, or in a cgroup now."""
        known = self._unseen.pop(container.id, None) or Known(container)
        if cgroup is not None:
            known.cgroup = cgroup
            known.pod_uid = known.pod_uid or cgroup.pod_uid
            self._by_home[cgroup.id] = known
        else:
            self._unseen[container.id] = known
            if len(self._unseen) > _LATE:
                self._drop(self._unseen.popitem(last=False)[1])
        if container.id:
            self._by_id[container.id] = known
        return known

    def _on_removed(self, cgroup: Cgroup) -> None:
        known = self._by_home.get(cgroup.id)
        if known is None or known.cgroup is not cgroup:
            return
        del self._by_home[cgroup.id]
        self._late[cgroup.id] = known
        while len(self._late) > _LATE:
            self._drop(self._late.popitem(last=False)[1])
        for tell in self.gone:
            tell(cgroup)

    def _drop(self, known: Known) -> None:
        if known.cgroup is not None:
            self._by_home.pop(known.cgroup.id, None)
        if self._by_id.get(known.container.id) is known:
            del self._by_id[known.container.id]

    def _on_pod(self, uid: str) -> None:
        for known in [*self._by_home.values(), *self._late.values()]:
            if self.pods.canonical(known.pod_uid) == uid:
                self._tell(known)

    def _is_complete(self, known: Known) -> bool:
        if known.pod_uid and self.expects_pods:
            is_named = bool(known.container.name) or known.is_final
            return is_named and self.pods.get(known.pod_uid) is not None
        return bool(known.container.name) or not known.pending

    def _settled(self, known: Known) -> Workload:
        if known.workload is None or known.workload.is_incomplete:
            known.workload = Workload(known.container, self._pod(known))
        return known.workload

    def _marked(self, known: Known) -> Workload:
        if known.workload is None:
            known.workload = Workload(known.container, self._pod(known), is_incomplete=True)
        return known.workload

    def _pod(self, known: Known) -> Pod | None:
        pod = self.pods.get(known.pod_uid) or known.pod
        if pod is None and known.container.name:
            pod = standing_in(known.container)
        return pod

    def _tell(self, known: Known) -> None:
        known.workload = None
        if known.cgroup is not None:
            for tell in self.changed:
                tell(known.cgroup)
