# SPDX-License-Identifier: Apache-2.0
"""gRPC server reflection: what services and messages there are, for clients that ask for it.

Few ever ask, so grpclib's implementation is imported with the first question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import Message
from grpclib.const import Cardinality, Handler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from grpclib.server import Stream

__all__ = ["Reflection"]

_METHOD: Final = "ServerReflectionInfo"


class Reflection:
    """Both versions of the service; clients try `v1` first and `v1alpha` then."""

    def __init__(self, services: Sequence[str]) -> None:
        """`services`: full names of those that are told of, their files being loaded."""
        self._services = services

    def __mapping__(self) -> dict[str, Handler]:
        """Path → handler, the form in which grpclib takes a service."""
        return {
            f"/grpc.reflection.{version}.ServerReflection/{_METHOD}": Handler(
                self._function(version), Cardinality.STREAM_STREAM, Message, Message
            )
            for version in ("v1", "v1alpha")
        }

    def _function(self, version: str) -> Callable[[Stream[Any, Any]], Awaitable[None]]:
        async def answer(stream: Stream[Any, Any]) -> None:
            from grpclib.reflection import _deprecated, service  # noqa: PLC0415  # 9 ms of the start

            module: Any = service if version == "v1" else _deprecated
            # The types could not be named before the import.
            stream._recv_type = module.ServerReflectionRequest  # noqa: SLF001  # see above
            stream._send_type = module.ServerReflectionResponse  # noqa: SLF001  # see above
            await module.ServerReflection(_service_names=self._services).ServerReflectionInfo(
                stream
            )

        return answer
