# SPDX-License-Identifier: Apache-2.0
"""Which runtimes are asked: words of the option container-runtimes, and the usual places.

A runtime costs nothing before there is a cgroup that may be one of its containers' and its socket
or state exists: only then its module is imported. So no classes are made by `dataclass` here.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UsageError
from tetragon_core.stats import Counter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tetragon_core.cgroups import Hierarchy
    from tetragon_core.workloads.cgroup_table import Cgroup
    from tetragon_core.workloads.table import WorkloadTable

    from .lookups import Lookups
    from .runtime import Runtime

    MayBe = Callable[[Cgroup], bool]
    """Whether a cgroup may be a container of the runtime; true at least where claims() is."""
    Row = tuple[MayBe, Callable[[], Runtime]]

__all__ = ["AUTO", "Host", "Runtimes"]

AUTO: Final = "auto"
_CRI: Final = "cri"
_SCHEME: Final = "unix://"
_CONTAINERD: Final = (
    "/run/containerd/containerd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/k0s/containerd.sock",
)


class Host:
    """How the host is seen from here."""

    def __init__(self, root: str, procfs: str, cgroups: str, hierarchy: Hierarchy) -> None:
        """`root` stands before each path of the host: nothing, or /proc/1/root for an agent in a
        container. `cgroups`: where the root of the hierarchy is seen that names containers.
        """
        self.root = root
        self.procfs = procfs
        self.cgroups = cgroups
        self.hierarchy = hierarchy


class Runtimes:
    """All that are wanted; a Surrounding of the server."""

    def __init__(
        self,
        words: Iterable[str],
        cri: str | None,
        host: Host,
        table: WorkloadTable,
        patience_s: float,
    ) -> None:
        """`words`: of the option; `cri`: the endpoint of CRI, empty for the usual ones,
        None for none. `patience_s`: how long a runtime may take to know a new container.

        Raises UsageError.
        """
        self._host = host
        self._table = table
        self._patience_s = patience_s
        wanted = [one for word in words for one in (_AUTO if word == AUTO else (word,))]
        self._closed = [row for word in wanted for row in self._rows(word, cri)]
        self._lookups: list[Lookups] = []

    async def start(self) -> None:
        """Begin to be asked."""
        self._table.sources.append(self.ask)

    async def close(self) -> None:
        """End."""
        if self.ask in self._table.sources:
            self._table.sources.remove(self.ask)
        for one in self._lookups:
            await one.close()

    def ask(self, cgroup: Cgroup) -> bool:
        """Open those that may know the cgroup: they are sources of their own, and asked next."""
        if self._closed and cgroup.outer is None:
            due = [row for row in self._closed if row[0](cgroup)]
            for row in due:
                self._closed.remove(row)
                self._open(row[1]())
        return False

    def counters(self) -> Mapping[Counter, int]:
        """Source for Stats."""
        return {
            Counter.LOOKUPS: sum(one.asked for one in self._lookups),
            Counter.LOOKUPS_FAILED: sum(one.unanswered for one in self._lookups),
            Counter.LOOKUPS_REFUSED: sum(one.refused for one in self._lookups),
        }

    def _open(self, runtime: Runtime) -> None:
        from .lookups import Lookups  # noqa: PLC0415  # see above

        lookups = Lookups(runtime, self._table, patience_s=self._patience_s)
        lookups.start()
        self._lookups.append(lookups)

    def _rows(self, word: str, cri: str | None) -> Sequence[Row]:
        kind, _, place = word.partition("=")
        rows = _KINDS.get(kind)
        if rows is None:
            known = ", ".join((AUTO, *_KINDS))
            raise UsageError(f'container-runtimes: "{word}" is none of {known}')
        if kind == _CRI and cri is None:
            return ()
        place = place or (cri or "" if kind == _CRI else "")
        path = place.removeprefix(_SCHEME)
        if path and not path.startswith("/"):
            raise UsageError(f"{place}: a runtime is given as {kind}=/PATH, or unix:///PATH")
        return rows(path, self._host)


def _exists(path: str) -> MayBe:
    return lambda _: os.path.exists(path)  # noqa: PTH110  # for each new cgroup: a third of the time


def _has_id(path: str) -> MayBe:
    return lambda cgroup: bool(cgroup.container_id) and os.path.exists(path)  # noqa: PTH110  # as above


def _places(place: str, usual: Sequence[str], host: Host) -> Sequence[str]:
    """A place that is given is one as the agent sees it."""
    return [place] if place else [host.root + one for one in usual]


def _cri(place: str, host: Host) -> Sequence[Row]:
    def made(path: str) -> Runtime:
        from .cri import CriRuntime  # noqa: PLC0415  # see above

        return CriRuntime(path)

    sockets = (*_CONTAINERD, "/run/crio/crio.sock", "/run/cri-dockerd.sock")
    return [(_has_id(one), partial(made, one)) for one in _places(place, sockets, host)]


def _containerd(place: str, host: Host) -> Sequence[Row]:
    def made(path: str) -> Runtime:
        from .containerd import ContainerdRuntime  # noqa: PLC0415  # see above

        return ContainerdRuntime(path)

    return [(_exists(one), partial(made, one)) for one in _places(place, _CONTAINERD, host)]


def _http(runtime: str, usual: str) -> Callable[[str, Host], Sequence[Row]]:
    def rows(place: str, host: Host) -> Sequence[Row]:
        (path,) = _places(place, (usual,), host)

        def made() -> Runtime:
            from .docker import DockerRuntime  # noqa: PLC0415  # see above

            return DockerRuntime(path, runtime)

        return [(_has_id(path), made)]

    return rows


def _podman(place: str, host: Host) -> Sequence[Row]:
    def made() -> Runtime:
        from .podman import PodmanRuntime  # noqa: PLC0415  # see above

        storages = _places(place, ("/var/lib/containers/storage",), host)
        return PodmanRuntime(storages, host.cgroups, host.procfs, host.root)

    return [(lambda cgroup: bool(cgroup.container_id) and _is_podmans(cgroup.path), made)]


def _is_podmans(path: str) -> bool:
    return not path or "libpod" in path


def _oci(runtime: str, usual: str) -> Callable[[str, Host], Sequence[Row]]:
    def rows(place: str, host: Host) -> Sequence[Row]:
        (root,) = _places(place, (usual,), host)

        def made() -> Runtime:
            from .oci_state import OciRuntime  # noqa: PLC0415  # see above

            return OciRuntime(runtime, root, host.hierarchy.controller, host.hierarchy.mount)

        return [(_exists(root), made)]

    return rows


_KINDS: Final[dict[str, Callable[[str, Host], Sequence[Row]]]] = {
    _CRI: _cri,
    "containerd": _containerd,
    "docker": _http("docker", "/run/docker.sock"),
    "podman": _podman,
    "podman-service": _http("podman", "/run/podman/podman.sock"),
    "runc": _oci("runc", "/run/runc"),
    "crun": _oci("crun", "/run/crun"),
}
_AUTO: Final = tuple(_KINDS)
