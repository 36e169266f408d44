# SPDX-License-Identifier: Apache-2.0
"""Queues: what fits, what is dropped, what is told about it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from server.builders import exec_event, process
from server.harness import numbered
from tetragon import events_pb2
from tetragon_core.events import HookHit, ProcessExec
from tetragon_core.hooks import HookEvent, HookInfo, HookMessage
from tetragon_core.messages import ProcessKey
from tetragon_core.stats import Counter
from tetragon_server.ancestors import wants_ancestors, with_ancestors
from tetragon_server.bus import Bus
from tetragon_server.encode import EncodedEvent

if TYPE_CHECKING:
    from tetragon_server.bus import Subscription


def taken(subscription: Subscription, max_events: int, max_bytes: int = 1 << 20) -> list[bytes]:
    return asyncio.run(subscription.take(max_events, max_bytes))


def test_bytes_bound_the_queue() -> None:
    """With room for two events of this size the third is dropped, and counted."""
    event = numbered(1, size=1000)
    bus = Bus(max_events=100, max_bytes=2 * len(event.payload))
    subscription = bus.subscribe()

    for _ in range(3):
        bus.publish(event)

    counts = bus.counters()
    assert (counts[Counter.EVENTS_SENT], counts[Counter.SUBSCRIBER_DROPPED]) == (2, 1)
    assert taken(subscription, 10) == [event.payload] * 2


def test_event_larger_than_the_queue_goes_out_alone() -> None:
    """One huge event is not a loss for a subscriber that keeps up."""
    event = numbered(1, size=1000)
    bus = Bus(max_events=100, max_bytes=10)
    subscription = bus.subscribe()

    bus.publish(event)

    assert taken(subscription, 10) == [event.payload]


def test_room_comes_back() -> None:
    """What was taken no longer counts against the limits."""
    event = numbered(1)
    bus = Bus(max_events=2, max_bytes=1 << 20)
    subscription = bus.subscribe()
    for _ in range(50):
        bus.publish(event)
        taken(subscription, 1)

    assert bus.counters()[Counter.SUBSCRIBER_DROPPED] == 0


@pytest.mark.parametrize(
    ("max_events", "max_bytes", "expected"),
    [(2, 1 << 20, 2), (9, 2500, 2), (9, 1, 1), (9, 1 << 20, 3)],
    ids=["events", "bytes", "at-least-one", "all"],
)
def test_batches(max_events: int, max_bytes: int, expected: int) -> None:
    """A batch stops at either limit, and holds at least one event."""
    bus = Bus(max_events=100, max_bytes=1 << 20)
    subscription = bus.subscribe()
    for number in range(3):
        bus.publish(numbered(number, size=1000))

    assert len(taken(subscription, max_events, max_bytes)) == expected


def test_counts_outlive_their_subscribers() -> None:
    """Totals never go back when a client leaves, and it leaves once only."""
    bus = Bus(max_events=1, max_bytes=1 << 20)
    subscription = bus.subscribe()
    for number in range(5):
        bus.publish(numbered(number))

    bus.unsubscribe(subscription)
    bus.unsubscribe(subscription)

    counts = bus.counters()
    assert (counts[Counter.EVENTS_SENT], counts[Counter.SUBSCRIBER_DROPPED]) == (1, 4)


def test_loss_is_not_told_by_a_dropped_event() -> None:
    """A note that would have gone with a dropped event goes with the next one that fits."""
    bus = Bus(max_events=1, max_bytes=1 << 20)
    subscription = bus.subscribe()
    bus.publish(numbered(1))
    bus.note_lost(7)
    bus.publish(numbered(2))
    taken(subscription, 1)

    bus.publish(numbered(3))

    (payload,) = taken(subscription, 1)
    lost = events_pb2.GetEventsResponse.FromString(payload).lost
    assert (lost.before_agent, lost.in_queue) == (7, 1)


def fallback(name: str) -> bytes:
    one = events_pb2.PolicyFallback(policy_name=name)
    return events_pb2.GetEventsResponse(policy_fallbacks=[one]).SerializeToString()


def fallbacks_of(payload: bytes) -> list[str]:
    response = events_pb2.GetEventsResponse.FromString(payload)
    assert response.WhichOneof("event") is not None
    return [one.policy_name for one in response.policy_fallbacks]


def test_what_is_told_comes_with_the_next_event() -> None:
    """Once, to each who listens when it is told, and never alone."""
    bus = Bus(max_events=9, max_bytes=1 << 20)
    early = bus.subscribe()
    bus.publish(numbered(1))
    bus.tell(fallback("a"))
    bus.tell(fallback("b"))
    late = bus.subscribe()
    bus.publish(numbered(2))
    bus.publish(numbered(3))

    assert [[], ["a", "b"], []] == [fallbacks_of(one) for one in taken(early, 9)]
    assert [[], []] == [fallbacks_of(one) for one in taken(late, 9)]


def test_what_is_told_waits_for_an_event_that_fits() -> None:
    """A dropped event, or one of a kind that is not wanted, does not take it away."""
    bus = Bus(max_events=1, max_bytes=1 << 20)
    subscription = bus.subscribe(frozenset({events_pb2.PROCESS_EXEC}))
    bus.publish(numbered(1))
    bus.tell(fallback("a"))
    bus.publish(numbered(2))
    bus.publish(EncodedEvent(events_pb2.PROCESS_LSM, b""))
    taken(subscription, 1)

    bus.publish(numbered(3))

    assert [["a"]] == [fallbacks_of(one) for one in taken(subscription, 9)]


def test_what_is_told_is_bounded() -> None:
    """A subscriber that gets no events does not collect news for ever."""
    bus = Bus(max_events=9, max_bytes=1 << 20)
    subscription = bus.subscribe()
    for number in range(10_000):
        bus.tell(fallback(f"p{number}"))

    bus.publish(numbered(1))

    (payload,) = taken(subscription, 9)
    told = fallbacks_of(payload)
    assert [f"p{number}" for number in range(len(told))] == told
    assert 8192 + len(numbered(1).payload) >= len(payload) > 8000


def test_ancestors_end_at_init() -> None:
    """The line starts above the parent and ends with pid 1, not with the pseudo process above."""
    kernel = process(pid=0)
    init = process(pid=1, parent=kernel)
    shell = process(pid=10, parent=init)
    script = process(pid=11, parent=shell)

    event = with_ancestors(exec_event(parent=script))

    assert isinstance(event, ProcessExec)
    assert [one.pid for one in event.ancestors] == [10, 1]


@pytest.mark.parametrize(
    ("types", "execs", "kprobes"),
    [
        ({"base"}, True, False),
        ({"base", "kprobe"}, True, True),
        ({"base", "tracepoint"}, True, False),
    ],
)
def test_types_of_events_that_have_ancestors(
    types: set[str], *, execs: bool, kprobes: bool
) -> None:
    """Each type is asked for by itself."""
    info = HookInfo(event=HookEvent.KPROBE, policy_name="p")
    message = HookMessage(process=ProcessKey(42, 1), tid=1, ktime_ns=1, info=info, action=1)
    hit = HookHit(process=process(), parent=None, time_ns=1, hit=message)

    assert execs == wants_ancestors(exec_event(), frozenset(types))
    assert kprobes == wants_ancestors(hit, frozenset(types))


def test_child_of_init_has_no_ancestors() -> None:
    """Nothing is listed above a parent that is pid 1."""
    event = with_ancestors(exec_event(parent=process(pid=1, parent=process(pid=0))))

    assert isinstance(event, ProcessExec)
    assert event.ancestors == ()


def test_all_queues_together_are_bounded() -> None:
    """Beyond the total a queue only holds the little that each may have, whatever others hold."""
    event = numbered(1, size=100_000)
    bus = Bus(max_events=1000, max_bytes=1 << 30, max_total_bytes=10 * len(event.payload))
    slow = bus.subscribe()
    for _ in range(12):
        bus.publish(event)
    quick = bus.subscribe()
    for _ in range(3):
        bus.publish(event)

    assert 10 == len(taken(slow, 100, max_bytes=1 << 30))
    assert 2 == len(taken(quick, 100, max_bytes=1 << 30))


def test_what_a_gone_subscriber_had_queued_counts_no_more() -> None:
    """Its bytes are free for the others."""
    event = numbered(1, size=500_000)
    bus = Bus(max_events=1000, max_bytes=1 << 30, max_total_bytes=2 * len(event.payload))
    gone, stays = bus.subscribe(), bus.subscribe()
    bus.publish(event)
    bus.unsubscribe(gone)

    bus.publish(event)

    assert 2 == len(taken(stays, 100, max_bytes=1 << 30))
