# SPDX-License-Identifier: Apache-2.0
"""Calls over one unix socket with gRPC; replies of unlimited size are refused, not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .runtime import NotServedError, RuntimeFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grpclib.client import Channel, Stream

__all__ = ["GrpcSocket"]

_MAX_REPLY_BYTES: Final = 16 << 20


class GrpcSocket:
    """One connection, made when it is needed and again after it broke."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._channel: Channel | None = None

    async def call(
        self,
        method: str,
        request: Any,  # noqa: ANN401  # messages are made from tables
        reply: Any,  # noqa: ANN401  # as above
        metadata: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401  # as above
        """Call `method` (/service/name); `reply` is a class.

        Raises RuntimeFailedError, NotServedError when nobody knows the method. None when the other
        side says that what is asked for is not there.
        """
        from google.protobuf.message import DecodeError  # noqa: PLC0415  # only with a runtime
        from grpclib.const import Cardinality, Status  # noqa: PLC0415  # as above
        from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError  # noqa: PLC0415  # as above

        kind = Cardinality.UNARY_UNARY
        stream = self._connected().request(method, kind, type(request), reply, metadata=metadata)
        try:
            async with stream:
                await stream.send_message(request, end=True)
                _limit(stream)
                return await stream.recv_message()
        except GRPCError as error:
            if error.status is Status.NOT_FOUND:
                return None
            text = " ".join((error.message or error.status.name).split())[:200]
            if error.status is Status.UNIMPLEMENTED:
                raise NotServedError(text) from error
            raise RuntimeFailedError(text) from error
        except (OSError, ProtocolError, StreamTerminatedError) as error:
            await self.close()
            raise RuntimeFailedError(str(error) or type(error).__name__) from error
        except (AssertionError, DecodeError, NotImplementedError, ValueError) as error:
            await self.close()
            raise RuntimeFailedError(f"its answer is no message of gRPC ({error})") from error

    async def close(self) -> None:
        """Close the connection; the next call makes a new one."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _connected(self) -> Channel:
        if self._channel is None:
            from grpclib.client import Channel  # noqa: PLC0415  # only with a runtime

            self._channel = Channel(path=self._path)
        return self._channel


def _limit(stream: Stream[Any, Any]) -> None:
    """Refuse a message by its length, which comes first: grpclib has no limit of its own."""
    inner = stream._stream  # noqa: SLF001  # grpclib has no other place
    receive = inner.recv_data

    async def receive_limited(size: int) -> bytes:
        if size > _MAX_REPLY_BYTES:
            raise RuntimeFailedError(f"its answer has {size} bytes, more than {_MAX_REPLY_BYTES}")
        return await receive(size)

    inner.recv_data = receive_limited  # type: ignore[method-assign]  # of this stream only
