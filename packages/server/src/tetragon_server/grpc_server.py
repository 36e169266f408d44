# SPDX-License-Identifier: Apache-2.0
"""A grpclib server on sockets that are bound already, which can also end its connections.

grpclib itself listens on one socket per server and leaves open connections to their clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Final, cast

from grpclib.events import RecvRequest, listen
from grpclib.protocol import H2Protocol
from grpclib.server import Server
from h2.settings import SettingCodes

from .request_guard import guard_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpclib._typing import IServable

__all__ = ["MAX_TCP_CONNECTIONS", "GrpcServer"]

_FLUSH_S: Final = 0.3
"""How long bytes that are written already may take to leave."""
_HANDLERS_S: Final = 0.3
_POLL_S: Final = 0.01
MAX_TCP_CONNECTIONS: Final = 256
"""Any user of the host can open them; without an end they would take every descriptor, and the
unix socket, which is root's own, could answer no more."""
_MAX_STREAMS: Final = 1000
"""Calls at a time on one connection. With the usual 100, a client that watches as often could call
nothing else."""


class GrpcServer(Server):
    """Several listeners, one set of services."""

    def __init__(self, services: Sequence[IServable]) -> None:
        super().__init__(services)
        listen(self, RecvRequest, guard_request)
        self._listeners: list[asyncio.Server] = []
        self._connections: dict[_Connection, asyncio.Transport] = {}

    def _protocol_factory(self) -> H2Protocol:
        return _Connection(super()._protocol_factory(), self._connections)

    async def listen(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections on each socket, which belongs to the server from now on."""
        loop = asyncio.get_running_loop()
        for one in sockets:
            self._listeners.append(await loop.create_server(self._protocol_factory, sock=one))

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self._connections)

    async def stop(self) -> None:
        """Refuse new connections, end calls, close connections, whatever their peers do."""
        for listener in self._listeners:
            listener.close()
        transports = list(self._connections.values())
        for connection in list(self._connections):
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
        self, plain: H2Protocol, connections: dict[_Connection, asyncio.Transport]
    ) -> None:
        super().__init__(plain.handler, plain.config, plain.h2_config)
        self._connections = connections
        self.is_tcp = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport, to be able to abort it; one too many is aborted at once."""
        opened = cast("asyncio.Transport", transport)
        self._connections[self] = opened
        self.is_tcp = opened.get_extra_info("socket").family != socket.AF_UNIX
        if self.is_tcp and sum(one.is_tcp for one in self._connections) > MAX_TCP_CONNECTIONS:
            opened.abort()
        super().connection_made(transport)
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
        super().connection_lost(exc)
        self.connection.write_ready.set()


async def _flush(transports: Sequence[asyncio.Transport]) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _FLUSH_S
    # Polled: a transport has no event for its buffer being empty.
    while any(one.get_write_buffer_size() for one in transports) and loop.time() < deadline:  # noqa: ASYNC110  # see above
        await asyncio.sleep(_POLL_S)
