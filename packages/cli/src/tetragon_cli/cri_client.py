# SPDX-License-Identifier: Apache-2.0
"""Questions to a container runtime over its CRI socket: version, and where a container's cgroup is.

Only the few messages that are needed are known here: field names and numbers of
k8s.io/cri-api/pkg/apis/runtime/v1/api.proto.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any, Final, Self

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from tetragon_core.errors import ConnectionFailedError, TetragonError, UsageError
from tetragon_core.workloads.runtime_paths import cgroup_path

from .address import probe_socket, socket_path

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENDPOINTS", "CriClient", "messages"]

ENDPOINTS: Final = (
    "unix:///run/containerd/containerd.sock",
    "unix:///run/crio/crio.sock",
    "unix:///var/run/cri-dockerd.sock",
)
_SERVICE: Final = "/runtime.v1.RuntimeService/"
_STRING: Final = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_BOOL: Final = descriptor_pb2.FieldDescriptorProto.TYPE_BOOL
_FIELDS: Final[Mapping[str, tuple[tuple[str, int, int], ...]]] = {
    "VersionRequest": (("version", 1, _STRING),),
    "VersionResponse": (
        ("version", 1, _STRING),
        ("runtime_name", 2, _STRING),
        ("runtime_version", 3, _STRING),
        ("runtime_api_version", 4, _STRING),
    ),
    "ContainerStatusRequest": (("container_id", 1, _STRING), ("verbose", 2, _BOOL)),
    "ContainerStatusResponse": (),
}


@functools.cache
def messages() -> Mapping[str, Any]:
    """The classes of messages by name; their attributes are those of _FIELDS."""
    file = descriptor_pb2.FileDescriptorProto(
        name="tetragon_mini/cri.proto", package="runtime.v1", syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            message.field.add(name=field, number=number, type=kind, label="LABEL_OPTIONAL")
    _add_info(file.message_type[-1])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"runtime.v1.{name}"))
        for name in _FIELDS
    }


def _add_info(message: descriptor_pb2.DescriptorProto) -> None:
    """`map<string, string> info = 2`, as such a field is described."""
    entry = message.nested_type.add(name="InfoEntry")
    entry.options.map_entry = True
    for number, name in enumerate(("key", "value"), 1):
        entry.field.add(name=name, number=number, type=_STRING, label="LABEL_OPTIONAL")
    kind = f".runtime.v1.{message.name}.InfoEntry"
    message.field.add(
        name="info", number=2, type="TYPE_MESSAGE", label="LABEL_REPEATED", type_name=kind
    )


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
        reply = self._call("Version", {}, "VersionRequest", "VersionResponse")
        names = [name for name, *_ in _FIELDS["VersionResponse"]]
        return {name: getattr(reply, name) for name in names if getattr(reply, name)}

    def cgroup_path(self, container_id: str) -> str:
        """Cgroup of a container, below the mount. Raises TetragonError when it is not told."""
        wanted = {"container_id": container_id, "verbose": True}
        kinds = ("ContainerStatusRequest", "ContainerStatusResponse")
        info = self._call("ContainerStatus", wanted, *kinds).info
        try:
            given = json.loads(info["info"])["runtimeSpec"]["linux"]["cgroupsPath"]
        except (KeyError, TypeError, ValueError) as error:
            raise TetragonError(f"{self.endpoint} does not tell the cgroup path") from error
        return cgroup_path(str(given))

    def _call(self, method: str, wanted: Mapping[str, object], request: str, reply: str) -> Any:  # noqa: ANN401  # a class of messages()
        known = messages()
        stub = self._channel.unary_unary(
            _SERVICE + method,
            request_serializer=known[request].SerializeToString,
            response_deserializer=known[reply].FromString,
        )
        try:
            return stub(known[request](**wanted), timeout=self._timeout_s)
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
