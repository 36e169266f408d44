# SPDX-License-Identifier: Apache-2.0
"""GET /metrics over HTTP, as far as a scraper needs it: no TLS, no access control, no keep-alive.

Whoever is slow, silent or sends nonsense is cut off in time, and whoever is one too many at once.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Sequence

__all__ = ["MetricsServer"]

_log = logging.getLogger(__name__)

_REQUEST_S: Final = 5.0
_REPLY_S: Final = 10.0
_HEAD_BYTES: Final = 8192
_CONNECTIONS: Final = 16
_PATH: Final = b"/metrics"
_TEXT: Final = "text/plain; charset=utf-8"


class _Reply(NamedTuple):
    status: str
    body: bytes
    content_type: str = _TEXT
    more: str = ""

    def packed(self, *, with_body: bool) -> bytes:
        """As it is sent; HEAD gets everything but the body."""
        head = (
            f"HTTP/1.1 {self.status}\r\nContent-Type: {self.content_type}\r\n{self.more}"
            f"Content-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + (self.body if with_body else b"")


_GARBAGE: Final = _Reply("400 Bad Request", b"this is no HTTP request\n")
_ELSEWHERE: Final = _Reply("404 Not Found", b"the metrics are at /metrics\n")
_METHOD: Final = _Reply("405 Method Not Allowed", b"use GET\n", more="Allow: GET, HEAD\r\n")


class MetricsServer:
    """Serves `page()` at /metrics on sockets that are bound already."""

    def __init__(
        self,
        page: Callable[[], Awaitable[bytes]],
        content_type: str,
        *,
        request_s: float = _REQUEST_S,
        reply_s: float = _REPLY_S,
        connections: int = _CONNECTIONS,
    ) -> None:
        self._page = page
        self._content_type = content_type
        self._request_s = request_s
        self._reply_s = reply_s
        self._connections = connections
        self._answering = 0
        self._listeners: list[asyncio.Server] = []

    async def listen(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections on each socket."""
        for one in sockets:
            listener = await asyncio.start_server(self._answer, sock=one, limit=_HEAD_BYTES)
            self._listeners.append(listener)

    def close(self) -> None:
        """Accept no more."""
        for listener in self._listeners:
            listener.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._answering >= self._connections:
            _log.debug("a scrape was refused: too many at once")
            writer.transport.abort()
            return
        self._answering += 1
        try:
            async with asyncio.timeout(self._request_s):
                method, reply = await self._reply(reader)
            async with asyncio.timeout(self._reply_s):
                writer.write(reply.packed(with_body=method != b"HEAD"))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (OSError, EOFError) as error:  # TimeoutError is an OSError
            _log.debug("a scrape was cut off", extra={"attrs": {"error": repr(error)}})
        finally:
            self._answering -= 1
            writer.transport.abort()  # what was not taken in time is thrown away

    async def _reply(self, reader: asyncio.StreamReader) -> tuple[bytes, _Reply]:
        """The method that was asked with, and what to say."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return b"", _GARBAGE
        words = head.split(b"\r\n", 1)[0].split(b" ")
        match words:
            case [method, target, version] if version.startswith(b"HTTP/1."):
                return method, await self._reply_to(method, target)
        return b"", _GARBAGE

    async def _reply_to(self, method: bytes, target: bytes) -> _Reply:
        if target.partition(b"?")[0] != _PATH:
            return _ELSEWHERE
        if method not in {b"GET", b"HEAD"}:
            return _METHOD
        return _Reply("200 OK", await self._page(), self._content_type)
