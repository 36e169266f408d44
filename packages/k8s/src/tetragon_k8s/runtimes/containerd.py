# SPDX-License-Identifier: Apache-2.0
"""Containers that ctr and nerdctl make, asked over containerd's own API.

Their cgroup is /NAMESPACE/ID, where an id is any word; a cgroup is only taken for one of them while
containerd has a namespace of that name. Containers of Kubernetes and Docker are others' (cri.py,
docker.py).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.workloads.model import Container

from .grpc_socket import GrpcSocket
from .id_names import maker
from .runtime import REGISTERED_S, Found, RuntimeFailedError, bounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tetragon_core.workloads.cgroup_table import Cgroup

__all__ = ["ContainerdRuntime"]

_API: Final = "/containerd.services"
_ID: Final = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*\Z")
"""As containerd's identifiers.Validate has it."""
_MAX_ID: Final = 76
_OTHERS: Final = frozenset({"moby", "k8s.io"})
_NERDCTL: Final = "nerdctl"
_UNITS: Final = (".slice", ".scope", ".service", ".mount")
"""Of systemd: never a namespace."""
_MAX_REFUSED: Final = 1024


class ContainerdRuntime:
    """One socket."""

    patience_s = REGISTERED_S

    def __init__(self, path: str) -> None:
        self.name = f"containerd at unix://{path}"
        self._path = path
        self._socket = GrpcSocket(path)
        self._namespaces: frozenset[str] = frozenset()
        self._refused: set[str] = set()
        """Names of outer cgroups that are no namespaces."""

    def start(self) -> None:
        """Namespaces are read with the first look-up: a new name is claimed until then."""

    def claims(self, cgroup: Cgroup) -> bool:
        """/NAMESPACE/ID, or systemd's unit of a container of nerdctl."""
        if cgroup.pod_uid or not os.path.exists(self._path):  # noqa: PTH110  # for each new cgroup: a third of the time
            return False
        if maker(cgroup.path) == _NERDCTL:
            return True
        namespace, container_id = _split(cgroup.path)
        return (
            bool(namespace)
            and namespace not in self._refused
            and namespace not in _OTHERS
            and not namespace.endswith(_UNITS)
            and _is_id(namespace)
            and _is_id(container_id)
        )

    async def find(self, cgroups: Sequence[Cgroup]) -> Mapping[int, Found | None]:
        """Asked one by one: the replies of a list hold the whole configuration of each."""
        await self._read_namespaces({_split(one.path)[0] for one in cgroups} - {""})
        found: dict[int, Found | None] = {}
        for cgroup in cgroups:
            namespace, container_id = _split(cgroup.path)
            if maker(cgroup.path) == _NERDCTL:
                names, container_id = self._namespaces - _OTHERS, cgroup.container_id
            else:
                names = self._namespaces & {namespace}
            if not names:
                found[cgroup.id] = None
            for name in names:
                answer = await self._container(name, container_id)
                if answer is not None:
                    found[cgroup.id] = answer
        return found

    async def close(self) -> None:
        """Close the connection."""
        await self._socket.close()

    async def _read_namespaces(self, wanted: set[str]) -> None:
        if wanted <= self._namespaces:
            return
        reply = await self._call("namespaces", "Namespaces", "List", "ListNamespaces", {})
        self._namespaces = frozenset(one.name for one in reply.namespaces)
        if len(self._refused) > _MAX_REFUSED:
            self._refused.clear()
        self._refused |= wanted - self._namespaces

    async def _container(self, namespace: str, container_id: str) -> Found | None:
        metadata = {"containerd-namespace": namespace}
        reply = await self._call(
            "containers", "Containers", "Get", "GetContainer", {"id": container_id}, metadata
        )
        if reply is None:
            return None
        labels = bounded(reply.container.labels)
        name = labels.get("nerdctl/name") or container_id
        image = reply.container.image
        return Found(
            container=Container(
                id=container_id, runtime="containerd", name=name, image=image, labels=labels
            )
        )

    async def _call(
        self,
        group: str,
        service: str,
        method: str,
        message: str,
        wanted: Mapping[str, str],
        metadata: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401  # messages made from a table
        from .containerd_messages import MESSAGES  # noqa: PLC0415  # protobuf, only with a runtime

        path = f"{_API}.{group}.v1.{service}/{method}"
        request = MESSAGES[f"{message}Request"](**wanted)
        reply = await self._socket.call(path, request, MESSAGES[f"{message}Response"], metadata)
        if reply is None and message == "ListNamespaces":
            raise RuntimeFailedError("it has no namespaces")
        return reply


def _split(path: str) -> tuple[str, str]:
    """Namespace and id; both empty for a path of more or fewer parts."""
    _, *parts = path.split("/")
    return (parts[0], parts[1]) if len(parts) == 2 else ("", "")


def _is_id(name: str) -> bool:
    return len(name) <= _MAX_ID and _ID.match(name) is not None
