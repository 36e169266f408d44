# SPDX-License-Identifier: Apache-2.0
"""ttrpc over NRI's shared connection: requests from the runtime, and ours to it.

One socket carries two connections as frames of (connection, length), both big-endian 32 bits
(nri/pkg/net/multiplex): on the first the runtime asks us, on the second we ask it. In each, ttrpc
messages follow one another: length, stream, type, flags, data (ttrpc/PROTOCOL.md). Unary
calls only.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from google.protobuf.message import DecodeError

from .messages import Ttrpc

if TYPE_CHECKING:
    import asyncio

__all__ = ["Link", "LinkError", "Request", "Response"]

_FRAME: Final = struct.Struct(">II")
_MESSAGE: Final = struct.Struct(">IIBB")
_FROM_RUNTIME: Final = 1
_TO_RUNTIME: Final = 2
_REQUEST: Final = 1
_RESPONSE: Final = 2
_MAX_DATA: Final = 4 << 20
"""Larger messages are against the protocol."""


class LinkError(Exception):
    """The other side does not speak the protocol."""


class Request(NamedTuple):
    """The runtime asks; it waits for answer() with this stream."""

    stream: int
    service: str
    method: str
    payload: bytes


class Response(NamedTuple):
    """The runtime's answer to call()."""

    error: str
    """Empty: the call succeeded."""
    payload: bytes


class Link:
    """One connection to a runtime's NRI socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffers = {_FROM_RUNTIME: bytearray(), _TO_RUNTIME: bytearray()}
        self._next_stream = 1

    def call(self, service: str, method: str, payload: bytes) -> None:
        """Ask the runtime; its Response comes by receive()."""
        request = Ttrpc["Request"](service=service, method=method, payload=payload)
        self._send(_TO_RUNTIME, self._next_stream, _REQUEST, request.SerializeToString())
        self._next_stream += 2

    def answer(self, request: Request, payload: bytes) -> None:
        """Reply to what the runtime asked."""
        self._reply(request, Ttrpc["Response"](payload=payload))

    def refuse(self, request: Request, code: int, message: str) -> None:
        """Reply with an error; `code` is one of google.rpc.Code."""
        self._reply(request, Ttrpc["Response"](status=Ttrpc["Status"](code=code, message=message)))

    async def receive(self) -> Request | Response:
        """The next message. Raises LinkError, or EOFError when the connection ends."""
        while True:
            for connection, buffer in self._buffers.items():
                message = _take(buffer)
                if message is not None:
                    return _read(connection, *message)
            await self._read_frame()

    def close(self) -> None:
        """Give the connection up."""
        self._writer.close()

    async def _read_frame(self) -> None:
        header = await self._reader.readexactly(_FRAME.size)  # IncompleteReadError is an EOFError
        connection, length = _FRAME.unpack(header)
        if connection not in self._buffers or length > _MAX_DATA + _MESSAGE.size:
            raise LinkError(f"a frame of {length} bytes for connection {connection}")
        self._buffers[connection] += await self._reader.readexactly(length)

    def _reply(self, request: Request, response: Any) -> None:  # noqa: ANN401  # made from a table
        self._send(_FROM_RUNTIME, request.stream, _RESPONSE, response.SerializeToString())

    def _send(self, connection: int, stream: int, kind: int, data: bytes) -> None:
        message = _MESSAGE.pack(len(data), stream, kind, 0) + data
        self._writer.write(_FRAME.pack(connection, len(message)) + message)


def _take(buffer: bytearray) -> tuple[int, int, bytes] | None:
    """Stream, type and data of the first whole message, which leaves the buffer."""
    if len(buffer) < _MESSAGE.size:
        return None
    length, stream, kind, _flags = _MESSAGE.unpack_from(buffer)
    if length > _MAX_DATA:
        raise LinkError(f"a message of {length} bytes")
    end = _MESSAGE.size + length
    if len(buffer) < end:
        return None
    data = bytes(buffer[_MESSAGE.size : end])
    del buffer[:end]
    return stream, kind, data


def _read(connection: int, stream: int, kind: int, data: bytes) -> Request | Response:
    wanted = _REQUEST if connection == _FROM_RUNTIME else _RESPONSE
    if kind != wanted:
        raise LinkError(f"a message of type {kind} where {wanted} belongs")
    try:
        if kind == _REQUEST:
            asked = Ttrpc["Request"].FromString(data)
            return Request(stream, asked.service, asked.method, asked.payload)
        answered = Ttrpc["Response"].FromString(data)
    except DecodeError as error:
        raise LinkError(f"no ttrpc message: {error}") from error
    status = answered.status
    refused = (status.message or f"code {status.code}") if status.code else ""
    return Response(refused, answered.payload)
