# SPDX-License-Identifier: Apache-2.0
"""Questions to a container runtime over its CRI socket: version, and where a container's cgroup is.

The agent asks runtimes too, without grpcio: messages are the same ones.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Self

import grpc

from tetragon_core.errors import ConnectionFailedError, TetragonError, UsageError
from tetragon_core.workloads.runtime_paths import cgroup_path
from tetragon_k8s.runtimes.cri_messages import MESSAGES

from .address import probe_socket, socket_path

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENDPOINTS", "CriClient"]

ENDPOINTS: Final = (
    "unix:///run/containerd/containerd.sock",
    "unix:///run/crio/crio.sock",
    "unix:///var/run/cri-dockerd.sock",
)
_SERVICE: Final = "/runtime.v1.RuntimeService/"


class CriClient:
    """One connection to a container runtime; use it as a context manager."""

    def __init__(self, endpoint: str, timeout_s: float) -> None:
        """Raises UsageError, or ConnectionFailedError when no runtime answers."""
        self.endpoint = _found(endpoint)
        self._timeout_s = timeout_s
        self._channel = grpc.insecure_channel(
            f"unix:{socket_path(self.endpoint)}",
            # Some runtimes refuse the name that gRPC makes of the socket's path.
            options=(("grpc.default_authority", "localhost"),),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def version(self) -> dict[str, str]:
        """What the runtime says about itself; only what it fills in."""
        reply = self._call("Version", {})
        names = [field.name for field in reply.DESCRIPTOR.fields]
        return {name: getattr(reply, name) for name in names if getattr(reply, name)}

    def cgroup_path(self, container_id: str) -> str:
        """Cgroup of a container, below the mount. Raises TetragonError when it is not told."""
        wanted = {"container_id": container_id, "verbose": True}
        info = self._call("ContainerStatus", wanted).info
        try:
            given = json.loads(info["info"])["runtimeSpec"]["linux"]["cgroupsPath"]
        except (KeyError, TypeError, ValueError) as error:
            raise TetragonError(f"{self.endpoint} does not tell the cgroup path") from error
        return cgroup_path(str(given))

    def _call(self, method: str, wanted: Mapping[str, object]) -> Any:  # noqa: ANN401  # a class of MESSAGES
        request, reply = MESSAGES[f"{method}Request"], MESSAGES[f"{method}Response"]
        stub = self._channel.unary_unary(
            _SERVICE + method,
            request_serializer=request.SerializeToString,
            response_deserializer=reply.FromString,
        )
        try:
            return stub(request(**wanted), timeout=self._timeout_s)
        except grpc.RpcError as error:
            details = " ".join((error.details() or error.code().name).split())
            raise TetragonError(f"{method} of {self.endpoint} failed: {details}") from error


def _found(endpoint: str) -> str:
    """The endpoint that is given, or the first of ENDPOINTS where somebody listens."""
    if endpoint and not endpoint.startswith("unix://"):
        raise UsageError(f"{endpoint}: only unix endpoints are supported, as unix:///path")
    for one in (endpoint,) if endpoint else ENDPOINTS:
        error = probe_socket(socket_path(one) or "")
        if error is None:
            return one
        if endpoint:
            reason = error.strerror or str(error)
            raise ConnectionFailedError(f"unable to connect to CRI endpoint {one}: {reason}")
    raise ConnectionFailedError(f"unable to connect to CRI endpoints: {', '.join(ENDPOINTS)}")
