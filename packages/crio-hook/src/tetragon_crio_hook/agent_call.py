# SPDX-License-Identifier: Apache-2.0
"""A call of the agent: its address, the connection, and gRPC's status."""

from __future__ import annotations

# The module socket imports enum and selectors, 8 ms; this is what it is made of.
import _socket
from time import monotonic

from tetragon_core.errors import ConnectionFailedError, TetragonError, UsageError

from .http2 import Exchange, RefusedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket
    from typing import Final

__all__ = ["StatusError", "call"]

_SERVICE: Final = "/tetragon.FineGuidanceSensors/"
_UNIX: Final = ("unix://", "unix:")
_ABSTRACT: Final = "unix-abstract:"
_PASSED: Final = ("dns:///", "passthrough:///", "tcp://")
_STATUSES: Final = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"),
    *("ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"),
    *("ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
    "UNAUTHENTICATED",
)


class StatusError(TetragonError):
    """The agent answered with an error."""


def call(address: str, method: str, message: bytes, deadline: float) -> bytes:
    """The reply's bytes. `deadline` is on time.monotonic().

    A call that the agent refused unseen, as one that is about to end does, is made once more.
    Raises UsageError for the address, ConnectionFailedError without an answer, StatusError for one
    that is an error.
    """
    try:
        return _call_once(address, method, message, deadline)
    except RefusedError:
        return _call_once(address, method, message, deadline)


def _call_once(address: str, method: str, message: bytes, deadline: float) -> bytes:
    connection, authority = _connect(address, deadline)
    try:
        headers, reply = Exchange(connection, deadline).call(
            f"{_SERVICE}{method}", authority, message
        )
    finally:
        connection.close()
    _check(headers)
    if len(reply) < 5 or reply[0] or int.from_bytes(reply[1:5], "big") != len(reply) - 5:
        raise ConnectionFailedError("what answers is no gRPC server: its reply has no message")
    return reply[5:]


def _connect(address: str, deadline: float) -> tuple[socket, str]:
    """The connection, and what the server is called in the call."""
    family, target, authority = _endpoint(address)
    connection = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        connection.settimeout(max(0.001, deadline - monotonic()))
        connection.connect(target)
    except TimeoutError as error:
        connection.close()
        raise ConnectionFailedError(f"{address} accepts no connection in time") from error
    except OSError as error:
        connection.close()
        why = error.strerror or error
        raise ConnectionFailedError(f"cannot connect to {address}: {why}") from error
    # A socket is one; it only has no makefile() and the like.
    return connection, authority  # type: ignore[return-value]  # _socket.socket is its base


def _endpoint(address: str) -> tuple[int, str | bytes | tuple[str, int], str]:
    """Family, address and name, as gRPC reads targets."""
    if address.startswith(_ABSTRACT):
        return _socket.AF_UNIX, b"\0" + address.removeprefix(_ABSTRACT).encode(), "localhost"
    for prefix in _UNIX:
        if address.startswith(prefix):
            path = address.removeprefix(prefix)
            if not path or "\0" in path:
                break
            return _socket.AF_UNIX, path, "localhost"
    for prefix in _PASSED:
        address = address.removeprefix(prefix)
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 0xFFFF:
        raise UsageError(
            f"--grpc-address {address}: wanted unix:///PATH, unix-abstract:NAME or HOST:PORT"
        )
    try:
        found = _socket.getaddrinfo(host.strip("[]"), int(port), 0, _socket.SOCK_STREAM)
    except OSError as error:
        if host == "localhost":  # where no /etc/hosts tells; RFC 6761, 6.3
            return _socket.AF_INET, ("127.0.0.1", int(port)), address
        raise ConnectionFailedError(f"no address for {host}: {error.strerror}") from error
    return found[0][0], found[0][4], address  # type: ignore[return-value]  # of these families


def _check(headers: dict[str, str]) -> None:
    status = headers.get("grpc-status")
    if status is None:
        found = headers.get(":status", "no HTTP status")
        raise ConnectionFailedError(f"what answers is no gRPC server: HTTP {found}")
    if status == "0":
        return
    number = int(status) if status.isascii() and status.isdecimal() else -1
    name = _STATUSES[number] if 0 < number < len(_STATUSES) else f"status {status}"
    raise StatusError(f"the agent answered {name}: {_unquoted(headers.get('grpc-message', ''))}")


def _unquoted(text: str) -> str:
    """Percent encoding, as gRPC has it for messages; on one line."""
    first, *rest = text.encode("latin-1").split(b"%")
    parts = [first]
    for one in rest:
        try:
            parts.append(bytes.fromhex(one[:2].decode("ascii")) + one[2:])
        except ValueError:
            parts.append(b"%" + one)
    return " ".join(b"".join(parts).decode(errors="replace").split())
