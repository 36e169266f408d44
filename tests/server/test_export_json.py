# SPDX-License-Identifier: Apache-2.0
"""Lines of the export: what is put together from known parts is what one message would give."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import DecodeError

from server.builders import HOST, random_event
from tetragon import events_pb2 as events_pb
from tetragon import tetragon_pb2 as pb
from tetragon_server.encode import EventEncoder, lost_suffix
from tetragon_server.export.json_lines import JsonLines
from tetragon_server.jsontext import JsonFormat
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
    assert JsonFormat().time_text(seconds, nanos) == f'"{text}"'


def encoder(cluster_name: str) -> EventEncoder:
    builder = ProcessBuilder(with_credentials=True, with_namespaces=True, host=HOST, users=None)
    return EventEncoder(builder, node_name="n1", cluster_name=cluster_name)


def check(lines: JsonLines, payload: bytes) -> None:
    """The line of `payload` is that of the message."""
    message = events_pb.GetEventsResponse.FromString(payload)
    kind = message.WhichOneof("event")
    found = lines.line(payload)

    assert found.line.decode() == JsonFormat().text(message)
    assert found.kind == (0 if kind is None else message.DESCRIPTOR.fields_by_name[kind].number)
    assert found.time_ns == message.time.ToNanoseconds()


@pytest.mark.parametrize("cluster_name", ["", 'c"1'])
def test_lines_of_any_event_are_those_of_its_message(cluster_name: str) -> None:
    """Whatever the encoder makes, with notes behind it or without."""
    random = Random(5)
    lines = JsonLines(node_name="n1", cluster_name=cluster_name)
    made = encoder(cluster_name)

    for _ in range(500):
        payload = made.encode(random_event(random)).payload
        check(lines, payload)
        check(lines, payload + lost_suffix(before_agent=1, in_queue=2))


def response(**fields: object) -> events_pb.GetEventsResponse:
    return events_pb.GetEventsResponse(node_name="n1", **fields)  # type: ignore[arg-type]  # of several types


PROCESS = pb.Process(binary="/bin/a")
OTHER_LAYOUTS = {
    "nothing": b"",
    "no event": response().SerializeToString(),
    "no time": response(process_exec=pb.ProcessExec(process=PROCESS)).SerializeToString(),
    "no process": response(
        process_exit=pb.ProcessExit(signal="SIGKILL"), time={"seconds": 5}
    ).SerializeToString(),
    "an empty event": response(
        process_exit=pb.ProcessExit(), time={"seconds": 5}
    ).SerializeToString(),
    "another node": events_pb.GetEventsResponse(
        process_exit=pb.ProcessExit(process=PROCESS), node_name="n2"
    ).SerializeToString(),
    "labels of the node": response(
        process_exec=pb.ProcessExec(process=PROCESS), time={"seconds": 5}, node_labels={"a": "b"}
    ).SerializeToString(),
    "parent late": response(
        process_loader=pb.ProcessLoader(process=PROCESS, path="/lib/x", parent=PROCESS),
        time={"seconds": 5},
    ).SerializeToString(),
    "no process at all": response(
        process_throttle=events_pb.ProcessThrottle(cgroup="c"), time={"seconds": 5}
    ).SerializeToString(),
    "a process in two parts": b"".join(
        response(process_exec=pb.ProcessExec(process=part), time={"seconds": 5}).SerializeToString()
        for part in (PROCESS, pb.Process(cwd="/"))
    ),
}


@pytest.mark.parametrize("payload", OTHER_LAYOUTS.values(), ids=OTHER_LAYOUTS)
def test_other_layouts_give_the_same(payload: bytes) -> None:
    """What no encoder of ours makes, or field filters have left, is written all the same."""
    check(JsonLines(node_name="n1", cluster_name=""), payload)


def test_bytes_that_are_no_event_are_refused() -> None:
    """However they are cut."""
    payload = encoder("").encode(random_event(Random(1))).payload
    lines = JsonLines(node_name="n1", cluster_name="")

    for end in (len(payload) - 1, len(payload) // 2, 3):
        with pytest.raises((DecodeError, IndexError)):
            lines.line(payload[:end])
