# SPDX-License-Identifier: Apache-2.0
"""A runtime's gRPC on a unix socket, for the calls that a test names."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from grpclib.const import Cardinality, Handler
from grpclib.server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    Reply = Callable[[Any, Mapping[str, str]], Any]
    """Of request and metadata; raises GRPCError."""

__all__ = ["Calls", "served"]


class Calls:
    """Path of a call → classes of its messages and what answers; `made`: the calls there were."""

    def __init__(self, messages: Mapping[str, Any]) -> None:
        self._messages = messages
        self._handlers: dict[str, Handler] = {}
        self.made: list[str] = []

    def add(self, path: str, message: str, reply: Reply) -> None:
        """Serve a call: `message` is the name without Request and Response."""

        async def handle(stream: Any) -> None:  # grpclib's, of messages from tables
            request = await stream.recv_message()
            self.made.append(path.rpartition("/")[2])
            await stream.send_message(reply(request, dict(stream.metadata)))

        of_name = self._messages
        self._handlers[path] = Handler(
            handle,
            Cardinality.UNARY_UNARY,
            of_name[f"{message}Request"],
            of_name[f"{message}Response"],
        )

    def __mapping__(self) -> Mapping[str, Handler]:
        return self._handlers


@asynccontextmanager
async def served(calls: Calls, path: Path) -> AsyncIterator[None]:
    """They are answered until the end of the block."""
    server = Server([calls])
    await server.start(path=str(path))
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
        os.unlink(path)  # noqa: PTH108  # at once
