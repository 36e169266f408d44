# SPDX-License-Identifier: Apache-2.0
"""A runtime's side of NRI, written from the protocol alone: frames, ttrpc, and what it asks."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING, Any

from tetragon_k8s.nri.messages import PLUGIN_SERVICE, Nri, Ttrpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["Runtime", "runtime_at"]


class Runtime:
    """One plugin's connection, as the runtime sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._stream = 1

    async def frame(self) -> tuple[int, bytes]:
        """Connection and payload of the next frame."""
        connection, length = struct.unpack(">II", await self.reader.readexactly(8))
        return connection, await self.reader.readexactly(length)

    async def message(self) -> tuple[int, int, int, bytes]:
        """Connection, stream, type and data; the plugin sends each message in a frame."""
        connection, payload = await self.frame()
        length, stream, kind, _ = struct.unpack(">IIBB", payload[:10])
        assert length == len(payload) - 10
        return connection, stream, kind, payload[10:]

    def send(self, connection: int, stream: int, kind: int, data: bytes, *, piece: int = 0) -> None:
        """A message, in pieces of that many bytes."""
        message = struct.pack(">IIBB", len(data), stream, kind, 0) + data
        size = piece or len(message)
        for start in range(0, len(message), size):
            part = message[start : start + size]
            self.writer.write(struct.pack(">II", connection, len(part)) + part)

    async def take_registration(self, error: str = "") -> Any:
        """Answer what the plugin says first; return it."""
        connection, stream, kind, data = await self.message()
        assert (2, 1) == (connection, kind)
        request = Ttrpc["Request"].FromString(data)
        assert "RegisterPlugin" == request.method
        status = Ttrpc["Status"](code=9, message=error) if error else None
        self.send(2, stream, 2, Ttrpc["Response"](status=status).SerializeToString())
        return Nri["RegisterPluginRequest"].FromString(request.payload)

    async def ask(self, method: str, payload: bytes = b"", *, piece: int = 0) -> Any:
        """Call the plugin; the ttrpc response."""
        request = Ttrpc["Request"](service=PLUGIN_SERVICE, method=method, payload=payload)
        self.send(1, self._stream, 1, request.SerializeToString(), piece=piece)
        connection, stream, kind, data = await self.message()
        assert (1, self._stream, 2) == (connection, stream, kind)
        self._stream += 2
        return Ttrpc["Response"].FromString(data)

    def close(self) -> None:
        """As when the runtime ends."""
        self.writer.close()


@contextlib.asynccontextmanager
async def runtime_at(path: Path) -> AsyncIterator[asyncio.Queue[Runtime]]:
    """Plugins that connect, one after the other."""
    plugins: asyncio.Queue[Runtime] = asyncio.Queue()
    writers: list[asyncio.StreamWriter] = []

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        plugins.put_nowait(Runtime(reader, writer))

    server = await asyncio.start_unix_server(take, path)
    try:
        yield plugins
    finally:
        server.close()
        for writer in writers:
            writer.close()
        for writer in writers:
            with contextlib.suppress(OSError):
                await writer.wait_closed()
