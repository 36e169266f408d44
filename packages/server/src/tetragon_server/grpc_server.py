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
from h2.errors import ErrorCodes
from h2.events import RequestReceived, StreamReset, UnknownFrameReceived
from h2.settings import SettingCodes

from .connections import MAX_TCP_CONNECTIONS, MAX_UNIX_CONNECTIONS, Acceptor, Connections
from .request_guard import guard_request
from .turns import Turns

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
_UNTAKEN_BYTES: Final = 256 * 1024
"""Answers that wait for a peer to read them; it has to before it may ask for more."""


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
        self._turns = Turns()

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
        return _Connection(self._protocol_factory(), self._open, places, self._turns)

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
        turns: Turns,
    ) -> None:
        super().__init__(plain.handler, plain.config, plain.h2_config)
        self._connections = connections
        self._places = places
        self._turns = turns

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
        # grpclib ends a connection for frames that it does not know, which HTTP/2 says to ignore.
        self.processor.processors[UnknownFrameReceived] = lambda _: None
        self.processor.processors[RequestReceived] = self._begin_call
        self.processor.processors[StreamReset] = self._cancel_call

    def _begin_call(self, event: RequestReceived) -> None:
        """Refuse a request for nothing, with which grpclib would write a stack trace to the log."""
        # grpclib has headers decoded; the types do not know.
        if any(str(name) == ":path" for name, _ in event.headers or ()):
            self.processor.process_request_received(event)
        elif event.stream_id is not None:
            refused = ErrorCodes.PROTOCOL_ERROR
            self.connection._connection.reset_stream(event.stream_id, refused)  # noqa: SLF001  # as above

    def _cancel_call(self, event: StreamReset) -> None:
        """End a call, once, and forget it even if its handler had not begun, unlike grpclib."""
        stream = self.processor.streams.get(event.stream_id)
        task = None if stream is None else self.processor.handler._tasks.get(stream)  # type: ignore[attr-defined]  # noqa: SLF001  # grpclib keeps it there
        if task is not None:
            self.processor.process_stream_reset(event)
            task.add_done_callback(lambda _: self._forget_call(event.stream_id))

    def _forget_call(self, stream_id: int) -> None:
        stream = self.processor.streams.pop(stream_id, None)
        if stream is not None and not self.connection.is_closing():
            self.connection.ack(stream_id, stream.buffer.unacked_size())

    @property
    def is_ended(self) -> bool:
        """What the peer sends does not matter any more."""
        transport = self._connections.get(self)
        return transport is None or transport.is_closing()

    @property
    def is_blocked(self) -> bool:
        """The peer does not read what it is sent."""
        if self.connection.write_ready.is_set():
            return False
        return self._connections[self].get_write_buffer_size() > _UNTAKEN_BYTES

    def data_received(self, data: bytes) -> None:
        """Wait for a turn."""
        self._turns.received(self, data)

    def handle(self, data: bytes) -> None:
        """Do what the peer asks for."""
        try:
            super().data_received(data)
        except UnicodeDecodeError:  # in headers, which h2 does not call a protocol error
            self.processor.close("Protocol error")

    def pause_reading(self) -> None:
        """Leave in the kernel what else comes."""
        self._connections[self].pause_reading()

    def resume_reading(self) -> None:
        """Take again what comes."""
        self._connections[self].resume_reading()

    def resume_writing(self) -> None:
        """Go on with what the peer asked for: it has read what it was sent."""
        super().resume_writing()
        self._turns.unblocked(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it, and free calls that wait to send their status.

        grpclib cancels a call only once, and one that was reset while the peer did not read would
        wait for ever for room in a buffer that is gone.
        """
        del self._connections[self]
        self._places.remove(self)
        self._turns.forget(self)
        super().connection_lost(exc)
        self.connection.write_ready.set()


async def _flush(transports: Sequence[asyncio.Transport]) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _FLUSH_S
    # Polled: a transport has no event for its buffer being empty.
    while any(one.get_write_buffer_size() for one in transports) and loop.time() < deadline:  # noqa: ASYNC110  # see above
        await asyncio.sleep(_POLL_S)
