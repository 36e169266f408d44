# SPDX-License-Identifier: Apache-2.0
"""The metrics' HTTP server: what it answers, and whom it cuts off."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tetragon_server.metrics.http_server import MetricsServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Page = Callable[[], Awaitable[bytes]]

DEADLINE_S = 20
PAGE = b"a_total 1\n"
GET = b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"


class Reply(NamedTuple):
    """What came back until the connection ended; status 0: nothing."""

    status: int
    head: bytes
    body: bytes


async def page() -> bytes:
    return PAGE


@asynccontextmanager
async def serving(made_by: Page = page, **settings: Any) -> AsyncIterator[int]:
    """The port of a server."""
    server = MetricsServer(made_by, "text/x", **settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await server.listen([listener])
        yield listener.getsockname()[1]
        server.close()


async def ask(port: int, request: bytes) -> Reply:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = b""
    with suppress(ConnectionResetError):
        async with asyncio.timeout(DEADLINE_S):
            answer = await reader.read()
    await gone(writer)
    head, _, body = answer.partition(b"\r\n\r\n")
    return Reply(int(head.split(b" ")[1]) if head else 0, head, body)


async def gone(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


def replied(request: bytes, **settings: Any) -> Reply:
    """The answer of a server to one request."""

    async def test() -> Reply:
        async with serving(**settings) as port:
            return await ask(port, request)

    return asyncio.run(test())


def test_get() -> None:
    """A scraper gets the page, its length and its type, and the connection ends."""
    reply = replied(GET)

    assert (200, PAGE) == (reply.status, reply.body)
    assert b"Content-Type: text/x\r\n" in reply.head
    assert f"Content-Length: {len(PAGE)}\r\n".encode() in reply.head


def test_head() -> None:
    """As GET, without the page."""
    with_page, without = replied(GET), replied(GET.replace(b"GET", b"HEAD"))

    assert (with_page.head, b"") == (without.head, without.body)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /metrics?a=b HTTP/1.0", 200),
        (b"GET / HTTP/1.1", 404),
        (b"GET /metrics/ HTTP/1.1", 404),
        (b"GET /healthz HTTP/1.1", 404),
        (b"POST /metrics HTTP/1.1", 405),
        (b"GET /metrics", 400),
        (b"GET /metrics HTTP/2.0", 400),
        (b"GET  /metrics HTTP/1.1", 400),
        (b"", 400),
        (b"\x16\x03\x01\x02", 400),
        (b"x" * 10_000, 400),
    ],
)
def test_other_requests(request_line: bytes, status: int) -> None:
    """There is one path, two methods, and a clear answer to all else."""
    assert status == replied(request_line + b"\r\n\r\n").status


@pytest.mark.parametrize("request_bytes", [b"", b"GET /metr", GET[:-2]], ids=len)
def test_silent_clients_are_cut_off(request_bytes: bytes) -> None:
    """Whoever does not end the request in time loses the connection."""
    reply = replied(request_bytes, request_s=0.01)

    assert Reply(0, b"", b"") == reply


def test_a_client_that_does_not_read_is_cut_off() -> None:
    """What it did not take in time is thrown away, and its place is free again."""

    async def large() -> bytes:
        return b"x" * (64 << 20)

    async def test() -> int:
        async with serving(large, reply_s=0.05, connections=1) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(GET)
            async with asyncio.timeout(DEADLINE_S):
                while not (reply := await ask(port, GET.replace(b"GET", b"HEAD"))).status:
                    pass
            await gone(writer)
            return reply.status

    assert 200 == asyncio.run(test())


def test_so_many_at_once() -> None:
    """One scrape too many is refused at once; those that go on are not disturbed."""

    async def test() -> tuple[int, int]:
        release, asked = asyncio.Event(), asyncio.Event()

        async def slow() -> bytes:
            asked.set()
            await release.wait()
            return PAGE

        async with serving(slow, connections=1) as port:
            first = asyncio.create_task(ask(port, GET))
            await asked.wait()
            refused = await ask(port, GET)
            release.set()
            return refused.status, (await first).status

    assert (0, 200) == asyncio.run(test())
