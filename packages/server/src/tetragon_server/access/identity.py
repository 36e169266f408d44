# SPDX-License-Identifier: Apache-2.0
"""Who is at the other end of a connection, as far as the kernel or a certificate vouches for it."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio

__all__ = ["Identity", "identity_of"]

_UCRED: Final = struct.Struct("=iII")
"""struct ucred: pid, uid, gid (include/linux/socket.h)."""
_SO_PEERGROUPS: Final = 59
"""Supplementary groups of the peer, since Linux 4.13 (include/uapi/asm-generic/socket.h)."""
_GROUPS_MAX: Final = 65536
_SAN_KINDS: Final = frozenset({"DNS", "URI", "email"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is known of a peer; None and empty where nobody vouches for it."""

    is_tcp: bool
    address: str = ""
    """IP address and port of a TCP peer."""
    pid: int | None = None
    uid: int | None = None
    gids: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    """Common name and alternative names of a certificate that was verified."""

    def as_fields(self) -> dict[str, Any]:
        """For a log: only what is known."""
        fields = {
            "address": self.address,
            "pid": self.pid,
            "uid": self.uid,
            "gids": sorted(self.gids),
            "certificate": sorted(self.names),
        }
        return {name: value for name, value in fields.items() if value not in (None, "", [])}


def identity_of(transport: asyncio.BaseTransport) -> Identity:
    """The peer of an open connection. The kernel took a unix peer's ids when it connected."""
    connection = transport.get_extra_info("socket")
    if connection.family == socket.AF_UNIX:
        size = _UCRED.size
        pid, uid, gid = _UCRED.unpack(
            connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        )
        return Identity(is_tcp=False, pid=pid, uid=uid, gids=_peer_groups(connection) | {gid})
    peer: tuple[object, ...] = transport.get_extra_info("peername") or ()
    certificate = transport.get_extra_info("peercert") or {}
    return Identity(
        is_tcp=True,
        address=f"{peer[0]}:{peer[1]}" if len(peer) >= 2 else "",
        names=frozenset(_names(certificate)),
    )


def _peer_groups(connection: socket.socket) -> frozenset[int]:
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _GROUPS_MAX)
    except OSError:
        return frozenset()
    return frozenset(struct.unpack(f"={len(raw) // 4}I", raw))


def _names(certificate: dict[str, Any]) -> list[str]:
    """In the form of ssl.SSLSocket.getpeercert()."""
    subject = [pair for entry in certificate.get("subject", ()) for pair in entry]
    found = [value for name, value in subject if name == "commonName"]
    alternatives = certificate.get("subjectAltName", ())
    return found + [value for kind, value in alternatives if kind in _SAN_KINDS]
