# SPDX-License-Identifier: Apache-2.0
"""A gRPC server that answers as told, for the client's tests: another implementation than ours."""

from __future__ import annotations

import contextlib
import threading
from concurrent import futures
from typing import TYPE_CHECKING, Any

import grpc

from tetragon.events_pb2 import GetEventsRequest, GetEventsResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from google.protobuf.message import Message

SERVICE = "tetragon.FineGuidanceSensors"


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, find: Callable[[grpc.HandlerCallDetails], Any]) -> None:
        self._find = find

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self._find(handler_call_details)


class FakeAgent:
    """What the server does; tests set the fields before they start a client."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.replies: dict[str, Message] = {}
        self.refusals: dict[str, tuple[grpc.StatusCode, str]] = {}
        """Methods that fail, and how."""
        self.asked: dict[str, list[bytes]] = {}
        """Requests of the methods in `replies`, serialized."""
        self.silent: set[str] = set()
        """Methods that are known and never answer."""
        self.events: Sequence[GetEventsResponse] = ()
        self.metadata: tuple[tuple[str, str | bytes], ...] = ()
        """Sent before the events."""
        self.requests: list[GetEventsRequest] = []
        self.holds_streams = False
        """Leave a stream open after the last event, until `release` is called."""
        self.server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[_Handlers(self.handler)])
        self.failure: grpc.StatusCode | None = None
        """How streams end; None is the ordinary way."""
        self.failure_text = "Socket closed"
        self._released = threading.Event()

    def release(self) -> None:
        """Let held streams end."""
        self._released.set()

    def stop(self) -> None:
        """Break every connection."""
        stopped = self.server.stop(grace=0)
        self.release()
        stopped.wait(timeout=10)

    def answer(self, method: str, request: bytes, context: grpc.ServicerContext) -> Message | None:
        """The reply set for a method; None, after a long wait, when none is set."""
        self.asked.setdefault(method, []).append(request)
        if method in self.refusals:
            context.abort(*self.refusals[method])
        if method not in self.replies:
            self._released.wait(timeout=30)
        return self.replies.get(method)

    def stream(self, request: GetEventsRequest, context: grpc.ServicerContext) -> Iterator[Any]:
        """GetEvents."""
        self.requests.append(request)
        context.send_initial_metadata(self.metadata)
        yield from self.events
        if self.holds_streams:
            context.add_callback(self._released.set)
            self._released.wait(timeout=30)
        if self.failure is not None:
            context.abort(self.failure, self.failure_text)

    def handler(self, details: grpc.HandlerCallDetails) -> Any:
        """The handler of one method; None answers UNIMPLEMENTED."""
        method = details.method.rpartition("/")[2]
        if method == "GetEvents":
            return grpc.unary_stream_rpc_method_handler(
                self.stream, GetEventsRequest.FromString, GetEventsResponse.SerializeToString
            )
        if method in {*self.replies, *self.refusals, *self.silent}:
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: self.answer(method, request, context),
                None,
                lambda message: message.SerializeToString(),
            )
        return None


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[FakeAgent]:
    """A fake agent on a private unix socket."""
    agent = FakeAgent(f"unix://{directory}/agent.sock")
    agent.server.add_insecure_port(f"unix:{directory}/agent.sock")
    agent.server.start()
    try:
        yield agent
    finally:
        agent.stop()
