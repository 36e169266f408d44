# SPDX-License-Identifier: Apache-2.0
"""A process as bytes of message `Process`. What is in the message is decided by `ProcessBuilder`.

Most of a process is like others before it: the same program in the same directory and cgroup. That
part is built once and kept; what only this process has is put before it by hand, which costs a
fifth of building a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon import tetragon_pb2 as pb

from .pod_message import own_part, shared_part
from .wire import delimited, tag, timestamp, varint

if TYPE_CHECKING:
    from tetragon_core.process import Image, Process

    from .process_message import ProcessBuilder

__all__ = ["ProcessSerializer"]

_EXEC_ID_TAG: Final = tag(pb.Process.EXEC_ID_FIELD_NUMBER)
_PARENT_EXEC_ID_TAG: Final = tag(pb.Process.PARENT_EXEC_ID_FIELD_NUMBER)
_PID_TAG: Final = tag(pb.Process.PID_FIELD_NUMBER)
_TID_TAG: Final = tag(pb.Process.TID_FIELD_NUMBER)
_START_TIME_TAG: Final = tag(pb.Process.START_TIME_FIELD_NUMBER)
_FORK_TIME_TAG: Final = tag(pb.Process.FORK_TIME_FIELD_NUMBER)
_ARGUMENTS_TAG: Final = tag(pb.Process.ARGUMENTS_FIELD_NUMBER)
_POD_TAG: Final = tag(pb.Process.POD_FIELD_NUMBER)
_ARGV_TAG: Final = tag(pb.Process.ARGV_FIELD_NUMBER)
_VALUE_TAG: Final = tag(1, wire_type=0)
"""Of the only field of a wrapper such as UInt32Value."""

_OWN_FIELDS: Final = (
    *("exec_id", "parent_exec_id", "pid", "tid", "start_time", "fork_time"),
    *("arguments", "argv", "pod"),
)
"""What `serialize` writes by hand."""

_KEPT: Final = 1024
_KEPT_BYTES: Final = 2048
"""Parts longer than this are rare and not kept, so that all of them take 2 MB at most."""


class ProcessSerializer:
    """One per agent, because the builder's options are in the bytes it keeps."""

    def __init__(self, builder: ProcessBuilder) -> None:
        self._builder = builder
        self._kept: dict[tuple[object, ...], bytes] = {}

    def serialize(self, process: Process) -> bytes:
        """The same message as the builder's."""
        image = process.image
        # User names are looked up anew for each process: the password file may have changed.
        if image is None or not process.exec_id or self._builder.users is not None:
            return self._builder.build(process).SerializeToString()
        pid = varint(process.pid)
        pid = b"".join((varint(1 + len(pid)), _VALUE_TAG, pid)) if process.pid else b"\0"
        parts = [
            delimited(_EXEC_ID_TAG, process.exec_id.encode()),
            delimited(_PARENT_EXEC_ID_TAG, process.parent_exec_id.encode()),
            *(_PID_TAG, pid, _TID_TAG, pid),
            self._shared(process, image),
        ]
        if process.start_time_ns:
            parts.append(delimited(_START_TIME_TAG, timestamp(process.start_time_ns)))
        if process.fork_time_ns:
            parts.append(delimited(_FORK_TIME_TAG, timestamp(process.fork_time_ns)))
        if image.arguments:
            parts.append(delimited(_ARGUMENTS_TAG, image.arguments.encode()))
        parts += [delimited(_ARGV_TAG, one) for one in image.argv]
        pod = shared_part(process.workload)
        if pod:
            parts.append(delimited(_POD_TAG, pod + own_part(process)))
        return b"".join(parts)

    def _shared(self, process: Process, image: Image) -> bytes:
        """All other fields."""
        key = (
            *(
                process.flags,
                process.in_init_tree,
                process.workload,
                image.binary,
                image.cwd,
                image.executable,
            ),
            *(image.interpreter, image.tty, image.cgroup_id, image.cgroup, image.container_id),
            *(image.by_execveat, image.uid, image.auid),
            image.credentials if self._builder.with_credentials else None,
            image.capabilities if self._builder.with_credentials else None,
            image.namespaces if self._builder.with_namespaces else None,
        )
        found = self._kept.get(key)
        if found is None:
            message = self._builder.build(process)
            for name in _OWN_FIELDS:
                message.ClearField(name)
            found = message.SerializeToString()
            if len(found) <= _KEPT_BYTES:
                if len(self._kept) >= _KEPT:
                    self._kept.clear()
                self._kept[key] = found
        return found
