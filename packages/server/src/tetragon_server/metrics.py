# SPDX-License-Identifier: Apache-2.0
"""GET /metrics: the agent's counters as Prometheus text. HTTP only as far as a scraper needs it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from tetragon_core.stats import Counter, Stats

__all__ = ["MetricsServer", "render"]

_REQUEST_S: Final = 5
_RING_LOST: Final = "ring_lost_"
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


def render(stats: Stats, gauges: dict[str, tuple[str, int]]) -> str:
    """Every counter, and each gauge (name → help, value), in Prometheus' text format."""
    lines: list[str] = []
    described: set[str] = set()
    for counter, value in stats.snapshot().items():
        name, label, text = _series(counter)
        if name not in described:
            described.add(name)
            lines += (f"# HELP {name} {text}", f"# TYPE {name} counter")
        lines.append(f"{name}{label} {value}")
    for name, (text, value) in gauges.items():
        full = f"tetragon_mini_{name}"
        lines += (f"# HELP {full} {text}", f"# TYPE {full} gauge", f"{full} {value}")
    return "\n".join(lines) + "\n"


def _series(counter: Counter) -> tuple[str, str, str]:
    """Name, label and help; the ring's losses are one metric, told apart by the kind of record."""
    if counter.label.startswith(_RING_LOST):
        record = counter.label.removeprefix(_RING_LOST)
        text = "records the full ring buffer refused"
        return "tetragon_mini_ring_lost_total", f'{{record="{record}"}}', text
    return f"tetragon_mini_{counter.label}_total", "", counter.help_text


class MetricsServer:
    """Serves `text()` at /metrics on sockets that are bound already."""

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text
        self._listeners: list[asyncio.Server] = []

    async def listen(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections on each socket."""
        for one in sockets:
            self._listeners.append(await asyncio.start_server(self._answer, sock=one))

    def close(self) -> None:
        """Accept no more."""
        for listener in self._listeners:
            listener.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, TimeoutError, ValueError, EOFError, asyncio.LimitOverrunError
        ):
            async with asyncio.timeout(_REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._response(head.split(b"\r\n", 1)[0]))
                await writer.drain()
        writer.close()

    def _response(self, request_line: bytes) -> bytes:
        method, _, rest = request_line.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method == b"GET" and path == b"/metrics":
            status, body = "200 OK", self._text().encode()
        else:
            status, body = "404 Not Found", b"the metrics are at /metrics\n"
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: {_TEXT}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + body
