# SPDX-License-Identifier: Apache-2.0
"""Classes for the few protobuf messages we need of others' APIs, made from tables of their fields.

A field that is not in a table is skipped when a message is read, as protobuf does with any field it
does not know; so a table names only what is used. Names and numbers are those of the API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

if TYPE_CHECKING:
    from collections.abc import Mapping

    Fields = Mapping[str, tuple[int, str]]
    """Name -> number and type: a scalar's name, a message's name, or `map` for one from string to
    string; `*` after it makes the field repeated."""

__all__ = ["message_classes"]

_SCALARS: Final = frozenset(
    {"string", "bytes", "bool", "int32", "uint32", "int64", "uint64", "double"}
)


def message_classes(package: str, messages: Mapping[str, Fields]) -> dict[str, Any]:
    """Name -> class. Raises TypeError when a table names a type it does not have."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"tetragon_mini/{package}.proto", package=package, syntax="proto3"
    )
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(message, field, number, kind, package)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"{package}.{name}") for name in messages}
    return {name: message_factory.GetMessageClass(one) for name, one in found.items()}


def _add_field(
    message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str, package: str
) -> None:
    base = kind.rstrip("*")
    label = "LABEL_REPEATED" if kind.endswith("*") or base == "map" else "LABEL_OPTIONAL"
    if base in _SCALARS:
        message.field.add(name=name, number=number, type=f"TYPE_{base.upper()}", label=label)
        return
    type_name = f".{package}.{base}"
    if base == "map":
        entry = f"{''.join(part.capitalize() for part in name.split('_'))}Entry"
        type_name = f".{package}.{message.name}.{entry}"
        _add_entry(message.nested_type.add(name=entry))
    message.field.add(
        name=name, number=number, type="TYPE_MESSAGE", type_name=type_name, label=label
    )


def _add_entry(entry: descriptor_pb2.DescriptorProto) -> None:
    """How a map is described: repeated messages of key and value."""
    entry.options.map_entry = True
    for number, name in enumerate(("key", "value"), 1):
        entry.field.add(name=name, number=number, type="TYPE_STRING", label="LABEL_OPTIONAL")
