# SPDX-License-Identifier: Apache-2.0
"""History over the wire: which events come again, in which order, and what the client is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from server.builders import exec_event, exit_event, image, process
from server.harness import connected, running_api, subscribed, wait_until
from tetragon import events_pb2
from tetragon.events_pb2 import Filter, GetEventsRequest, HistoryState
from tetragon_server.encode import EventEncoder
from tetragon_server.history import History
from tetragon_server.process_message import ProcessBuilder
from tetragon_server.replay import STATE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server.harness import Api
    from tetragon_core.events import Event

BEGIN_NS = 1_700_000_000_000_000_000


class Host:
    """A server with a history, and what the pump does for each event."""

    def __init__(self, api: Api, history: History, encoder: EventEncoder) -> None:
        self.api = api
        self.history = history
        self._encoder = encoder
        self._made = 0

    def happen(self, count: int, *, make: Any = exec_event, size: int = 0) -> None:
        """That many events, one a second; their pid is their number."""
        for _ in range(count):
            self._made += 1
            one = process(pid=self._made, image=image(arguments="x" * size))
            event = make(process=one, time_ns=BEGIN_NS + self._made * 10**9)
            self.api.call(self._publish, event)

    def _publish(self, event: Event) -> None:
        self.history.add(event)
        self.api.bus.publish(self._encoder.encode(event))

    def lose(self, records: int) -> None:
        """Records that never become events."""
        self.api.call(self.api.bus.note_lost, records)


@pytest.fixture(params=[1000])
def host(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host that keeps so many events."""
    history = History(max_events=request.param, max_bytes=1 << 30)
    parts = ProcessBuilder(with_credentials=False, with_namespaces=False, host=None, users=None)
    encoder = EventEncoder(parts, node_name="n", cluster_name="")
    with running_api(tmp_path, history=(history, encoder)) as api:
        api.bus.tap_losses(history.note_lost)
        yield Host(api, history, encoder)


def wanted(history: dict[str, Any] | None = None, **fields: Any) -> GetEventsRequest:
    return GetEventsRequest(history=events_pb2.History(**history or {}), **fields)


def state_of(stream: Any) -> HistoryState:
    return HistoryState.FromString(dict(stream.initial_metadata())[STATE_KEY])


def pid_of(response: events_pb2.GetEventsResponse) -> int:
    pid: int = getattr(response, response.WhichOneof("event")).process.pid.value
    return pid


def first(stream: Any, count: int) -> list[int]:
    """Pids of the first events, each of which has its number."""
    events = [next(stream) for _ in range(count)]
    assert [pid_of(event) for event in events] == [event.number for event in events]
    return [event.number for event in events]


def since(number: int) -> dict[str, Any]:
    return {"since": {"seconds": BEGIN_NS // 10**9 + number}}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"last": 5}, [296, 297, 298, 299, 300]),
        ({"last": 1000}, range(1, 301)),
        (since(290), range(290, 301)),
        (since(290) | {"last": 3}, [298, 299, 300]),
        (since(0), range(1, 301)),
        (since(1000), []),
        ({}, []),
        ({"run": "of another", "after": 7, "last": 1}, [300]),
        ({"last": 2**64 - 1}, range(1, 301)),
    ],
    ids=["last", "more-than-all", "since", "both", "all", "future", "nothing", "other-run", "max"],
)
def test_earlier_events_come_first(host: Host, asked: dict[str, Any], expected: Any) -> None:
    """What was asked for comes in order, then what happens, each event once."""
    host.happen(300)

    with connected(host.api) as client:
        stream = subscribed(client.GetEvents(wanted(asked)))
        host.happen(3)

        assert [*expected, 301, 302, 303] == first(stream, len(expected) + 3)


def test_the_last_that_match(host: Host) -> None:
    """A filter is asked first: the last two exits are not among the last two events."""
    host.happen(100, make=exit_event)
    host.happen(150)
    only_exits = Filter(event_set=[events_pb2.PROCESS_EXIT])

    with connected(host.api) as client:
        stream = subscribed(client.GetEvents(wanted({"last": 2}, allow_list=[only_exits])))
        host.happen(2)
        host.happen(1, make=exit_event)

        assert [99, 100, 253] == first(stream, 3)


