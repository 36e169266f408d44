# SPDX-License-Identifier: Apache-2.0
"""The fields of policies as a schema in JSON, structural as custom resource definitions want it.

No default is in it: what a policy does not say is the parser's to decide, so an API server gives
back what it was given. Words that the parser only takes with a warning are not in it either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .field_texts import text_of
from .schema import Choice, Integer, Items, Named, Record, String, Switch

if TYPE_CHECKING:
    from .schema import Kind

__all__ = ["json_schema", "type_name"]

_SIGNED_64: Final = 2**63
"""Numbers of Kubernetes end before it; greater ones arrive there as floating point."""


def type_name(kind: Kind) -> str:
    """The type of a value in the words of JSON schemas."""
    names = {Integer: "integer", Switch: "boolean", Record: "object", Named: "object"}
    return "array" if isinstance(kind, Items) else names.get(type(kind), "string")


def json_schema(kind: Kind, path: tuple[str, ...], description: str = "") -> dict[str, Any]:
    """The schema of the value at a path, and of all that is in it."""
    schema: dict[str, Any] = {"description": description} if description else {}
    schema["type"] = type_name(kind)
    if isinstance(kind, Items):
        schema["items"] = json_schema(kind.kind, path)
    elif isinstance(kind, Named):
        schema["additionalProperties"] = json_schema(kind.kind, path)
    elif isinstance(kind, Choice):
        empty = [""] if kind.may_be_empty else []
        schema["enum"] = [*kind.allowed, *kind.synonyms, *empty]
    elif isinstance(kind, Integer):
        schema |= _limits(kind)
    elif isinstance(kind, String):
        schema |= {"minLength": 1} if kind.filled else {}
    elif isinstance(kind, Record):
        schema |= _properties(kind, path)
    return schema


def _limits(kind: Integer) -> dict[str, Any]:
    limits: dict[str, Any] = {"format": "int64"}
    if kind.low > -_SIGNED_64:
        limits["minimum"] = kind.low
    if kind.high < _SIGNED_64 - 1:
        limits["maximum"] = kind.high
    return limits


def _properties(kind: Record, path: tuple[str, ...]) -> dict[str, Any]:
    inner = {
        one.key: json_schema(one.kind, (*path, one.key), text_of((*path, one.key)) or "")
        for one in kind.fields
    }
    inner |= {key: {"x-kubernetes-preserve-unknown-fields": True} for key in kind.ignored}
    required = [one.key for one in kind.fields if one.required]
    return {"properties": inner} | ({"required": required} if required else {})
