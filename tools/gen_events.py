# SPDX-License-Identifier: Apache-2.0
"""Write docs/reference/events.md from the descriptors of the API: each event, each field.

With --check nothing is written; exit code 1 says that the page is not what it would be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from event_texts import EVENTS, FIELDS
from page import by_hand, write_or_check
from tetragon.events_pb2 import GetEventsResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google._upb import _message
    from google.protobuf import descriptor

    Descriptor = descriptor.Descriptor | _message.Descriptor
    FieldDescriptor = descriptor.FieldDescriptor | _message.FieldDescriptor

OUTPUT: Final = Path(__file__).parents[1] / "docs/reference/events.md"
HEAD: Final = "\n| field | in JSON | absent when | what it is |\n|---|---|---|---|\n"
OURS: Final = 2000
"""Fields of this project have numbers from here on."""
_WRAPPED: Final = "google.protobuf."


def generate() -> str:
    """The whole page."""
    root = GetEventsResponse.DESCRIPTOR
    events = root.oneofs_by_name["event"].fields
    lines = [by_hand(OUTPUT, "gen_events"), "\n## Every event\n", HEAD]
    lines += [_row(field) for field in root.fields if field not in events]
    seen = {root.full_name}
    for field in events:
        message = _message_of(field)
        lines += [f"\n## {field.name}\n\n{EVENTS[field.name]}\n", HEAD]
        lines += [_row(inner) for inner in message.fields]
        seen.add(message.full_name)
    lines.append("\n# Parts of events\n")
    for message in _parts(root, seen):
        lines += [f"\n## {message.name}\n", HEAD, *(_row(field) for field in message.fields)]
    lines.append("\n# Words\n\n| type | words |\n|---|---|\n")
    lines += [f"| {name} | {words} |\n" for name, words in _enums(root)]
    return "".join(lines)


def _message_of(field: FieldDescriptor) -> Descriptor:
    """The message that a field of one has."""
    if field.message_type is None:
        raise TypeError(field.full_name)
    return field.message_type


def _inner(message: Descriptor) -> Iterator[Descriptor]:
    for field in message.fields:
        inner = field.message_type
        if inner is not None and not inner.full_name.startswith(_WRAPPED):
            is_map = inner.GetOptions().map_entry
            yield from _inner(inner) if is_map else [inner]


def _parts(message: Descriptor, seen: set[str]) -> Iterator[Descriptor]:
    """Messages inside of it, each once, in the order in which they come up."""
    for inner in _inner(message):
        is_event = inner.full_name in seen
        if not is_event:
            seen.add(inner.full_name)
            yield inner
            yield from _parts(inner, seen)
    for field in message.fields:
        if field.containing_oneof is not None and field.message_type is not None:
            yield from _parts(field.message_type, seen)


def _enums(root: Descriptor) -> list[tuple[str, str]]:
    found = {}
    for message in (root, *_parts(root, {root.full_name})):
        for field in message.fields:
            if field.enum_type is not None:
                words = field.enum_type.values_by_number.values()
                found[field.enum_type.name] = ", ".join(f"`{word.name}`" for word in words)
    return sorted(found.items())


def _row(field: FieldDescriptor) -> str:
    owner = field.full_name.split(".")[-2]
    keys = (f"{owner}.{field.name}", field.name, owner)
    text = next((FIELDS[key] for key in keys if key in FIELDS), None)
    if text is None:
        raise SystemExit(f"tools/event_texts.py: nothing is said of {owner}.{field.name}")
    mark = " (ours)" if field.number >= OURS else ""
    return f"| `{field.name}`{mark} | {_json(field)} | {_absent(field)} | {text} |\n"


def _json(field: FieldDescriptor) -> str:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        return "object of texts"
    name = _one(field)
    return f"list: {name}" if field.is_repeated else name


def _one(field: FieldDescriptor) -> str:
    inner = field.message_type
    if inner is not None:
        name: str = inner.name
        if not inner.full_name.startswith(_WRAPPED):
            return f"[{name}](#{name.lower()})"
        return {"Timestamp": "time", "BoolValue": "true, false"}.get(name, "number")
    if field.enum_type is not None:
        return f"word of {field.enum_type.name}"
    kinds = {
        field.CPPTYPE_STRING: "base64" if field.type == field.TYPE_BYTES else "text",
        field.CPPTYPE_BOOL: "true",
        field.CPPTYPE_INT64: "number in quotes",
        field.CPPTYPE_UINT64: "number in quotes",
    }
    return kinds.get(field.cpp_type, "number")


def _absent(field: FieldDescriptor) -> str:
    if field.is_repeated:
        return "empty"
    if field.containing_oneof is not None:
        return "another is there"
    if field.message_type is not None:
        return "not known"
    if field.cpp_type == field.CPPTYPE_BOOL:
        return "false"
    if field.enum_type is not None:
        return f"`{field.enum_type.values_by_number[0].name}`"
    return "empty" if field.cpp_type == field.CPPTYPE_STRING else "0"


if __name__ == "__main__":
    sys.exit(write_or_check(OUTPUT, generate()))
