# SPDX-License-Identifier: Apache-2.0
"""Something that listens on a unix socket and answers as a test says."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]
    """What it does with a connection; may be a coroutine function."""

__all__ = ["close_at_once", "drip", "peer", "say_garbage", "say_nothing"]


@asynccontextmanager
async def peer(path: Path, talk: Talk) -> AsyncIterator[None]:
    """It listens until the end of the block, and takes its connections with it."""
    tasks = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            done = talk(reader, writer)
            if asyncio.iscoroutine(done):
                await done
        except (OSError, asyncio.CancelledError):
            return  # the other end is gone, or the test is over
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        os.unlink(path)  # noqa: PTH108  # at once


def close_at_once(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """A daemon that is about to end."""


async def say_nothing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """A daemon that hangs."""
    await asyncio.Event().wait()


async def say_garbage(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Something else that listens there."""
    writer.write(b"\x00\xff\xfe220 mail.example ESMTP\r\n" * 100)
    await writer.drain()
    await asyncio.Event().wait()


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer that never ends, but never pauses for long."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)
