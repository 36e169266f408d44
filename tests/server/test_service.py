# SPDX-License-Identifier: Apache-2.0
"""The services as an independent gRPC library sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import BoolValue, Int64Value, StringValue

from server.harness import (
    DEADLINE_S,
    connected,
    everything,
    number_of,
    numbered,
    subscribed,
)
from tetragon import events_pb2, sensors_pb2, tetragon_pb2
from tetragon_core.stats import Counter
from tetragon_server.encode import EncodedEvent

if TYPE_CHECKING:
    from server.harness import Api

ANSWERED = {"GetEvents", "GetHealth", "GetVersion", "GetInfo"}
EXEC, EXIT, KPROBE = events_pb2.PROCESS_EXEC, events_pb2.PROCESS_EXIT, events_pb2.PROCESS_KPROBE
REFUSED = [
    method
    for service in sensors_pb2.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if method.name not in ANSWERED
]


def exit_of(number: int) -> EncodedEvent:
    message = events_pb2.GetEventsResponse()
    message.process_exit.process.pid.value = number
    return EncodedEvent(events_pb2.PROCESS_EXIT, message.SerializeToString())


def test_every_event_is_one_message_in_order(api: Api) -> None:
    """Fifty thousand events arrive as fifty thousand messages, in order."""
    with connected(api) as client:
        stream = subscribed(client.GetEvents(everything(), timeout=DEADLINE_S))
        for start in range(0, 50_000, 5_000):
            api.publish(*(numbered(number, size=100) for number in range(start, start + 5_000)))

        received = [number_of(next(stream)) for _ in range(50_000)]

        stream.cancel()
    assert received == list(range(50_000))
    assert api.stats.snapshot()[Counter.EVENTS_SENT] == 50_000


def test_events_larger_than_the_windows(api: Api) -> None:
    """Messages of 300 KB cross flow-control windows and frame limits unchanged."""
    with connected(api) as client:
        stream = subscribed(client.GetEvents(everything(), timeout=DEADLINE_S))
        sent = [numbered(number, size=300_000) for number in range(20)]

        api.publish(*sent)

        received = [next(stream).ByteSize() for _ in sent]
        stream.cancel()
    assert received == [len(event.payload) for event in sent]


def test_subscribers_get_the_same_events(api: Api) -> None:
    """Four clients see the same sequence."""
    with connected(api) as client:
        streams = [subscribed(client.GetEvents(everything(), timeout=DEADLINE_S)) for _ in range(4)]

        api.publish(*(numbered(number) for number in range(1000)))

        received = [[number_of(next(stream)) for _ in range(1000)] for stream in streams]
        for stream in streams:
            stream.cancel()
    assert received == [list(range(1000))] * 4


def test_nothing_is_replayed(api: Api) -> None:
    """A subscriber gets what is published after the answer's headers, nothing older."""
    api.publish(numbered(1))
    with connected(api) as client:
        stream = subscribed(client.GetEvents(everything(), timeout=DEADLINE_S))

        api.publish(numbered(2))

        assert number_of(next(stream)) == 2
        stream.cancel()


@pytest.mark.parametrize(
    ("allow", "deny", "expected"),
    [
        ([[]], [], ["process_exec", "process_exit"]),
        ([[EXEC]], [], ["process_exec"]),
        ([[EXEC], [EXIT]], [], ["process_exec", "process_exit"]),
        ([], [[EXIT]], ["process_exec"]),
        ([[EXEC, EXIT]], [[EXEC]], ["process_exit"]),
        ([[KPROBE]], [], []),
        ([], [[]], []),
    ],
    ids=["empty-filter", "exec", "either", "deny", "both", "other-kind", "deny-all"],
)
def test_event_set(
    api: Api,
    allow: list[list[events_pb2.EventType]],
    deny: list[list[events_pb2.EventType]],
    expected: list[str],
) -> None:
    """Allowed and not denied; a filter with nothing set matches everything."""
    request = events_pb2.GetEventsRequest(
        allow_list=[events_pb2.Filter(event_set=kinds) for kinds in allow],
        deny_list=[events_pb2.Filter(event_set=kinds) for kinds in deny],
    )
    with connected(api) as client:
        stream = subscribed(client.GetEvents(request, timeout=DEADLINE_S))

        api.publish(numbered(1), exit_of(2))

        api.run(api.bus.drain(DEADLINE_S))
        received: list[str | None] = []
        with pytest.raises(grpc.RpcError) as ended:
            received.extend(message.WhichOneof("event") for message in stream)
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    assert received == expected


@pytest.mark.parametrize("method", REFUSED, ids=lambda method: method.name)
def test_other_rpcs_say_that_they_are_missing(api: Api, method: Any) -> None:
    """An rpc of the API that is not there answers UNIMPLEMENTED and its own name."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    with (
        grpc.insecure_channel(api.address) as channel,
        pytest.raises(grpc.RpcError) as refused,
    ):
        channel.unary_unary(path, request_serializer=bytes)(b"", timeout=DEADLINE_S)

    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert method.name in (refused.value.details() or "")


def test_health_has_the_counters(api: Api) -> None:
    """GetHealth says running, and every counter with its value."""
    api.stats.add(Counter.RING_LOST_EXIT, 7)
    with connected(api) as client:
        reply = client.GetHealth(tetragon_pb2.GetHealthStatusRequest(), timeout=DEADLINE_S)

    status = reply.health_status[0]
    assert (status.event, status.status, status.details) == (1, 1, "running")
    values = {counter.name: counter.value for counter in reply.counters}
    assert values == {one.label: 7 if one is Counter.RING_LOST_EXIT else 0 for one in Counter}


def test_info_has_build_and_settings(api: Api) -> None:
    """Upstream's client takes `build` for granted and decodes four types of values."""
    with connected(api) as client:
        info = client.GetInfo(sensors_pb2.GetInfoRequest(), timeout=DEADLINE_S)
        version = client.GetVersion(sensors_pb2.GetVersionRequest(), timeout=DEADLINE_S)

    conf = {one.key: one.value for one in info.conf}
    assert info.HasField("build")
    assert (info.name, info.version) == ("tetragon-mini", version.version)
    assert [(one.Name, one.Enabled.value) for one in info.probes] == [("btf", True)]
    assert conf["cluster-name"].Unpack(text := StringValue())
    assert conf["enable-process-cred"].Unpack(boolean := BoolValue())
    assert conf["process-cache-size"].Unpack(number := Int64Value())
    assert conf["enable-ancestors"].Unpack(ListValue())
    assert (text.value, boolean.value, number.value) == ("c1", False, 65_536)
