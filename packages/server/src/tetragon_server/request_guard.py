# SPDX-License-Identifier: Apache-2.0
"""Bounds and checks what clients send, for every service. What requests mean is not known here.

Anybody who reaches a port may send anything: without a bound one call could take all memory, and
each unreadable request would write a stack trace to the log.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError
from grpclib.const import Status
from grpclib.exceptions import GRPCError

if TYPE_CHECKING:
    from grpclib.events import RecvRequest
    from grpclib.protocol import Stream as ByteStream
    from grpclib.server import Stream

__all__ = ["FIRST_MESSAGE_S", "MAX_REQUEST_BYTES", "guard_request"]

MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024
"""gRPC's usual limit. Clients read it in the info file."""
FIRST_MESSAGE_S: Final = 30.0


async def guard_request(event: RecvRequest) -> None:
    """Let grpclib call the rpc's handler with a stream that refuses bad requests."""
    handler = event.method_func

    async def guarded(stream: Stream[Any, Any]) -> None:
        _bound(stream._stream)  # noqa: SLF001  # grpclib has no limit to set
        _hasten(stream)
        try:
            await handler(stream)
        except DecodeError:
            raise GRPCError(
                Status.INVALID_ARGUMENT, "the request is no message of this rpc's type"
            ) from None
        except NotImplementedError:
            # All that grpclib says about a message with the compressed flag.
            raise GRPCError(
                Status.UNIMPLEMENTED, "compressed requests are not supported; send it uncompressed"
            ) from None

    event.method_func = guarded


def _hasten(stream: Stream[Any, Any]) -> None:
    """A call that is begun and never gets its request would hold its place for ever."""
    receive = stream.recv_message

    async def receive_in_time() -> Any:  # noqa: ANN401  # a message of any type
        stream.recv_message = receive  # type: ignore[method-assign]  # only the first is hastened
        try:
            async with asyncio.timeout(FIRST_MESSAGE_S):
                return await receive()
        except TimeoutError:
            raise GRPCError(
                Status.DEADLINE_EXCEEDED, f"no request came within {FIRST_MESSAGE_S:g} s"
            ) from None

    stream.recv_message = receive_in_time  # type: ignore[method-assign]  # grpclib has no other place


def _bound(stream: ByteStream) -> None:
    """Check the length before any byte is waited for: what nobody waits for, flow control stops."""
    receive = stream.recv_data

    async def receive_bounded(size: int) -> bytes:
        if size > MAX_REQUEST_BYTES:
            raise GRPCError(
                Status.RESOURCE_EXHAUSTED,
                f"the request has {size} bytes; the agent takes {MAX_REQUEST_BYTES}",
            )
        return await receive(size)

    stream.recv_data = receive_bounded  # type: ignore[method-assign]  # grpclib has no other place
