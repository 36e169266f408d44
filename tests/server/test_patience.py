# SPDX-License-Identifier: Apache-2.0
"""Filters that take too long end their own stream, not the agent's work; quick ones never do."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import grpc
import pytest

from server.filtered import event, process
from server.harness import DEADLINE_S, connected, subscribed
from tetragon import events_pb2 as events_pb
from tetragon_server.bus import Bus, ViewError
from tetragon_server.encode import EncodedEvent
from tetragon_server.patience import Patience

if TYPE_CHECKING:
    from server.harness import Api


def any_event() -> EncodedEvent:
    """The next one."""
    return EncodedEvent(events_pb.PROCESS_EXEC, b"payload")


class Clocks:
    """Real time and the processor's, that views move on."""

    def __init__(self) -> None:
        self.real_s = 100.0
        self.processor_s = 7.0

    def patience(self) -> Patience:
        """With these clocks."""
        return Patience(lambda: self.real_s, lambda: self.processor_s)

    def work(self, seconds: float) -> None:
        """Let both go on."""
        self.real_s += seconds
        self.processor_s += seconds


def payload_of(view_event: EncodedEvent) -> bytes:
    return view_event.payload


def test_quick_views_are_left_alone() -> None:
    """However many events come, and whatever they add up to."""
    clocks = Clocks()

    def view(one: EncodedEvent) -> bytes:
        clocks.work(0.004)
        return one.payload

    limited = clocks.patience().limited(view)

    assert [b"payload"] * 5000 == [limited(any_event()) for _ in range(5000)]


def test_waiting_is_no_work() -> None:
    """A machine that has no time for the agent, or a stop, is not the filter's fault."""
    clocks = Clocks()

    def view(one: EncodedEvent) -> bytes:
        clocks.real_s += 3
        clocks.processor_s += 0.004
        return one.payload

    limited = clocks.patience().limited(view)

    assert [b"payload"] * 100 == [limited(any_event()) for _ in range(100)]


def test_slow_views_use_up_what_is_allowed() -> None:
    """One second at once, then a tenth of the time; all views of the agent share it."""
    clocks = Clocks()
    patience = clocks.patience()

    def view(one: EncodedEvent) -> bytes:
        clocks.work(0.3)
        return one.payload

    first, second, quick = (patience.limited(one) for one in (view, view, payload_of))

    # The first one only raises suspicion.
    assert [first(any_event()) for _ in range(4)] == [b"payload"] * 4
    with pytest.raises(ViewError, match="took 300 ms for one event"):
        second(any_event())
    assert quick(any_event()) == b"payload"
    clocks.real_s += 6
    assert first(any_event()) == b"payload"
    with pytest.raises(ViewError):
        first(any_event())


def test_many_views_that_are_slow_together_use_it_up_too() -> None:
    """Those that take more than others end, until the rest takes little; quick ones are spared."""
    clocks = Clocks()
    patience = clocks.patience()

    def view(one: EncodedEvent) -> bytes:
        clocks.work(0.001)
        return one.payload

    quick = patience.limited(payload_of)
    costly = {patience.limited(view) for _ in range(400)}
    for _ in range(5):
        one = any_event()
        for limited in list(costly):
            try:
                limited(one)
            except ViewError:
                costly.remove(limited)
            assert quick(one) == b"payload"

    assert len(costly) in {4, 5}  # of 1 ms each


def test_a_failed_view_ends_its_subscription_alone() -> None:
    """What was queued before is still handed out, then the error; others get everything."""

    def view(one: EncodedEvent) -> bytes:
        if one.payload == b"3":
            raise ViewError("too slow")
        return one.payload

    bus = Bus(max_events=100, max_bytes=10_000)
    failing, other = bus.subscribe(view=view), bus.subscribe()
    for number in range(6):
        bus.publish(EncodedEvent(events_pb.PROCESS_EXEC, b"%d" % number))

    assert asyncio.run(failing.take(10, 1000)) == [b"0", b"1", b"2"]
    with pytest.raises(ViewError, match="too slow"):
        asyncio.run(failing.take(10, 1000))
    assert asyncio.run(other.take(10, 1000)) == [b"%d" % number for number in range(6)]


def test_the_client_is_told(api: Api) -> None:
    """A pattern that RE2 has to simulate, and texts made for it: RESOURCE_EXHAUSTED, with words."""
    request = events_pb.GetEventsRequest(
        allow_list=[events_pb.Filter(arguments_regex=["[ab]*a[ab]{900}c"])]
    )
    text = "".join(random.Random(1).choices("ab", k=64 * 1024))
    slow = event(process=process(arguments=text))
    events = [EncodedEvent(events_pb.PROCESS_EXEC, slow.SerializeToString()) for _ in range(40)]

    with connected(api) as client:
        stream = subscribed(client.GetEvents(request, timeout=DEADLINE_S))
        api.publish(*events)
        with pytest.raises(grpc.RpcError) as ended:
            next(stream)

    assert ended.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "this agent has no more time for slow ones" in (ended.value.details() or "")
