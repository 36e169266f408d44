# SPDX-License-Identifier: Apache-2.0
"""Events as JSON, byte for byte where Tetragon's own bytes are known; the lines of the export."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from server.builders import HOST, random_event
from tetragon import events_pb2 as events_pb
from tetragon import tetragon_pb2 as pb
from tetragon_server.encode import EventEncoder, lost_suffix
from tetragon_server.export.json_lines import JsonLines
from tetragon_server.export.sink import ExportedEvent
from tetragon_server.jsontext import FIRST_EXTENSION, JsonFormat
from tetragon_server.process_message import ProcessBuilder

if TYPE_CHECKING:
    from google.protobuf.message import Message

VECTORS: list[tuple[str, Message, str]] = [
    ("empty", events_pb.GetEventsResponse(), "{}"),
    ("wide", pb.KprobeArgument(size_arg=512, label="l"), '{"size_arg":"512","label":"l"}'),
    ("wide-negative", pb.KprobeArgument(long_arg=-1), '{"long_arg":"-1"}'),
    ("wide-largest", pb.KprobeSock(cookie=2**64 - 1), '{"cookie":"18446744073709551615"}'),
    ("zero-of-a-oneof", pb.KprobeArgument(int_arg=0), '{"int_arg":0}'),
    ("bytes", pb.KprobeArgument(bytes_arg=b"\x00\xff\xfe~"), '{"bytes_arg":"AP/+fg=="}'),
    ("status-0", pb.ProcessExit(status=0, signal=""), "{}"),
    ("enum", pb.ProcessKprobe(action=pb.KPROBE_ACTION_POST), '{"action":"KPROBE_ACTION_POST"}'),
    ("enum-0", pb.ProcessKprobe(action=pb.KPROBE_ACTION_UNKNOWN), "{}"),
    ("enum-without-name", pb.ProcessKprobe(action=999), '{"action":999}'),  # type: ignore[arg-type]  # on purpose
    (
        "map",
        pb.Pod(pod_labels={"b": "1", "a!": "2", "a": "3", "B": "4"}),
        '{"pod_labels":{"B":"4","a":"3","a!":"2","b":"1"}}',
    ),
    (
        "raw",
        pb.Process(cwd="<&>\x7f\u2028\u00e9\U0001f680"),
        '{"cwd":"<&>\x7f\u2028\u00e9\U0001f680"}',
    ),
    (
        "escapes",
        pb.Process(cwd='"\\\b\f\n\r\t\x01\x1f/'),
        '{"cwd":"\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/"}',
    ),
    (
        "duration",
        events_pb.AggregationOptions(window_size=Duration(seconds=15)),
        '{"window_size":"15s"}',
    ),
    (
        "mask",
        events_pb.FieldFilter(fields=FieldMask(paths=["process.exec_id", "parent"])),
        '{"fields":"process.execId,parent"}',
    ),
]


@pytest.mark.parametrize(
    ("message", "text"), [one[1:] for one in VECTORS], ids=[one[0] for one in VECTORS]
)
def test_values_have_the_form_of_protobuf_in_go(message: Message, text: str) -> None:
    """Byte for byte, as Tetragon was seen to write it."""
    assert JsonFormat().text(message) == text


@pytest.mark.parametrize(
    ("seconds", "nanos", "text"),
    [
        (1767323045, 0, "2026-01-02T03:04:05Z"),
        (1767323045, 100_000_000, "2026-01-02T03:04:05.100Z"),
        (1767323045, 1000, "2026-01-02T03:04:05.000001Z"),
        (1767323045, 123_456_789, "2026-01-02T03:04:05.123456789Z"),
        (0, 1, "1970-01-01T00:00:00.000000001Z"),
        (253402300799, 999_000_000, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_have_0_3_6_or_9_digits(seconds: int, nanos: int, text: str) -> None:
    """The fewest that are exact."""
    process = pb.Process()
    process.start_time.seconds, process.start_time.nanos = seconds, nanos

    assert JsonFormat().text(process) == f'{{"start_time":"{text}"}}'


def test_lines_of_any_event_are_those_of_the_library() -> None:
    """Read back, a line means what protobuf's own JSON means; kind and time are told with it."""
    random = Random(5)
    builder = ProcessBuilder(with_credentials=True, with_namespaces=True, host=HOST, users=None)
    encoder = EventEncoder(builder, node_name="n1", cluster_name='c"1')
    lines = JsonLines(node_name="n1", cluster_name='c"1')

    for _ in range(300):
        payload = encoder.encode(random_event(random)).payload
        message = events_pb.GetEventsResponse.FromString(payload)
        line = lines.line(payload + lost_suffix(before_agent=1, in_queue=2))
        read = json_format.Parse(line.line, events_pb.GetEventsResponse())

        assert read == without_own_fields(message)
        kind = str(message.WhichOneof("event"))
        assert line.kind == message.DESCRIPTOR.fields_by_name[kind].number
        assert line.time_ns == message.time.ToNanoseconds()


def without_own_fields(message: events_pb.GetEventsResponse) -> events_pb.GetEventsResponse:
    """The event as other agents have it: none of these events has fields of ours elsewhere."""
    event = getattr(message, str(message.WhichOneof("event")))
    for process in (event.process, event.parent, *event.ancestors):
        for field, _ in process.ListFields():
            if field.number >= FIRST_EXTENSION:
                process.ClearField(field.name)
    return message


def test_an_event_of_no_kind_has_a_line() -> None:
    """With what the envelope says; its kind is 0 and, without one, its time too."""
    payload = events_pb.GetEventsResponse(node_name="n1").SerializeToString()

    found = JsonLines(node_name="n1", cluster_name="").line(payload)

    assert found == ExportedEvent(0, 0, b'{"node_name":"n1"}')
