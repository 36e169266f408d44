# SPDX-License-Identifier: Apache-2.0
"""Subscribers that are slow, leave, or never read: nobody else notices, nothing is left."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

import grpc

from server.harness import (
    DEADLINE_S,
    connected,
    everything,
    number_of,
    numbered,
    open_descriptors,
    running_api,
    subscribed,
    wait_until,
)
from tetragon import tetragon_pb2
from tetragon_core.stats import Counter

if TYPE_CHECKING:
    from pathlib import Path

    from server.harness import Api


def test_slow_subscriber_loses_only_its_own(tmp_path: Path) -> None:
    """One client stops reading: the other gets all in order, the slow one is told its gaps."""
    with (
        running_api(tmp_path, max_events=200) as api,
        connected(api) as slow,
        connected(api) as fast,
    ):
        held = subscribed(slow.GetEvents(everything(), timeout=DEADLINE_S))
        stream = subscribed(fast.GetEvents(everything(), timeout=DEADLINE_S))
        received = []
        for number in range(3000):
            api.publish(numbered(number, size=10_000))
            received.append(number_of(next(stream)))
        counts = api.call(api.stats.snapshot)
        late = [next(held) for _ in range(counts[Counter.EVENTS_SENT] - len(received))]
        api.publish(numbered(3000))
        late.append(next(held))

        held.cancel()
        stream.cancel()
    assert received == list(range(3000))
    assert counts[Counter.SUBSCRIBER_DROPPED] > 0
    assert sum(message.lost.in_queue for message in late) == counts[Counter.SUBSCRIBER_DROPPED]
    assert _gaps_are_told(late)


def _gaps_are_told(messages: list[Any]) -> bool:
    """Each note stands exactly where numbers are missing, with how many."""
    expected = 0
    for message in messages:
        if number_of(message) != expected + message.lost.in_queue:
            return False
        expected = number_of(message) + 1
    return True


def test_losses_before_the_agent_are_told_once_to_each(api: Api) -> None:
    """The next event has the kernel's losses since the last one; newcomers hear nothing."""
    with connected(api) as client:
        early = subscribed(client.GetEvents(everything(), timeout=DEADLINE_S))
        api.call(api.bus.note_lost, 300)
        late = subscribed(client.GetEvents(everything(), timeout=DEADLINE_S))

        api.publish(numbered(1), numbered(2))

        told = [[next(stream).lost.before_agent for _ in range(2)] for stream in (early, late)]
        early.cancel()
        late.cancel()
    assert told == [[300, 0], [0, 0]]


def test_one_connection_carries_many_streams(api: Api) -> None:
    """A client that watches 200 times can still call, and hears everything 200 times."""
    with connected(api) as client:
        streams = [
            subscribed(client.GetEvents(everything(), timeout=DEADLINE_S)) for _ in range(200)
        ]

        health = client.GetHealth(tetragon_pb2.GetHealthStatusRequest(), timeout=DEADLINE_S)
        api.publish(numbered(7))

        assert health.health_status[0].details == "running"
        assert [number_of(next(stream)) for stream in streams] == [7] * 200
        for stream in streams:
            stream.cancel()


def test_clients_that_go_leave_nothing(api: Api) -> None:
    """After cancelled calls and cut connections the server is as it was before."""
    gc.collect()
    descriptors = open_descriptors()
    tasks = api.tasks()
    for _ in range(20):
        with connected(api) as client:
            streams = [subscribed(client.GetEvents(everything())) for _ in range(3)]
            api.publish(*(numbered(number, size=10_000) for number in range(50)))
            streams[0].cancel()

    wait_until(lambda: api.call(lambda: api.bus.subscribers) == 0, "all queues gone")
    wait_until(lambda: api.call(lambda: api.server.connections) == 0, "all connections gone")
    wait_until(lambda: api.tasks() <= tasks, "all tasks gone")
    wait_until(lambda: open_descriptors() <= descriptors, "all descriptors gone")


def test_stop_ends_streams_whatever_their_clients_do(tmp_path: Path) -> None:
    """A reader gets every event and UNAVAILABLE; one that does not read holds nothing up."""
    with running_api(tmp_path) as api, connected(api) as stuck, connected(api) as reader:
        held = subscribed(stuck.GetEvents(everything()))
        stream = subscribed(reader.GetEvents(everything(), timeout=DEADLINE_S))
        received: list[int] = []
        codes: list[grpc.StatusCode] = []

        def read() -> None:
            try:
                received.extend(number_of(message) for message in stream)
            except grpc.RpcError as error:
                codes.append(error.code())

        thread = threading.Thread(target=read)
        thread.start()
        api.publish(*(numbered(number, size=10_000) for number in range(1000)))

        api.run(api.stop())

        thread.join(DEADLINE_S)
        assert api.call(lambda: api.bus.subscribers) == 0
        held.cancel()
    assert received == list(range(1000))
    assert codes == [grpc.StatusCode.UNAVAILABLE]
