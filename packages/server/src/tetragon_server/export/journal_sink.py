# SPDX-License-Identifier: Apache-2.0
"""Events as entries of systemd's journal, in its native protocol.

Facts: systemd's docs/JOURNAL_NATIVE_PROTOCOL.md. A datagram has `FIELD=value` lines; a value with
line ends has its length before it; what is too large for a datagram is passed as a sealed memory
file.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket
from typing import TYPE_CHECKING, Final

from tetragon import events_pb2 as pb

from .sink import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sink import ExportedEvent

__all__ = ["JournalSink"]

DEFAULT_SOCKET: Final = "/run/systemd/journal/socket"
_IDENTIFIER: Final = "tetragon-mini"
_TIMEOUT_S: Final = 10.0
_MAX_LINE_BYTES: Final = 16 * 1024 * 1024
_TOO_LARGE: Final = frozenset({errno.EMSGSIZE, errno.ENOBUFS})
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


class JournalSink:
    """The journal of this host."""

    name = "journald"
    refused = 0
    max_line_bytes = _MAX_LINE_BYTES

    def __init__(self, path: str = DEFAULT_SOCKET) -> None:
        self._path = path
        self._socket: socket.socket | None = None

    def write(self, batch: Sequence[ExportedEvent]) -> None:
        """One entry for each event; `MESSAGE` is its JSON."""
        for number, event in enumerate(batch):
            try:
                self._send(_entry(event))
            except OSError as error:
                self.close()
                reason = error.strerror or str(error)
                raise SinkError(
                    f"cannot write to the journal ({self._path}): {reason}; does systemd run here?",
                    written=number,
                ) from error

    def _send(self, entry: bytes) -> None:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.settimeout(_TIMEOUT_S)
        try:
            self._socket.sendto(entry, self._path)
        except OSError as error:
            if error.errno not in _TOO_LARGE:
                raise
            self._send_file(entry)

    def _send_file(self, entry: bytes) -> None:
        assert self._socket is not None
        descriptor = os.memfd_create(_IDENTIFIER, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(entry)
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))
            self._socket.sendmsg([], [rights], 0, self._path)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _entry(event: ExportedEvent) -> bytes:
    known = event.kind in pb.EventType.values()
    kind = pb.EventType.Name(event.kind) if known else str(event.kind)
    return b"".join(
        (
            b"PRIORITY=6\n",
            f"SYSLOG_IDENTIFIER={_IDENTIFIER}\n".encode(),
            f"TETRAGON_EVENT_TYPE={kind}\n".encode(),
            f"TETRAGON_TIME_NS={event.time_ns}\n".encode(),
            # JSON has no line end, so the simple form is enough.
            b"MESSAGE=",
            event.line,
            b"\n",
        )
    )
