# SPDX-License-Identifier: Apache-2.0
"""A cached process as message `Process`; the options decide what is inside. No events here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import BoolValue, UInt32Value

from tetragon import capabilities_pb2 as caps_pb
from tetragon import tetragon_pb2 as pb

from .pod_message import container_id_text, pod_message

if TYPE_CHECKING:
    from tetragon_core.messages import Capabilities, Credentials, Namespaces
    from tetragon_core.process import BinaryProperties, Image, Process
    from tetragon_core.users import UserNames

__all__ = ["DOCKER_LENGTH", "MAX_ID_LENGTH", "ProcessBuilder", "build_binary_properties"]

_KEPT: Final = 256
"""Messages kept for values that many processes share; they are copied from, never changed."""

DOCKER_LENGTH: Final = 31
"""Characters of the container id that clients match on."""
MAX_ID_LENGTH: Final = 128
"""More than any runtime makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessBuilder:
    """Builds `Process` without `refcnt` and `binary_properties`: those differ by event."""

    with_credentials: bool
    with_namespaces: bool
    host: Namespaces | None
    """Namespaces of pid 1 as the agent sees it; None: nothing is known to be the host's."""
    users: UserNames | None
    """None: no user names."""
    docker_length: int = DOCKER_LENGTH
    """Characters of the container id in `docker`."""

    def build(self, process: Process) -> pb.Process:
        """The message; an unknown process has only its pid, flags and start time."""
        if not process.exec_id:
            return pb.Process(
                pid=UInt32Value(value=process.pid),
                flags=process.flags,
                start_time=_timestamp(process.start_time_ns),
            )
        message = pb.Process(
            exec_id=process.exec_id,
            parent_exec_id=process.parent_exec_id,
            pid=UInt32Value(value=process.pid),
            tid=UInt32Value(value=process.pid),
            flags=process.flags,
            start_time=_timestamp(process.start_time_ns),
            fork_time=_timestamp(process.fork_time_ns),
        )
        if process.in_init_tree is not None:
            message.in_init_tree.CopyFrom(BoolValue(value=process.in_init_tree))
        pod = pod_message(process)
        if pod is not None:
            message.pod.CopyFrom(pod)
        if process.workload is not None and process.workload.is_incomplete:
            message.pod_incomplete = True
        if process.image is not None:
            self._fill_image(message, process.image)
            message.docker = container_id_text(process.workload, process.image)[
                : self.docker_length
            ]
        return message

    def _fill_image(self, message: pb.Process, image: Image) -> None:
        message.binary = image.binary
        message.arguments = image.arguments
        message.cwd = image.cwd
        message.argv.extend(image.argv)
        message.executable = image.executable
        message.interpreter = image.interpreter
        message.tty = image.tty
        message.cgroup_id = image.cgroup_id
        message.cgroup = image.cgroup
        message.by_execveat = image.by_execveat
        if image.uid is not None:
            message.uid.CopyFrom(UInt32Value(value=image.uid))
        if image.auid is not None:
            message.auid.CopyFrom(UInt32Value(value=image.auid))
        self._fill_optional(message, image)

    def _fill_optional(self, message: pb.Process, image: Image) -> None:
        if self.with_credentials and image.capabilities is not None:
            message.cap.CopyFrom(_capabilities(image.capabilities))
        if self.with_credentials and image.credentials is not None:
            message.process_credentials.CopyFrom(_credentials(image.credentials))
        if self.with_namespaces and image.namespaces is not None:
            message.ns.CopyFrom(_namespaces(image.namespaces, self.host))
        if self.users is not None and image.uid is not None and self._is_on_host(image):
            name = self.users.name(image.uid)
            if name:
                message.user.name = name

    def _is_on_host(self, image: Image) -> bool:
        """The host's passwd file is no help for a process with its own files or ids."""
        seen, host = image.namespaces, self.host
        if seen is None or host is None:
            return False
        return (seen.mnt, seen.user) == (host.mnt, host.user)


def build_binary_properties(properties: BinaryProperties) -> pb.BinaryProperties:
    """What the exec changed in privileges, and the inode of a file without a name."""
    reasons = (
        (properties.raised_by_file_caps, caps_pb.PRIVILEGES_RAISED_EXEC_FILE_CAP),
        (properties.raised_by_setuid, caps_pb.PRIVILEGES_RAISED_EXEC_FILE_SETUID),
        (properties.raised_by_setgid, caps_pb.PRIVILEGES_RAISED_EXEC_FILE_SETGID),
    )
    message = pb.BinaryProperties(privileges_changed=[reason for is_so, reason in reasons if is_so])
    if properties.setuid is not None:
        message.setuid.CopyFrom(UInt32Value(value=properties.setuid))
    if properties.setgid is not None:
        message.setgid.CopyFrom(UInt32Value(value=properties.setgid))
    if properties.inode is not None:
        inode = pb.InodeProperties(number=properties.inode, links=UInt32Value(value=0))
        message.file.CopyFrom(pb.FileProperties(inode=inode))
    return message


def _timestamp(wall_ns: int) -> Timestamp | None:
    if not wall_ns:
        return None
    seconds, nanos = divmod(wall_ns, 1_000_000_000)
    return Timestamp(seconds=seconds, nanos=nanos)


@lru_cache(_KEPT)
def _capabilities(sets: Capabilities) -> pb.Capabilities:
    return pb.Capabilities(
        permitted=_capability_list(sets.permitted),
        effective=_capability_list(sets.effective),
        inheritable=_capability_list(sets.inheritable),
    )


def _capability_list(bits: int) -> list[str]:
    """Low bit first; a bit without a name is of a kernel newer than the API, and left out."""
    return [name for name, number in caps_pb.CapabilitiesType.items() if bits >> number & 1]


@lru_cache(_KEPT)
def _credentials(ids: Credentials) -> pb.ProcessCredentials:
    bits = [name for name, bit in caps_pb.SecureBitsType.items() if ids.securebits & bit]
    return pb.ProcessCredentials(
        uid=UInt32Value(value=ids.uid),
        gid=UInt32Value(value=ids.gid),
        euid=UInt32Value(value=ids.euid),
        egid=UInt32Value(value=ids.egid),
        suid=UInt32Value(value=ids.suid),
        sgid=UInt32Value(value=ids.sgid),
        fsuid=UInt32Value(value=ids.fsuid),
        fsgid=UInt32Value(value=ids.fsgid),
        securebits=bits,
    )


@lru_cache(_KEPT)
def _namespaces(seen: Namespaces, host: Namespaces | None) -> pb.Namespaces:
    """One entry per namespace the kernel has; all are siblings, so field names do the pairing."""
    message = pb.Namespaces()
    for name, inode in seen._asdict().items():
        if inode:
            entry = getattr(message, name)
            entry.inum = inode
            entry.is_host = host is not None and inode == getattr(host, name)
    return message
