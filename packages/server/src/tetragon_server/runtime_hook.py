# SPDX-License-Identifier: Apache-2.0
"""RuntimeHook: the hook of a container runtime announces a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from tetragon import tetragon_pb2 as pb
from tetragon_core.errors import TetragonError
from tetragon_core.workloads.announcement import Announcement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from google.protobuf.message import Message

    from .announcements import Announcements

    # What a request is depends on the rpc.
    Answer = Callable[[Any], Awaitable[Message]]

__all__ = ["RuntimeHookRpc"]


class RuntimeHookRpc:
    """Announcements of containers."""

    def __init__(self, announcements: Announcements) -> None:
        self._announcements = announcements

    def answers(self) -> Mapping[str, Answer]:
        """Rpc name → request to reply; raising GRPCError."""
        return {"RuntimeHook": self._take}

    async def _take(self, request: pb.RuntimeHookRequest) -> Message:
        if request.WhichOneof("event") != "createContainer":
            raise GRPCError(Status.UNKNOWN, "RuntimeHook: the request announces nothing")
        try:
            self._announcements.announce(_announcement(request.createContainer))
        except TetragonError as error:
            raise GRPCError(Status.FAILED_PRECONDITION, str(error)) from error
        return pb.RuntimeHookResponse()


_NAMES: Final = {
    "io.kubernetes.cri-o.ContainerID": "cri-o",
    "io.kubernetes.cri.sandbox-id": "containerd",
    "io.container.manager": "podman",
}
"""Annotations that only one runtime makes."""


def _announcement(new: pb.CreateContainer) -> Announcement:
    annotations = new.annotations
    runtimes = (runtime for name, runtime in _NAMES.items() if name in annotations)
    return Announcement(
        cgroups_path=new.cgroupsPath,
        container_id=new.containerID,
        runtime=next(runtimes, ""),
        name=new.containerName,
        image=new.containerImage,
        pod_uid=new.podUID,
        pod_name=new.podName,
        pod_namespace=new.podNamespace,
        annotations=dict(annotations),
    )
