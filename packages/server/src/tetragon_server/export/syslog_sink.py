# SPDX-License-Identifier: Apache-2.0
"""Events as syslog messages (RFC 5424), each in a datagram or counted octets (RFC 6587) on TCP.

Only TCP and a unix socket tell that nobody listens; what a datagram over the network met, nobody
learns.
"""

from __future__ import annotations

import contextlib
import select
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from tetragon import events_pb2 as pb
from tetragon_core.errors import UsageError

from .sink import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sink import ExportedEvent

__all__ = ["SyslogSink", "syslog_place"]

_PRIORITY: Final = 13 * 8 + 6
"""Facility 13, log audit; severity 6, informational (RFC 5424, 6.2.1)."""
_APPLICATION: Final = "tetragon-mini"
_TIMEOUT_S: Final = 10.0
_HEADER_BYTES: Final = 512
_UDP_BYTES: Final = 65_507 - _HEADER_BYTES
"""What an IPv4 datagram holds."""
_UNIX_BYTES: Final = 128 * 1024 - _HEADER_BYTES
"""Linux refuses datagrams larger than half of net.core.wmem_default, 212,992 as a rule."""
_TCP_BYTES: Final = 4 * 1024 * 1024
_DEFAULT_PORTS: Final = {"udp": 514, "tcp": 601}


class _Place(NamedTuple):
    """Where messages go."""

    kind: str
    address: str | tuple[str, int]
    max_bytes: int


class SyslogSink:
    """One receiver."""

    name = "syslog"
    refused = 0

    def __init__(self, target: str, *, node_name: str) -> None:
        """`target`: unix:///path, udp://host[:port] or tcp://host[:port]; UsageError for others."""
        self._target = target
        self._place = syslog_place(target)
        self.max_line_bytes = self._place.max_bytes
        self._node = "".join(one for one in node_name if "!" <= one <= "~")[:255] or "-"
        self._socket: socket.socket | None = None

    def write(self, batch: Sequence[ExportedEvent]) -> None:
        """Send each event. On TCP, one that was sent in part is sent again on a new connection."""
        is_stream = self._place.kind == "tcp"
        if is_stream and self._socket is not None and _has_hung_up(self._socket):
            self.close()
        for number, event in enumerate(batch):
            try:
                self._send(self._message(event))
            except OSError as error:
                self.close()
                reason = error.strerror or str(error)
                raise SinkError(
                    f"cannot send to {self._target}: {reason}; is a syslog server there?",
                    written=number,
                ) from error

    def _send(self, message: bytes) -> None:
        if self._socket is None:
            self._socket = self._connect()
        if self._place.kind == "tcp":
            self._socket.sendall(b"%d %b" % (len(message), message))
        else:
            self._socket.send(message)

    def _connect(self) -> socket.socket:
        if self._place.kind == "tcp":
            assert isinstance(self._place.address, tuple)
            return socket.create_connection(self._place.address, _TIMEOUT_S)
        if isinstance(self._place.address, str):
            return _connected(socket.AF_UNIX, self._place.address)
        host, port = self._place.address
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        return _connected(family, (str(address[0]), int(address[1])))

    def _message(self, event: ExportedEvent) -> bytes:
        when = "-"
        if event.time_ns:
            seconds, nanos = divmod(event.time_ns, 1_000_000_000)
            stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            when = f"{stamp}.{nanos // 1000:06}Z"
        known = event.kind in pb.EventType.values()
        kind = pb.EventType.Name(event.kind) if known else "-"
        head = f"<{_PRIORITY}>1 {when} {self._node} {_APPLICATION} - {kind} - "
        return head.encode() + event.line

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _has_hung_up(one: socket.socket) -> bool:
    """What is sent after that is lost without an error, as on a restart of a TCP receiver."""
    looked = select.poll()
    looked.register(one, select.POLLRDHUP)  # errors are told unasked
    return bool(looked.poll(0))


def _connected(family: int, address: str | tuple[str, int]) -> socket.socket:
    """A datagram socket; a receiver that has no room makes it wait for some seconds only."""
    one = socket.socket(family, socket.SOCK_DGRAM)
    one.settimeout(_TIMEOUT_S)
    with contextlib.ExitStack() as undo:
        undo.callback(one.close)
        one.connect(address)
        undo.pop_all()
    return one


def syslog_place(target: str) -> _Place:
    """What `target` means; UsageError if that is nothing."""
    try:
        parts = urlsplit(target)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc:
        return _Place("unix", parts.path, _UNIX_BYTES)
    if parts.scheme in _DEFAULT_PORTS and parts.hostname and port and not parts.path.strip("/"):
        limit = _TCP_BYTES if parts.scheme == "tcp" else _UDP_BYTES
        return _Place(parts.scheme, (parts.hostname, port), limit)
    raise UsageError(
        f"--export-syslog {target}: write unix:///dev/log, udp://host:514 or tcp://host:601"
    )
