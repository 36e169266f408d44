# SPDX-License-Identifier: Apache-2.0
"""Container and pod as message `Pod`: what all processes of a container share, and the rest.

It is in each event, and kept with each process: whoever may create pods must not choose how large.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import UInt32Value

from tetragon import tetragon_pb2 as pb
from tetragon_core.arguments import decode_text
from tetragon_core.workloads.fitting import MAX_ANNOTATIONS, MAX_LABELS, fitting

if TYPE_CHECKING:
    from tetragon_core.process import Image, Process
    from tetragon_core.workloads.model import Container, Pod, Workload

__all__ = ["container_id_text", "own_part", "pod_message", "shared_part"]

_MAX_NAME: Final = 1024
"""Characters of what is not limited elsewhere, such as an owner's name."""


def pod_message(process: Process) -> pb.Pod | None:
    """The whole; None for a process of the host, or of a container nobody knows more of."""
    shared = shared_part(process.workload)
    if not shared:
        return None
    message = pb.Pod.FromString(shared)
    message.MergeFromString(own_part(process))
    return message


def shared_part(workload: Workload | None) -> bytes:
    """Serialized message Pod without what differs by process; empty: there is no pod to show."""
    if workload is None or workload.pod is None:
        return b""
    if not workload.encoded:
        workload.encoded = _shared(workload.pod, workload.container).SerializeToString()
    return workload.encoded


def own_part(process: Process) -> bytes:
    """What is appended to the shared part; parsers merge the two messages Container."""
    workload, image = process.workload, process.image
    if workload is None or workload.container is None:
        return b""
    own = pb.Container()
    if process.nspid:
        own.pid.CopyFrom(UInt32Value(value=process.nspid))
    if workload.container.exec_probes and image is not None:
        own.maybe_exec_probe = _is_probe(image, workload.container)
    return pb.Pod(container=own).SerializeToString() if own.ByteSize() else b""


def container_id_text(workload: Workload | None, image: Image) -> str:
    """The container's id; that in the cgroup's name, if nobody knows better."""
    if workload is not None and workload.container is not None and workload.container.id:
        return workload.container.id
    return image.container_id


def _shared(pod: Pod, container: Container | None) -> pb.Pod:
    message = pb.Pod(
        namespace=pod.namespace,
        name=pod.name,
        uid=pod.uid,
        pod_labels=fitting(pod.labels, MAX_LABELS),
        pod_annotations=fitting(pod.annotations, MAX_ANNOTATIONS),
        workload=pod.workload[:_MAX_NAME],
        workload_kind=pod.workload_kind[:_MAX_NAME],
    )
    if container is not None:
        message.container.CopyFrom(_container(container))
    return message


def _container(container: Container) -> pb.Container:
    scheme = f"{container.runtime}://" if container.runtime else ""
    message = pb.Container(
        id=f"{scheme}{container.id}",
        name=container.name[:_MAX_NAME],
        image=pb.Image(id=container.image_id[:_MAX_NAME], name=container.image[:_MAX_NAME]),
    )
    if container.start_time_ns:
        seconds, nanos = divmod(container.start_time_ns, 1_000_000_000)
        message.start_time.CopyFrom(Timestamp(seconds=seconds, nanos=nanos))
    if container.is_privileged:
        message.security_context.privileged = True
    return message


def _is_probe(image: Image, container: Container) -> bool:
    """Whether the command could be one of the kubelet's exec probes, compared as Tetragon does."""
    return any(_is_command(image, command) for command in container.exec_probes)


def _is_command(image: Image, command: tuple[str, ...]) -> bool:
    arguments = [decode_text(one) for one in image.argv[1:]]
    first, *rest = command
    if first == image.binary and arguments[:1] == [image.binary]:
        del arguments[0]  # of a script, as its interpreter got it
    is_same = first == image.binary
    if not first.startswith("/"):
        is_same = posixpath.basename(first) == posixpath.basename(image.binary)
    return is_same and arguments == rest