def test_streams_without_the_field_are_as_before(host: Host) -> None:
    """No history, no numbers, no metadata: nothing that other clients would see."""
    host.happen(10)

    with connected(host.api) as client:
        stream = subscribed(client.GetEvents(GetEventsRequest()))
        host.happen(1)

        assert STATE_KEY not in dict(stream.initial_metadata())
        assert (11, 0) == (pid_of(event := next(stream)), event.number)


def test_history_is_what_was_sent_live(host: Host) -> None:
    """An event looks the same to who comes later, its process being gone or not."""
    with connected(host.api) as client, connected(host.api) as later:
        live = subscribed(client.GetEvents(wanted()))
        host.happen(50)
        host.happen(50, make=exit_event)
        then = [next(live) for _ in range(100)]

        stream = later.GetEvents(wanted({"last": 100}))
        assert then == [next(stream) for _ in range(100)]


def test_going_on_where_a_stream_broke(host: Host) -> None:
    """In the same run, what comes after a number comes once, whatever its time is."""
    host.happen(50)
    asked = {"run": host.history.run, "after": 40, "last": 1} | since(49)

    with connected(host.api) as client:
        stream = subscribed(client.GetEvents(wanted(asked)))
        host.happen(1)

        assert (51, 0) == (state_of(stream).next, state_of(stream).forgotten)
        assert list(range(41, 52)) == first(stream, 11)


@pytest.mark.parametrize("host", [64], indirect=True)
def test_what_is_forgotten_is_told(host: Host) -> None:
    """The state counts what is missing for who goes on, and says from when on nothing is."""
    host.happen(1000)
    oldest = host.history.oldest

    with connected(host.api) as client:
        stream = subscribed(client.GetEvents(wanted({"run": host.history.run, "after": 40})))

        state = state_of(stream)
        assert (host.history.run, oldest - 41) == (state.run, state.forgotten)
        assert host.history.complete_since_ns == state.complete_since.ToNanoseconds()
        assert host.history.started_ns == state.started.ToNanoseconds()
        assert oldest == next(stream).number


def test_losses_are_told_again(host: Host) -> None:
    """A loss is told with the event that follows it, in history and at its end, once."""
    host.happen(3)
    host.lose(5)
    host.happen(2)
    host.lose(7)

    with connected(host.api) as client:
        stream = subscribed(client.GetEvents(wanted({"run": host.history.run, "after": 2})))
        host.happen(2)

        told = [
            (event.number, event.lost.before_agent) for event in (next(stream) for _ in "12345")
        ]
        assert [(3, 0), (4, 5), (5, 0), (6, 7), (7, 0)] == told


def test_losses_before_the_first_event_are_not(host: Host) -> None:
    """Who asks for the last event is not told of what was lost before it."""
    host.happen(3)
    host.lose(5)
    host.happen(1)

    with connected(host.api) as client:
        stream = client.GetEvents(wanted({"last": 1}))

        assert (4, False) == ((event := next(stream)).number, event.HasField("lost"))


@pytest.mark.parametrize("host", [640], indirect=True)
def test_a_slow_reader_holds_no_memory(host: Host) -> None:
    """What history forgets before a slow client took it is dropped for that client, and told."""
    host.happen(640, size=4000)

    with connected(host.api, **{"grpc.http2.lookahead_bytes": 1}) as client:
        stream = subscribed(client.GetEvents(wanted({"last": 640})))
        host.happen(640)
        wait_until(lambda: host.history.oldest > 500, "the history to move on")

        events = [next(stream)]
        while events[-1].number < 1280:
            events.append(next(stream))

    lost = sum(event.lost.in_queue for event in events)
    assert 1280 == len(events) + lost
    assert sorted({event.number for event in events}) == [event.number for event in events]


def test_without_a_history_the_field_means_nothing(tmp_path: Path) -> None:
    """Like an agent that does not know it: no state, and events from now on."""
    with running_api(tmp_path) as api, connected(api) as client:
        stream = client.GetEvents(wanted({"last": 5}))

        assert STATE_KEY not in dict(stream.initial_metadata())
