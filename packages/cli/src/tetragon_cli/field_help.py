# SPDX-License-Identifier: Apache-2.0
"""The fields of policies as help for `explain`: as text, or as a JSON schema for programs.

Fields come from the tables that policies are read with, so there is none that is not known here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.errors import UsageError
from tetragon_core.policy.field_texts import EXAMPLES, RESOURCE_TEXT, text_of
from tetragon_core.policy.fields import API_VERSION, NAMESPACED_KIND, POLICY
from tetragon_core.policy.json_schema import json_schema, type_name
from tetragon_core.policy.schema import Choice, Items, Named, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tetragon_core.policy.schema import Kind

__all__ = ["RESOURCES", "Place", "find", "resource_table"]

RESOURCES: Final = {"TracingPolicy": "tgtp", NAMESPACED_KIND: "tgtpn"}
"""Kinds and short names, as in Kubernetes."""
_VERSION: Final = API_VERSION.rpartition("/")[2]
_INDEX: Final = re.compile(r"\[\d*\]")
_BRACKETS: Final = re.compile(r"\[([^\[\]]*)\]")
_INDENT: Final = "     "


def resource_table() -> str:
    """Kinds and their short names."""
    width = max(map(len, RESOURCES)) + 2
    rows = [("NAME", "SHORTNAMES"), *RESOURCES.items()]
    return "".join(f"{name:<{width}}{short}\n" for name, short in rows)


def find(words: str, version: str = "") -> Place:
    """The place that a path names, by dots or brackets. Raises UsageError when there is none."""
    named, *path = _parts(words)
    kinds = {name.lower(): name for name in RESOURCES} | {v: k for k, v in RESOURCES.items()}
    if named.lower() not in kinds:
        known = ", ".join(sorted([*RESOURCES, *RESOURCES.values()]))
        raise UsageError(f"unsupported resource: {named} (supported resources: {known})")
    if version not in {"", _VERSION}:
        raise UsageError(f"version {version} not found; there is only {_VERSION}")
    place = Place(kinds[named.lower()], (), POLICY)
    for key in path:
        place = place.inner(key)
    return place


def _parts(words: str) -> list[str]:
    dotted = _BRACKETS.sub(r".\1", _INDEX.sub("", words))
    if not dotted or dotted.startswith(".") or dotted.endswith("."):
        raise UsageError("invalid path: write RESOURCE.FIELD.FIELD, or RESOURCE[FIELD][FIELD]")
    return [part.strip() for part in dotted.split(".") if part.strip()]


class Place:
    """A field, or the whole resource when the path is empty."""

    def __init__(self, resource: str, path: tuple[str, ...], kind: Kind) -> None:
        self._resource = resource
        self._path = path
        self._kind = kind

    def inner(self, key: str) -> Place:
        """A field of it. Raises UsageError when there is none."""
        record = _record(self._kind)
        if record is None and isinstance(self._kind, Named):
            return Place(self._resource, (*self._path, key), self._kind.kind)
        here = ".".join((self._resource, *self._path))
        if record is None:
            raise UsageError(f'field "{here}" does not have properties')
        for field in record.fields:
            if field.key == key:
                return Place(self._resource, (*self._path, key), field.kind)
        known = ", ".join(sorted(field.key for field in record.fields))
        raise UsageError(f'field "{key}" not found in "{here}" (available fields: {known})')

    def as_text(self, *, recursive: bool, example: bool) -> str:
        """Help in upstream's form."""
        return "".join(f"{line}\n" for line in self._lines(recursive=recursive, example=example))

    def as_schema(self) -> dict[str, Any]:
        """As a schema in JSON, in the words of custom resource definitions."""
        return json_schema(self._kind, self._path, self._description())

    def _description(self) -> str:
        return text_of(self._path) or "" if self._path else RESOURCE_TEXT

    def _lines(self, *, recursive: bool, example: bool) -> Iterator[str]:
        yield from (f"KIND:     {self._resource}", f"VERSION:  {_VERSION}", "")
        if self._path:
            yield from (f"FIELD:    {self._path[-1]} <{_type_text(self._kind)}>", "")
        yield from ("DESCRIPTION:", _INDENT + self._description(), "")
        allowed = _allowed(self._kind)
        if allowed:
            yield from ("ALLOWED VALUES:", _INDENT + ", ".join(allowed), "")
        text = EXAMPLES.get(self._path[-1] if self._path else "")
        if example and text:
            yield from ("EXAMPLE:", *(_INDENT + line for line in text.splitlines()), "")
        if _record(self._kind) is not None:
            yield "FIELDS:"
            yield from _field_lines(self._kind, self._path, "", recursive=recursive)


def _record(kind: Kind) -> Record | None:
    """The mapping itself, or that of each item of a list."""
    while isinstance(kind, Items):
        kind = kind.kind
    return kind if isinstance(kind, Record) else None


def _field_lines(kind: Kind, path: Sequence[str], indent: str, *, recursive: bool) -> Iterator[str]:
    record = _record(kind)
    for field in sorted(record.fields if record else (), key=lambda field: field.key):
        inner = (*path, field.key)
        required = " -required-" if field.required else ""
        yield f"{indent}   {field.key}\t<{_type_text(field.kind)}>{required}"
        yield f"{indent}{_INDENT}{text_of(inner)}"
        if recursive:
            yield from _field_lines(field.kind, inner, f"{indent}  ", recursive=True)
        yield ""


def _type_text(kind: Kind) -> str:
    if isinstance(kind, Items):
        return f"[]{_type_text(kind.kind)}"
    return f"map[string]{_type_text(kind.kind)}" if isinstance(kind, Named) else type_name(kind)


def _allowed(kind: Kind) -> tuple[str, ...]:
    while isinstance(kind, Items):
        kind = kind.kind
    return kind.allowed if isinstance(kind, Choice) else ()
