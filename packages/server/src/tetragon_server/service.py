# SPDX-License-Identifier: Apache-2.0
"""The gRPC services of the API. Handlers are found by name in the descriptors, not generated.

An rpc without one answers UNIMPLEMENTED in one line. What the answers say is in `answers.py`.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message_factory import GetMessageClass
from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError

from tetragon import eventlogservice_pb2, sensors_pb2

from .bus import MAX_STREAMS, ViewError
from .filter_rules import FilterRules
from .patience import Patience
from .replay import Replay

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from google.protobuf.descriptor import MethodDescriptor
    from google.protobuf.message import Message
    from grpclib.server import Stream

    from tetragon import events_pb2

    from .answers import Answers
    from .bus import Bus, Subscription, View
    from .encode import EventEncoder
    from .history import History

    # The type of a stream's messages is only known at run time, from the descriptor.
    AnyStream = Stream[Any, Any]
    Answer = Callable[[Any], Awaitable[Message]]

__all__ = ["SERVICES", "ApiService"]

_FILES: Final = (sensors_pb2, eventlogservice_pb2)
SERVICES: Final = tuple(
    service.full_name for file in _FILES for service in file.DESCRIPTOR.services_by_name.values()
)
"""Full names of the API's services."""
_BATCH_EVENTS: Final = 64
_BATCH_BYTES: Final = 64 * 1024
_COMPILED_AT_ONCE_BYTES: Final = 1024
"""Filters of larger requests are compiled in a thread, while the ring is read."""
_PREFIX: Final = struct.Struct(">BI")
"""Before each gRPC message: compressed flag and length."""


class ApiService:
    """FineGuidanceSensors and EventLogService."""

    def __init__(
        self,
        bus: Bus,
        answers: Answers,
        more: Mapping[str, Answer] | None = None,
        history: tuple[History, EventEncoder] | None = None,
        rules: FilterRules | None = None,
    ) -> None:
        """`more`: rpcs that are answered elsewhere, request to reply by name."""
        self._bus = bus
        self._rules = rules or FilterRules()
        self._patience = Patience()
        self._history = history
        self._unary: dict[str, Answer] = {
            "GetHealth": _constant(answers.health),
            "GetVersion": _constant(answers.version),
            "GetInfo": _constant(answers.info),
            **(more or {}),
        }

    def __mapping__(self) -> dict[str, Handler]:
        """Path → handler, the form in which grpclib takes a service."""
        return {
            f"/{method.containing_service.full_name}/{method.name}": self._handler(method)
            for file in _FILES
            for service in file.DESCRIPTOR.services_by_name.values()
            for method in service.methods
        }

    def _handler(self, method: MethodDescriptor) -> Handler:
        streams = method.server_streaming
        return Handler(
            self._function(method.name),
            Cardinality.UNARY_STREAM if streams else Cardinality.UNARY_UNARY,
            GetMessageClass(method.input_type),
            GetMessageClass(method.output_type),
        )

    def _function(self, name: str) -> Callable[[AnyStream], Awaitable[None]]:
        if name == "GetEvents":
            return self._get_events
        answer = self._unary.get(name)
        return _refuse(name) if answer is None else _reply_with(answer)

    def _replay(
        self,
        request: events_pb2.GetEventsRequest,
        kinds: frozenset[int] | None,
        view: View | None,
    ) -> Replay | None:
        """Of the history, if there is one and it is asked for; for who subscribes right now."""
        if self._history is None or not request.HasField("history"):
            return None
        history, encoder = self._history
        return Replay(history, encoder, request.history, kinds, view)

    async def _compiled(
        self, request: events_pb2.GetEventsRequest
    ) -> tuple[frozenset[int] | None, View | None]:
        """Which events the request asks for, and what of them."""
        from .filters import FilterError, compile_view  # noqa: PLC0415  # an agent may never need it

        try:
            if request.ByteSize() <= _COMPILED_AT_ONCE_BYTES:
                kinds, view = compile_view(request, self._rules)
            else:
                kinds, view = await asyncio.to_thread(compile_view, request, self._rules)
        except FilterError as error:
            # What Tetragon's clients get for a bad filter.
            raise GRPCError(Status.UNKNOWN, str(error)) from None
        return kinds, None if view is None else self._patience.limited(view)

    def _check_room(self) -> None:
        if self._bus.subscribers >= MAX_STREAMS:
            raise GRPCError(
                Status.RESOURCE_EXHAUSTED,
                f"GetEvents: {MAX_STREAMS} streams are open, more are not served; end some",
            )

    async def _get_events(self, stream: AnyStream) -> None:
        request: events_pb2.GetEventsRequest | None = await stream.recv_message()
        if request is None:
            raise GRPCError(Status.INVALID_ARGUMENT, "GetEvents: the request is missing")
        kinds, view = await self._compiled(request)
        self._check_room()
        replay = self._replay(request, kinds, view)
        subscription = self._bus.subscribe(kinds, view if replay is None else replay.live)
        try:
            # Headers at once: a client that has them knows that it misses nothing from here on.
            if replay is None:
                await stream.send_initial_metadata()
            else:
                await _send_history(stream, replay, subscription)
            while batch := await subscription.take(_BATCH_EVENTS, _BATCH_BYTES):
                await _send_batch(stream, batch)
                if subscription.has_events:
                    # With a fast reader nothing here ever waits; others want their turn.
                    await asyncio.sleep(0)
        except ViewError as error:
            raise GRPCError(Status.RESOURCE_EXHAUSTED, str(error)) from None
        finally:
            self._bus.unsubscribe(subscription)
        raise GRPCError(Status.UNAVAILABLE, "the agent is stopping")


async def _send_history(stream: AnyStream, replay: Replay, subscription: Subscription) -> None:
    """What was before; meanwhile the subscription has what comes."""
    subscription.owe(lost=replay.lost_at_end())
    await stream.send_initial_metadata(metadata=replay.metadata())
    async for batch in replay.batches(_BATCH_BYTES):
        await _send_batch(stream, batch)
        subscription.accepted += len(batch)
    replay.settle(subscription)


async def _send_batch(stream: AnyStream, payloads: Iterable[bytes]) -> None:
    """Several messages in one HTTP/2 write: 1 to 2 us per event instead of 12 one by one."""
    parts: list[bytes] = []
    for payload in payloads:
        parts += (_PREFIX.pack(0, len(payload)), payload)
    # grpclib's public call takes one message; below it is the flow-controlled byte stream.
    await stream._stream.send_data(b"".join(parts))  # noqa: SLF001  # see above


def _constant(answer: Callable[[], Message]) -> Answer:
    async def reply(_: Any) -> Message:  # noqa: ANN401  # any request gets the same answer
        return answer()

    return reply


def _reply_with(answer: Answer) -> Callable[[AnyStream], Awaitable[None]]:
    async def reply(stream: AnyStream) -> None:
        request = await stream.recv_message()
        if request is None:
            raise GRPCError(Status.INVALID_ARGUMENT, "the request is missing")
        await stream.send_message(await answer(request))

    return reply


def _refuse(name: str) -> Callable[[AnyStream], Awaitable[None]]:
    async def refuse(_: AnyStream) -> None:
        raise GRPCError(Status.UNIMPLEMENTED, f"{name} is not implemented by this agent")

    return refuse
