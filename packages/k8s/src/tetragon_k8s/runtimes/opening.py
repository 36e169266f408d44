# SPDX-License-Identifier: Apache-2.0
"""Which runtimes are asked: words of the option container-runtimes, and the usual places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tetragon_core.cgroups import Hierarchy
    from tetragon_core.workloads.table import WorkloadTable

    from .lookups import Lookups
    from .runtime import Runtime

__all__ = ["AUTO", "Cri", "Host", "open_runtimes"]

AUTO: Final = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """How the host is seen from here."""

    root: str
    """Before each path of the host: empty, or /proc/1/root for an agent in a container."""
    procfs: str
    hierarchy: Hierarchy
    """The one whose paths name containers."""
    cgroups: str
    """Where its root is seen from here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cri:
    """The options of Tetragon for it."""

    is_wanted: bool
    endpoint: str
    """unix:///PATH; empty: the usual ones."""


def open_runtimes(
    words: Iterable[str], host: Host, cri: Cri, table: WorkloadTable, patience_s: float
) -> Sequence[Lookups]:
    """A source for each runtime that is wanted, not started. Raises UsageError."""
    from .lookups import Lookups  # noqa: PLC0415  # asyncio; not when runtimes are switched off

    wanted = [one for word in words for one in (_AUTO if word == AUTO else (word,))]
    if cri.endpoint:
        wanted = [one if one != "cri" else f"cri={cri.endpoint}" for one in wanted]
    if not cri.is_wanted:
        wanted = [one for one in wanted if one.partition("=")[0] != "cri"]
    runtimes = [one for word in wanted for one in _opened(word, host)]
    return [Lookups(one, table, patience_s=patience_s) for one in runtimes]


def _opened(word: str, host: Host) -> Sequence[Runtime]:
    kind, _, place = word.partition("=")
    opener = _OPENERS.get(kind)
    if opener is None:
        known = ", ".join((AUTO, *_OPENERS))
        raise UsageError(f'container-runtimes: "{word}" is none of {known}')
    if place and not place.removeprefix("unix://").startswith("/"):
        raise UsageError(f'container-runtimes: "{place}" is no path; write {kind}=/PATH')
    return opener(place.removeprefix("unix://"), host)


def _cri(place: str, host: Host) -> Sequence[Runtime]:
    from .cri import ENDPOINTS, CriRuntime  # noqa: PLC0415  # what is not wanted is not imported

    return [CriRuntime(path) for path in _places(place, ENDPOINTS, host)]


def _containerd(place: str, host: Host) -> Sequence[Runtime]:
    from .containerd import SOCKET, ContainerdRuntime  # noqa: PLC0415  # as above

    return [ContainerdRuntime(path) for path in _places(place, (SOCKET,), host)]


def _docker(place: str, host: Host) -> Sequence[Runtime]:
    from .docker import DOCKER_SOCKET, DockerRuntime  # noqa: PLC0415  # as above

    return [DockerRuntime(path) for path in _places(place, (DOCKER_SOCKET,), host)]


def _podman(place: str, host: Host) -> Sequence[Runtime]:
    from .podman import STORAGE, PodmanRuntime  # noqa: PLC0415  # as above

    storages = _places(place, (STORAGE,), host)
    return [PodmanRuntime(storages, host.cgroups, host.procfs, host.root)]


def _podman_service(place: str, host: Host) -> Sequence[Runtime]:
    from .docker import PODMAN_SOCKET, DockerRuntime  # noqa: PLC0415  # as above

    return [DockerRuntime(path, "podman") for path in _places(place, (PODMAN_SOCKET,), host)]


def _oci(runtime: str, place: str, host: Host) -> Sequence[Runtime]:
    from .oci_state import ROOTS, OciRuntime  # noqa: PLC0415  # as above

    (root,) = _places(place, (ROOTS[runtime],), host)
    hierarchy = host.hierarchy
    return [OciRuntime(runtime, root, hierarchy.controller, hierarchy.mount)]


def _places(place: str, usual: Sequence[str], host: Host) -> Sequence[str]:
    """A place that is given is one as the agent sees it."""
    return [place] if place else [host.root + one for one in usual]


_OPENERS: Final[dict[str, Callable[[str, Host], Sequence[Runtime]]]] = {
    "cri": _cri,
    "containerd": _containerd,
    "docker": _docker,
    "podman": _podman,
    "podman-service": _podman_service,
    "runc": lambda place, host: _oci("runc", place, host),
    "crun": lambda place, host: _oci("crun", place, host),
}
_AUTO: Final = tuple(_OPENERS)
