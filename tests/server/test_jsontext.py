# SPDX-License-Identifier: Apache-2.0
"""JSON events mean the same as protobuf's own JSON, and have Tetragon's form."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from tetragon import tetragon_pb2 as pb
from tetragon.events_pb2 import GetEventsResponse
from tetragon_server.jsontext import FIRST_EXTENSION, JsonFormat

if TYPE_CHECKING:
    from google.protobuf.message import Message

EVENTS = [
    vector["event"]
    for vector in json.loads(
        (Path(__file__).parent.parent / "data/compact-vectors.json").read_text()
    )["vectors"]
]
TEXTS = ["", "a", "a b", '"\\\n\x01\x7f', "<&> é 你🚀\u2028", "x" * 200]
EDGES: dict[int, list[int]] = {
    FieldDescriptor.CPPTYPE_INT32: [0, -1, 2**31 - 1],
    FieldDescriptor.CPPTYPE_INT64: [0, -(2**63), 2**63 - 1],
    FieldDescriptor.CPPTYPE_UINT32: [0, 1, 2**32 - 1],
    FieldDescriptor.CPPTYPE_UINT64: [0, 1, 2**64 - 1],
    FieldDescriptor.CPPTYPE_BOOL: [False, True],
}


def fill(message: Any, rng: random.Random, depth: int = 0) -> Any:
    """Set a random half of the fields to values at the edges of their types."""
    if message.DESCRIPTOR.full_name == "google.protobuf.Timestamp":
        message.seconds = rng.choice([0, 1767323045, 253402300799])
        message.nanos = rng.choice([0, 100_000_000, 6_000_000, 1_000, 123_456_789])
        return message
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.5 or depth > 5:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            getattr(message, field.name)[rng.choice(TEXTS)] = "v"
        elif field.message_type is not None and field.is_repeated:
            fill(getattr(message, field.name).add(), rng, depth + 1)
        elif field.message_type is not None:
            getattr(message, field.name).SetInParent()
            fill(getattr(message, field.name), rng, depth + 1)
        elif field.is_repeated:
            getattr(message, field.name).extend([value(field, rng), value(field, rng)])
        else:
            setattr(message, field.name, value(field, rng))
    return message


def value(field: Any, rng: random.Random) -> Any:
    if field.enum_type is not None:
        return rng.choice([*(entry.number for entry in field.enum_type.values), 9999])
    if field.type == FieldDescriptor.TYPE_STRING:
        return rng.choice(TEXTS)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return rng.choice([b"", b"\x00\xff", b"abc"])
    return rng.choice(EDGES[field.cpp_type])


def own_fields(message: Message) -> set[str]:
    return {
        field.name
        for field in message.DESCRIPTOR.fields
        if field.number >= FIRST_EXTENSION and field.containing_oneof is None
    }


def without_own_fields(message: Message) -> Message:
    """Clear our extensions, at every depth."""
    for name in own_fields(message):
        message.ClearField(name)
    for field, value in message.ListFields():
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for part in value if field.is_repeated else [value]:
                without_own_fields(part)
    return message


def as_library(message: Message) -> Any:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


@pytest.mark.parametrize("seed", range(60))
def test_any_event_reads_as_the_library_writes_it(seed: int) -> None:
    """With all fields on, random events mean exactly what protobuf's own JSON means."""
    event = fill(GetEventsResponse(), random.Random(seed))

    assert as_library(event) == json.loads(JsonFormat(all_fields=True).text(event))


@pytest.mark.parametrize("event", EVENTS)
def test_recorded_events_read_back_as_themselves(event: dict[str, Any]) -> None:
    """Writing and reading again loses nothing; one writer serves them all."""
    message = json_format.ParseDict(event, GetEventsResponse())

    assert message == json_format.Parse(JsonFormat().render(message), GetEventsResponse())


@pytest.mark.parametrize("seed", range(20))
def test_our_own_fields_are_left_out(seed: int) -> None:
    """Without --all-fields nothing numbered as an extension is written, at any depth."""
    event = fill(GetEventsResponse(), random.Random(seed))
    text = JsonFormat().text(event)

    assert as_library(without_own_fields(event)) == json.loads(text)


def test_our_own_fields_are_known() -> None:
    """The fields meant above are those that the API files declare as ours."""
    assert {"argv", "cgroup_id"} < own_fields(pb.Process())
    assert own_fields(GetEventsResponse()) == {"lost", "number", "policy_fallbacks"}


def test_one_line_has_the_reference_form() -> None:
    """Order, separators, wrappers at zero, timestamps and raw characters are as specified."""
    process = pb.Process(exec_id="bm9k", cwd="/root", binary="/bin/<&>\x7f\u2028", arguments='"\t')
    process.pid.value = 0
    process.in_init_tree.value = False
    process.start_time.nanos = 6_007_008
    event = GetEventsResponse(node_name="node1")
    event.process_exit.process.CopyFrom(process)
    event.time.nanos = 100_000_000

    expected = (
        '{"process_exit":{"process":{"exec_id":"bm9k","pid":0,"cwd":"/root",'
        '"binary":"/bin/<&>\x7f\u2028","arguments":"\\"\\t",'
        '"start_time":"1970-01-01T00:00:00.006007008Z","in_init_tree":false}},'
        '"node_name":"node1","time":"1970-01-01T00:00:00.100Z"}\n'
    )
    assert expected == JsonFormat().render(event)


def test_fields_stand_in_the_order_of_their_declaration() -> None:
    """An argument's label follows its value, although its number is lower than most values'."""
    argument = pb.KprobeArgument(label="l", kernel_cap_t_arg="00")

    assert JsonFormat().text(argument) == '{"kernel_cap_t_arg":"00","label":"l"}'


def test_remembered_processes_do_not_mix() -> None:
    """Processes that differ in one field only keep their own text, beyond the memory's size."""
    form = JsonFormat()
    events = [GetEventsResponse() for _ in range(5000)]
    for number, event in enumerate(events):
        event.process_exec.process.pid.value = number

    texts = [form.text(event) for event in events + events]

    assert [json.loads(text)["process_exec"]["process"]["pid"] for text in texts] == [
        *range(5000),
        *range(5000),
    ]
