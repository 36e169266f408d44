# SPDX-License-Identifier: Apache-2.0
"""A grpclib server on sockets that are bound already, which bounds and can end its connections.

grpclib itself listens on one socket per server and leaves open connections to their clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from typing import TYPE_CHECKING, Any, Final, cast

from grpclib.events import RecvRequest, listen
from grpclib.protocol import H2Protocol
from grpclib.server import Server
from h2.settings import SettingCodes

from .connections import MAX_TCP_CONNECTIONS, MAX_UNIX_CONNECTIONS, Acceptor, Connections
from .request_guard import guard_request

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from grpclib._typing import IServable

    from .connections import Context

    Listener = Callable[[RecvRequest], Coroutine[Any, Any, None]]

__all__ = ["GrpcServer"]

_FLUSH_S: Final = 0.3
"""How long bytes that are written already may take to leave."""
_HANDLERS_S: Final = 0.3
_POLL_S: Final = 0.01
_MAX_STREAMS: Final = 1000
"""Calls at a time on one connection. With the usual 100, a client that watches as often could call
nothing else."""


class GrpcServer(Server):
    """Several listeners, one set of services."""

    def __init__(
        self,
        services: Sequence[IServable],
        guards: Sequence[Listener] = (),
        *,
        max_tcp: int = MAX_TCP_CONNECTIONS,
    ) -> None:
        """`guards` see each request before its handler; the bounds of `request_guard` hold then."""
        super().__init__(services)
        for guard in (*guards, guard_request):  # the last one's wrapper is the outermost
            listen(self, RecvRequest, guard)
        self._acceptors: list[Acceptor] = []
        self._tcp = Connections(max_tcp)
        self._unix = Connections(MAX_UNIX_CONNECTIONS)
        self._open: dict[_Connection, asyncio.Transport] = {}

    async def listen(
        self, sockets: Sequence[socket.socket], context: Context | None = None
    ) -> None:
        """Accept connections on each socket, which belongs to the server from now on.

        `context` gives what TLS takes for each new connection; without it there is no TLS.
        """
        for one in sockets:
            places = self._unix if one.family == socket.AF_UNIX else self._tcp
            protocol = functools.partial(self._protocol, places)
            self._acceptors.append(Acceptor(one, protocol, places, context))

    def _protocol(self, places: Connections) -> H2Protocol:
        return _Connection(self._protocol_factory(), self._open, places)

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self._open)

    @property
    def refused(self) -> int:
        """Connections that found no place, since the start."""
        return self._tcp.refused + self._unix.refused

    async def stop(self) -> None:
        """Refuse new connections, end calls, close connections, whatever their peers do."""
        for acceptor in self._acceptors:
            acceptor.close()
        self._tcp.close()
        self._unix.close()
        transports = list(self._open.values())
        for connection in list(self._open):
            connection.processor.close("the agent is stopping")
        await _flush(transports)
        for transport in transports:
            # A peer that does not read would keep a polite close waiting for ever.
            transport.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HANDLERS_S):
                for handler in list(self._handlers):
                    await handler.wait_closed()


class _Connection(H2Protocol):
    """One client."""

    def __init__(
        self,
        plain: H2Protocol,
        connections: dict[_Connection, asyncio.Transport],
        places: Connections,
    ) -> None:
        super().__init__(plain.handler, plain.config, plain.h2_config)
        self._connections = connections
        self._places = places

    @property
    def is_idle(self) -> bool:
        """No call goes on."""
        return not self.processor.streams

    def abort(self) -> None:
        """End it now."""
        self._connections[self].abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport, to be able to abort it."""
        self._connections[self] = cast("asyncio.Transport", transport)
        super().connection_made(transport)
        self._places.add(self)
        self.connection._connection.update_settings(  # noqa: SLF001  # grpclib has no setting for it
            {SettingCodes.MAX_CONCURRENT_STREAMS: _MAX_STREAMS}
        )
        self.connection.flush()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it, and free calls that wait to send their status.

        grpclib cancels a call only once, and one that was reset while the peer did not read would
        wait for ever for room in a buffer that is gone.
        """
        del self._connections[self]
        self._places.remove(self)
        super().connection_lost(exc)
        self.connection.write_ready.set()


async def _flush(transports: Sequence[asyncio.Transport]) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _FLUSH_S
    # Polled: a transport has no event for its buffer being empty.
    while any(one.get_write_buffer_size() for one in transports) and loop.time() < deadline:  # noqa: ASYNC110  # see above
        await asyncio.sleep(_POLL_S)
