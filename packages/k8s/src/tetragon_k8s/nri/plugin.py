# SPDX-License-Identifier: Apache-2.0
"""The plugin: connects, registers, and announces containers before their programs run.

A container never fails to start because of us: what cannot be announced is logged, and its
processes are found by their cgroup as without a plugin. The runtime waits for our answer, two
seconds by default, so the answer must not wait for anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError

from tetragon_core.errors import TetragonError
from tetragon_core.workloads.announcement import Announcement

from .link import Link, LinkError, Request, Response
from .messages import (
    EVENT_MASK,
    PLUGIN_SERVICE,
    RUNTIME_SERVICE,
    START_CONTAINER,
    UNIMPLEMENTED,
    Nri,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NriPlugin"]

_log = logging.getLogger(__name__)

_NAME: Final = "tetragon-mini"
_INDEX: Final = "01"
"""Plugins are asked in this order; it says nothing else."""
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_IMAGE: Final = ("io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName")
_CRIO: Final = "io.kubernetes.cri-o.ContainerID"


class NriPlugin:
    """One per agent; registered whenever a runtime listens."""

    def __init__(self, socket: str, announce: Callable[[Announcement], None]) -> None:
        """`announce` raises TetragonError for a container it cannot take."""
        self._socket = socket
        self._announce = announce
        self._task: asyncio.Task[None] | None = None
        self._pods: dict[str, Any] = {}
        self.is_registered = False

    async def start(self) -> None:
        """Begin to connect; a runtime that is not there is tried again for ever."""
        self._task = asyncio.create_task(self._stay_connected())

    async def close(self) -> None:
        """Leave; containers start without us."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _stay_connected(self) -> None:
        pause_s = _FIRST_PAUSE_S
        told = ""
        while True:
            try:
                await self._serve_once()
            except (OSError, EOFError, LinkError) as error:
                why = _reason(error)
            if self.is_registered:
                pause_s, told = _FIRST_PAUSE_S, ""
                self.is_registered = False
            if why != told:  # once, not at every attempt
                told = why
                _log.warning("NRI: %s: %s; containers start without us", self._socket, why)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _serve_once(self) -> None:
        """Until the connection ends, which is an error always."""
        reader, writer = await asyncio.open_unix_connection(self._socket)
        link = Link(reader, writer)
        try:
            wanted = Nri["RegisterPluginRequest"](plugin_name=_NAME, plugin_idx=_INDEX)
            link.call(RUNTIME_SERVICE, "RegisterPlugin", wanted.SerializeToString())
            while True:
                message = await link.receive()
                if isinstance(message, Response):
                    self._on_registered(message)
                else:
                    self._answer(link, message)
        finally:
            link.close()

    def _on_registered(self, response: Response) -> None:
        if response.error:
            raise LinkError(f"the plugin was refused: {response.error}")
        self.is_registered = True
        _log.info("NRI: registered", extra={"attrs": {"socket": self._socket}})

    def _answer(self, link: Link, request: Request) -> None:
        try:
            payload = self._handle(request)
        except DecodeError as error:
            raise LinkError(f"{request.method}: {error}") from error
        if payload is None:
            link.refuse(request, UNIMPLEMENTED, f"{request.service}/{request.method}")
        else:
            link.answer(request, payload)

    def _handle(self, request: Request) -> bytes | None:
        """The reply; None for what no plugin has."""
        if request.service != PLUGIN_SERVICE:
            return None
        method, payload = request.method, request.payload
        if method == "Configure":
            return bytes(Nri["ConfigureResponse"](events=EVENT_MASK).SerializeToString())
        if method == "Synchronize":
            return self._synchronize(Nri["SynchronizeRequest"].FromString(payload))
        if method == "StateChange":
            change = Nri["StateChangeEvent"].FromString(payload)
            if change.event == START_CONTAINER:
                self._take(change.pod, change.container)
            return b""
        if method == "StartContainer":
            start = Nri["StartContainerRequest"].FromString(payload)
            self._take(start.pod, start.container)
            return b""
        return b"" if method == "Shutdown" else None

    def _synchronize(self, request: Any) -> bytes:  # noqa: ANN401  # made from a table
        """What runs already, in parts when it is much: pods come with or before containers."""
        self._pods.update({pod.id: pod for pod in request.pods})
        for container in request.containers:
            pod = self._pods.get(container.pod_sandbox_id)
            if pod is not None:
                self._take(pod, container)
        if not request.more:
            self._pods.clear()
        return bytes(Nri["SynchronizeResponse"](more=request.more).SerializeToString())

    def _take(self, pod: Any, container: Any) -> None:  # noqa: ANN401  # made from a table
        annotations = dict(container.annotations)
        images = (annotations[name] for name in _IMAGE if name in annotations)
        new = Announcement(
            cgroups_path=container.linux.cgroups_path,
            container_id=container.id,
            runtime="cri-o" if _CRIO in annotations else "containerd",
            name=container.name,
            image=next(images, ""),
            pod_uid=pod.uid,
            pod_name=pod.name,
            pod_namespace=pod.namespace,
            pod_labels=dict(pod.labels),
            annotations={**pod.annotations, **annotations},
        )
        try:
            self._announce(new)
        except TetragonError as error:
            attrs = {"container": container.id, "pod": f"{pod.namespace}/{pod.name}"}
            _log.warning("NRI: a container was not taken: %s", error, extra={"attrs": attrs})


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error) if isinstance(error, LinkError) else "the runtime closed the connection"
