# SPDX-License-Identifier: Apache-2.0
"""The API is Tetragon's: names, numbers, types and labels, as listed in tests/data/wire-api.json.

The list was made from upstream's descriptors, not from our .proto files. What we add has numbers
that upstream will not use.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from google.protobuf.descriptor import FieldDescriptor

from tetragon import (
    bpf_pb2,
    capabilities_pb2,
    eventlogservice_pb2,
    events_pb2,
    sensors_pb2,
    tetragon_pb2,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import Descriptor, FileDescriptor

FILES: Final[list[FileDescriptor]] = [
    module.DESCRIPTOR
    for module in (
        bpf_pb2,
        capabilities_pb2,
        eventlogservice_pb2,
        events_pb2,
        sensors_pb2,
        tetragon_pb2,
    )
]
UPSTREAM: Final[dict[str, dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "data/wire-api.json").read_text()
)
OWN_NUMBERS: Final = 2000
OWN_MESSAGES: Final = {
    f"tetragon.{name}"
    for name in (
        *("Counter", "EnforcementLedger", "History", "HistoryState", "LostEvents"),
        "PolicyFallback",
    )
}


SCALARS: Final = {
    getattr(FieldDescriptor, f"TYPE_{name.upper()}"): name
    for name in ("bool", "bytes", "double", "int32", "int64", "string", "uint32", "uint64")
}


def with_nested(message: Descriptor) -> Iterator[Descriptor]:
    """The message and those defined inside it, but for the entries of maps."""
    if not message.GetOptions().map_entry:
        yield message
        for nested in message.nested_types:
            yield from with_nested(nested)


MESSAGES: Final = {
    message.full_name: message
    for file in FILES
    for outer in file.message_types_by_name.values()
    for message in with_nested(outer)
}
ENUMS: Final = {
    enum.full_name: enum
    for enums in (
        *(file.enum_types_by_name for file in FILES),
        *(message.enum_types_by_name for message in MESSAGES.values()),
    )
    for enum in enums.values()
}


def type_name(field: FieldDescriptor) -> str:
    """The type as a .proto file would say it, with its full name."""
    if field.message_type is not None:
        if field.message_type.GetOptions().map_entry:
            key, value = field.message_type.fields
            return f"map<{type_name(key)}, {type_name(value)}>"
        return field.message_type.full_name
    if field.enum_type is not None:
        return field.enum_type.full_name
    return SCALARS[field.type]


def text_of(field: FieldDescriptor) -> str:
    """Number, label and type in the form of the list."""
    is_map = type_name(field).startswith("map<")
    if field.is_repeated:
        label = "" if is_map else "repeated"
    elif field.containing_oneof is None:
        label = ""
    elif field.containing_oneof.name.startswith("_"):
        label = "optional"
    else:
        label = f"oneof:{field.containing_oneof.name}"
    return " ".join(part for part in (str(field.number), label, type_name(field)) if part)


@pytest.mark.parametrize("name", UPSTREAM["messages"])
def test_message_has_upstreams_fields(name: str) -> None:
    """Every field of upstream is here with its number, label and type."""
    ours = {field.name: text_of(field) for field in MESSAGES[name].fields}

    shared = {field: text for field, text in ours.items() if field in UPSTREAM["messages"][name]}

    assert UPSTREAM["messages"][name] == shared


def test_own_fields_have_numbers_of_their_own() -> None:
    """A field that upstream does not have starts at 2000."""
    wrong = [
        field.full_name
        for name, message in MESSAGES.items()
        for field in message.fields
        if field.name not in UPSTREAM["messages"].get(name, {})
        and field.number < OWN_NUMBERS
        and name not in OWN_MESSAGES
    ]

    assert [] == wrong


def test_own_messages_are_the_known_ones() -> None:
    """No message was added without being listed here."""
    assert OWN_MESSAGES == MESSAGES.keys() - UPSTREAM["messages"].keys()


def test_enums_are_upstreams() -> None:
    """Every enum has upstream's names and numbers, and no others."""
    ours = {
        name: {value.name: value.number for value in enum.values} for name, enum in ENUMS.items()
    }

    assert UPSTREAM["enums"] == ours


def test_methods_are_upstreams() -> None:
    """Every method has upstream's path and messages, and streams where upstream does."""
    ours = {
        f"/{service.full_name}/{method.name}": (
            f"{method.input_type.full_name} -> "
            f"{'stream ' if method.server_streaming else ''}{method.output_type.full_name}"
        )
        for file in FILES
        for service in file.services_by_name.values()
        for method in service.methods
    }

    assert UPSTREAM["methods"] == ours
