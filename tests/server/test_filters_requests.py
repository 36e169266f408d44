# SPDX-License-Identifier: Apache-2.0
"""Filters of GetEvents over the wire: what comes, and how those that are wrong fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from server.filtered import event, process
from server.harness import DEADLINE_S, connected, subscribed
from tetragon import events_pb2 as events_pb
from tetragon_server.encode import EncodedEvent

if TYPE_CHECKING:
    from server.harness import Api

EXEC = events_pb.PROCESS_EXEC


def exec_of(binary: str, pid: int = 1) -> EncodedEvent:
    response = event(process=process(pid, binary=binary), parent=process(pid - 1))
    return EncodedEvent(EXEC, response.SerializeToString())


def received(api: Api, request: events_pb.GetEventsRequest, *events: EncodedEvent) -> list[Any]:
    """What a subscriber gets of these events."""
    messages: list[Any] = []
    with connected(api) as client:
        stream = subscribed(client.GetEvents(request, timeout=DEADLINE_S))
        api.publish(*events)
        api.run(api.bus.drain(DEADLINE_S))
        with pytest.raises(grpc.RpcError) as ended:
            messages.extend(stream)
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    return messages


def test_filters_and_field_filters(api: Api) -> None:
    """Filters look at the whole event, of which field filters then leave a part."""
    request = events_pb.GetEventsRequest(
        allow_list=[events_pb.Filter(binary_regex=["/l.$"])],
        deny_list=[events_pb.Filter(pid=[3])],
        field_filters=[{"fields": {"paths": ["process.pid"]}}],
        aggregation_options={"channel_buffer_size": 0},
    )
    events = [exec_of("/bin/ls", 1), exec_of("/bin/cat", 2), exec_of("/bin/ln", 3)]

    [only] = received(api, request, *events)

    expected = event(process=process(1))
    assert only == expected


def test_large_requests_are_compiled_elsewhere(api: Api) -> None:
    """In a thread, with the same result."""
    patterns = [f"^/opt/tool{number}/[a-z]+$" for number in range(500)]
    request = events_pb.GetEventsRequest(allow_list=[events_pb.Filter(binary_regex=patterns)])

    [only] = received(api, request, exec_of("/opt/tool499/x"), exec_of("/opt/tool500/x"))

    assert only.process_exec.process.binary == "/opt/tool499/x"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"allow_list": [{"binary_regex": ["a(b"]}]},
            "binary_regex: 'a(b' is no RE2 pattern: missing ): a(b",
        ),
        (
            {"deny_list": [{"binary_regex": ["x" * 2000, "\u00e9("]}]},
            "binary_regex: '\u00e9(' is no RE2 pattern: missing ): \u00e9(",
        ),
        (
            {"allow_list": [{"capabilities": {}}]},
            "capabilities: events have none; start the agent with enable-process-cred",
        ),
        (
            {"field_filters": [{"fields": {"paths": ["a..b"]}}]},
            (
                "field_filters: 'a..b' has an empty name; write names with dots between,"
                " as in process.binary"
            ),
        ),
        (
            {"allow_list": [events_pb.Filter.FromString(b"\xf8\x7d\x01")]},
            "filter field number 2015 is not known here; leave it out",
        ),
    ],
    ids=["pattern", "large", "settings", "fields", "unknown"],
)
def test_bad_filters_fail_the_request(api: Api, fields: dict[str, Any], text: str) -> None:
    """With the code and in the place of Tetragon's: before the first event; nothing is left."""
    with connected(api) as client, pytest.raises(grpc.RpcError) as refused:
        next(client.GetEvents(events_pb.GetEventsRequest(**fields), timeout=DEADLINE_S))

    assert refused.value.code() is grpc.StatusCode.UNKNOWN
    assert refused.value.details() == text
    assert api.call(lambda: api.bus.subscribers) == 0


def test_pid_sets_are_allowed_and_apart(api: Api) -> None:
    """Each stream has its own descendants, other than options, where they have to be allowed."""
    request = events_pb.GetEventsRequest(allow_list=[events_pb.Filter(pid_set=[10])])
    family = [exec_of("/a", 10), exec_of("/b", 11), exec_of("/c", 12), exec_of("/d", 20)]

    messages = received(api, request, *family)

    assert [message.process_exec.process.pid.value for message in messages] == [10, 11, 12]
