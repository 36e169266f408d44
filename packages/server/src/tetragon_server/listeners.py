# SPDX-License-Identifier: Apache-2.0
"""Listening sockets from addresses: `host:port` or `unix:///path`. What is served is not known."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import (
    AlreadyRunningError,
    PermissionDeniedError,
    TetragonError,
    UsageError,
)
from tetragon_core.privileges import lacking

from .accounts import group_id

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bind_address", "check_address", "tcp_sockets", "unix_socket"]

DEFAULT_PORT: Final = 54321
_UNIX_SCHEME: Final = "unix://"
_BACKLOG: Final = 128
_SOCKET_MODE: Final = 0o660
_PATH_MAX_BYTES: Final = 107
"""Room in struct sockaddr_un; no client could connect to a longer path."""

_KEEPALIVE: Final = (
    # A peer that vanished without a word is noticed after two minutes. The kernel asks, not the
    # program, so a client that is only stopped (Ctrl-Z) keeps its stream.
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 6),
)


@contextlib.contextmanager
def bind_address(address: str, group: str = "") -> Iterator[list[socket.socket]]:
    """Sockets that listen on `address` until the block ends; a name may have several addresses.

    `group`, by name or number, is the one that may open a unix socket.
    """
    if address.startswith(_UNIX_SCHEME):
        with unix_socket(address.removeprefix(_UNIX_SCHEME), _group_id(group)) as one:
            yield [one]
        return
    sockets = tcp_sockets(address)
    try:
        yield sockets
    finally:
        for one in sockets:
            one.close()


def _group_id(group: str) -> int:
    """-1, which changes nothing, for no group."""
    if not group:
        return -1
    try:
        return int(group) if group.isdecimal() else group_id(group)
    except KeyError:
        raise UsageError(f"--unix-socket-group {group}: this host has no such group") from None


def tcp_sockets(address: str) -> list[socket.socket]:
    """One socket for each address that the host in `host:port` has; no host: every interface."""
    host, port = _host_and_port(address)
    try:
        found = _addresses_of(host, port)
    except socket.gaierror as error:
        raise UsageError(f"cannot listen on {address}: {error.strerror}; check the name") from error
    sockets: list[socket.socket] = []
    try:
        for family, target in found:
            # With port 0 the first socket picks it and the others follow.
            chosen = sockets[0].getsockname()[1] if sockets else port
            sockets += _try_listen(family, (target, chosen), address)
    except TetragonError:
        for one in sockets:
            one.close()
        raise
    if not sockets:
        raise UsageError(f"cannot listen on {address}: this host has no such address")
    return sockets


def _addresses_of(host: str, port: int) -> list[tuple[int, str]]:
    """Family and address of each; where nothing tells names, `localhost` is still this host."""
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror:
        # A root without /etc/hosts; RFC 6761, 6.3 says what the name means.
        if host != "localhost":
            raise
        return [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    return [(family, str(target[0])) for family, _, _, _, target in found]


def check_address(address: str) -> None:
    """Raise UsageError for what is no address; whether it can be used is not tried."""
    if address.startswith(_UNIX_SCHEME):
        _socket_path(address.removeprefix(_UNIX_SCHEME))
    else:
        _host_and_port(address)


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon:
        return address, DEFAULT_PORT
    if not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"cannot listen on {address}: {port!r} is not a port; write HOST:PORT")
    return host.strip("[]"), int(port)


def _try_listen(family: int, target: tuple[str, int], address: str) -> list[socket.socket]:
    """The listening socket, or none where the host lacks the address (`localhost` without IPv6)."""
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for level, option, value in _KEEPALIVE:
            one.setsockopt(level, option, value)
        one.bind(target)
        one.listen(_BACKLOG)
    except OSError as error:
        one.close()
        if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
            return []
        raise _listen_error(address, error) from error
    one.setblocking(False)  # noqa: FBT003  # the socket's own signature
    return [one]


def _listen_error(address: str, error: OSError) -> TetragonError:
    if error.errno == errno.EADDRINUSE:
        return AlreadyRunningError(
            f"cannot listen on {address}: another program does; stop it or choose another address"
        )
    # The group of a socket is changed, and a low port opened, by these alone.
    wanted = {errno.EPERM: "group", errno.EACCES: "ports"}.get(error.errno or 0, "")
    if wanted and (lacks := lacking(wanted)):
        return PermissionDeniedError(f"cannot listen on {address}: {error.strerror}: {lacks}")
    return UsageError(f"cannot listen on {address}: {error.strerror or error}")


@contextlib.contextmanager
def unix_socket(name: str, gid: int = -1) -> Iterator[socket.socket]:
    """A socket only root and its group can open, at `name` until the block ends.

    It is bound in a directory nobody else can enter and moved into place with its mode set, so
    there is no moment in which others could connect. The move also replaces what a crashed agent
    left behind.
    """
    path = _socket_path(name)
    _refuse_if_served(path)
    _refuse_if_other_file(path, name)
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        one, inode = _bind_privately(path, gid)
    except OSError as error:
        raise _listen_error(f"unix://{name}", error) from error
    try:
        yield one
    finally:
        one.close()
        with contextlib.suppress(FileNotFoundError):
            if path.lstat().st_ino == inode:
                path.unlink()


def _socket_path(name: str) -> Path:
    path = Path(name)
    if not path.is_absolute():
        raise UsageError(f"cannot listen on unix://{name}: write an absolute path")
    if len(os.fsencode(path)) > _PATH_MAX_BYTES:
        raise UsageError(
            f"cannot listen on unix://{name}: too long, a socket's path has {_PATH_MAX_BYTES} bytes"
        )
    return path


def _refuse_if_served(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise AlreadyRunningError(
        f"cannot listen on unix://{path}: another program does; stop it or choose another path"
    )


def _refuse_if_other_file(path: Path, name: str) -> None:
    """Only a dead socket may be replaced: the option could name any file of the host."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise UsageError(f"cannot listen on unix://{name}: it exists and is no socket; move it")


def _bind_privately(path: Path, gid: int) -> tuple[socket.socket, int]:
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as private:
            fresh = Path(private) / "s"
            one.bind(str(fresh))
            os.chown(fresh, -1, gid)
            fresh.chmod(_SOCKET_MODE)
            one.listen(_BACKLOG)
            inode = fresh.lstat().st_ino
            fresh.replace(path)
    except OSError:
        one.close()
        raise
    one.setblocking(False)  # noqa: FBT003  # the socket's own signature
    return one, inode
