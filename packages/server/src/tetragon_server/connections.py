# SPDX-License-Identifier: Apache-2.0
"""Accepts connections on listening sockets: bounded, with TLS if asked, one clear place for both.

asyncio's own server neither bounds connections nor their TLS handshakes, and cannot change its
certificate. What is spoken on a connection is not known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

    Context = Callable[[], ssl.SSLContext | None]
    """The context for the next connection; None while its files are not there."""

__all__ = ["MAX_TCP_CONNECTIONS", "MAX_UNIX_CONNECTIONS", "Acceptor", "Connections", "Opened"]

_log = logging.getLogger(__name__)

MAX_TCP_CONNECTIONS: Final = 256
"""Any user of the host can open them; without an end they would take every descriptor, and the
unix socket, which is root's own, could answer no more."""
MAX_UNIX_CONNECTIONS: Final = 256
HANDSHAKE_S: Final = 10.0
"""For the client's part of a TLS handshake."""
_ACCEPTED_AT_ONCE: Final = 32
_OUT_OF_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE_S: Final = 0.5


class Opened(Protocol):
    """A connection as far as its place among others goes."""

    @property
    def is_idle(self) -> bool:
        """No call goes on."""

    def abort(self) -> None:
        """End it now; connection_lost follows."""


class Connections:
    """Those of one kind, oldest first. When all places are taken, an idle one has to go."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[Opened, None] = {}
        self._handshakes: dict[object, asyncio.Task[None]] = {}
        self.refused = 0
        """Connections that found no place."""

    def __len__(self) -> int:
        return len(self._open) + len(self._handshakes)

    def add(self, one: Opened) -> None:
        """Enter a connection that is open now, in the place of its handshake."""
        self._handshakes.pop(one, None)
        self._open[one] = None

    def remove(self, one: Opened) -> None:
        """Forget one that has ended."""
        self._open.pop(one, None)

    def begin(self, protocol: object, handshake: asyncio.Task[None]) -> None:
        """Hold a place for what may become a connection with this protocol."""
        self._handshakes[protocol] = handshake
        handshake.add_done_callback(lambda _: self._handshakes.pop(protocol, None))

    def make_room(self) -> bool:
        """True when there is a place, if need be that of an unfinished or idle connection."""
        if len(self) < self._limit:
            return True
        # asyncio ends a cancelled handshake a little later; its place is free at once.
        for protocol, handshake in self._handshakes.items():
            handshake.cancel()
            del self._handshakes[protocol]
            return True
        for one in self._open:
            if one.is_idle:
                self.remove(one)
                one.abort()
                return True
        self.refused += 1
        return False

    def close(self) -> None:
        """End handshakes; open connections are their server's."""
        for handshake in list(self._handshakes.values()):
            handshake.cancel()


class Acceptor:
    """One listening socket, which belongs to it from now on."""

    def __init__(
        self,
        listening: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        connections: Connections,
        context: Context | None = None,
    ) -> None:
        self._listening = listening
        self._make_protocol = make_protocol
        self._connections = connections
        self._context = context
        self._pause: asyncio.TimerHandle | None = None
        listening.setblocking(False)  # noqa: FBT003  # the socket's own signature
        self._watch()

    def _watch(self) -> None:
        self._pause = None
        asyncio.get_running_loop().add_reader(self._listening.fileno(), self._accept)

    def close(self) -> None:
        """Accept no more."""
        if self._pause is not None:
            self._pause.cancel()
        with contextlib.suppress(ValueError):  # closed already
            asyncio.get_running_loop().remove_reader(self._listening.fileno())
        self._listening.close()

    def _accept(self) -> None:
        """Those that wait, but not so many that others wait for their turn."""
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _OUT_OF_DESCRIPTORS:
                    raise
                self._rest(error)
                return
            self._admit(accepted)

    def _rest(self, error: OSError) -> None:
        """The socket stays readable, so without a pause the loop would do nothing else."""
        _log.warning("cannot accept connections", extra={"attrs": {"error": error.strerror}})
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listening.fileno())
        self._pause = loop.call_later(_PAUSE_S, self._watch)

    def _admit(self, accepted: socket.socket) -> None:
        context = None if self._context is None else self._context()
        is_ready = self._context is None or context is not None
        if not is_ready or not self._connections.make_room():
            accepted.close()
            return
        accepted.setblocking(False)  # noqa: FBT003  # the socket's own signature
        protocol = self._make_protocol()
        opening = asyncio.get_running_loop().create_task(self._open(accepted, protocol, context))
        # A task that is cancelled before its first step never sees the socket.
        opening.add_done_callback(lambda task: accepted.close() if task.cancelled() else None)
        self._connections.begin(protocol, opening)

    async def _open(
        self,
        accepted: socket.socket,
        protocol: asyncio.Protocol,
        context: ssl.SSLContext | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        timeout_s = None if context is None else HANDSHAKE_S
        try:
            await loop.connect_accepted_socket(
                lambda: protocol, accepted, ssl=context, ssl_handshake_timeout=timeout_s
            )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            # Anybody can send garbage to a port: no more than a word to who asks for it.
            _log.debug("a connection was not opened", extra={"attrs": {"error": str(error)}})
            accepted.close()
