# SPDX-License-Identifier: Apache-2.0
"""Runtimes of Kubernetes, asked over CRI: containerd, CRI-O, cri-dockerd.

What identifies a pod comes from its sandbox, never from labels of a container: those may be the
image's. Names and numbers are those of k8s.io/cri-api/pkg/apis/runtime/v1/api.proto.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.workloads.model import Container, Pod

from .grpc_socket import GrpcSocket
from .id_names import maker
from .runtime import ANY_TIME_S, Found, bounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tetragon_core.workloads.cgroup_table import Cgroup

__all__ = ["CriRuntime"]

_SERVICE: Final = "/runtime.v1.RuntimeService/"
_MAKERS: Final = frozenset({"", "crio", "cri-containerd"})
_FEW: Final = 4
"""Up to so many containers are asked for one by one, more by a list of all."""
_AT_ONCE: Final = 4
_MAX_KEPT: Final = 1024
_SANDBOX: Final = "POD"
"""Name of the container that holds a pod's namespaces, as the kubelet's metrics have it."""


class CriRuntime:
    """One socket."""

    patience_s = ANY_TIME_S

    def __init__(self, path: str) -> None:
        self.name = f"the container runtime at unix://{path}"
        self._path = path
        self._socket = GrpcSocket(path)
        self._runtime_name = ""
        self._images: OrderedDict[str, str] = OrderedDict()
        """Names of images that containers only have the number of."""
        self._places = asyncio.Semaphore(_AT_ONCE)

    def start(self) -> None:
        """Nothing is asked before there is a container."""

    def claims(self, cgroup: Cgroup) -> bool:
        """Containers of Kubernetes' runtimes have an id of 64 digits."""
        by = maker(cgroup.path) if cgroup.path else ""
        if not cgroup.container_id or cgroup.path.startswith("/docker/"):
            return False
        if by not in _MAKERS and not (by == "docker" and cgroup.pod_uid):
            return False
        return os.path.exists(self._path)  # noqa: PTH110  # for each new cgroup: a third of the time

    async def find(self, cgroups: Sequence[Cgroup]) -> Mapping[int, Found]:
        """Containers and their pods; a pod's sandbox is a container too."""
        ids = [one.container_id for one in cgroups]
        if not self._runtime_name:
            version = await self._call("Version", {})
            self._runtime_name = str(version.runtime_name)[:64]
        containers = await self._containers(ids)
        wanted = [containers[one].pod_sandbox_id if one in containers else one for one in ids]
        pods = await self._sandboxes(list(dict.fromkeys(wanted)))
        found = {}
        for cgroup, sandbox_id in zip(cgroups, wanted, strict=True):
            row, sandbox = containers.get(cgroup.container_id), pods.get(sandbox_id)
            if row is not None:
                found[cgroup.id] = await self._container(row, sandbox)
            elif sandbox is not None:
                found[cgroup.id] = self._sandbox(sandbox)
        return found

    async def close(self) -> None:
        """Close the connection."""
        await self._socket.close()

    async def _containers(self, ids: Sequence[str]) -> dict[str, Any]:
        replies = await self._lists("ListContainers", ids)
        return {row.id: row for reply in replies for row in reply.containers}

    async def _sandboxes(self, ids: Sequence[str]) -> dict[str, Any]:
        replies = await self._lists("ListPodSandbox", ids)
        return {row.id: row for reply in replies for row in reply.items}

    async def _lists(self, method: str, ids: Sequence[str]) -> Sequence[Any]:
        if len(ids) > _FEW:
            return [await self._call(method, {})]
        return [await self._call(method, {"filter": {"id": one}}) for one in ids]

    async def _container(self, row: Any, sandbox: Any) -> Found:  # noqa: ANN401  # messages made from a table
        container = Container(
            id=row.id,
            runtime=self._runtime_name,
            name=row.metadata.name,
            image=await self._image(row),
            image_id=row.image_ref,
        )
        return Found(container=container, pod=None if sandbox is None else _pod(sandbox))

    def _sandbox(self, sandbox: Any) -> Found:  # noqa: ANN401  # as above
        container = Container(id=sandbox.id, runtime=self._runtime_name, name=_SANDBOX)
        return Found(container=container, pod=_pod(sandbox))

    async def _image(self, row: Any) -> str:  # noqa: ANN401  # as above
        """The name of the image. The kubelet makes containers by its number, and newer ones say."""
        told = str(row.image.user_specified_image or row.image.image)
        if not told.startswith("sha256:"):
            return told
        if told not in self._images:
            reply = await self._call("ContainerStatus", {"container_id": row.id})
            self._images[told] = told if reply is None else str(reply.status.image.image or told)
            while len(self._images) > _MAX_KEPT:
                self._images.popitem(last=False)
        return self._images[told]

    async def _call(self, method: str, wanted: Mapping[str, Any]) -> Any:  # noqa: ANN401  # as above
        from .cri_messages import MESSAGES  # noqa: PLC0415  # protobuf, only with a runtime

        request = MESSAGES[f"{method}Request"](**wanted)
        async with self._places:
            return await self._socket.call(
                _SERVICE + method, request, MESSAGES[f"{method}Response"]
            )


def _pod(sandbox: Any) -> Pod:  # noqa: ANN401  # as above
    return Pod(
        namespace=sandbox.metadata.namespace,
        name=sandbox.metadata.name,
        uid=sandbox.metadata.uid,
        labels=bounded(sandbox.labels),
        workload=sandbox.metadata.name,
        workload_kind="Pod",
    )
