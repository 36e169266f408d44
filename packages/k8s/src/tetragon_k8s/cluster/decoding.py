# SPDX-License-Identifier: Apache-2.0
"""Answers of the API server, from JSON. The objects of a list are decoded one by one.

A whole list as Python's objects takes ten times the memory of its text, which stays with the agent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from .errors import ApiError, ExpiredError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .resources import Object

__all__ = ["GONE", "Change", "Page", "change_of", "message_of", "object_of", "page_of"]

GONE: Final = 410
"""Status of a version that is too old."""
_UNDECODABLE: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


class Page(NamedTuple):
    """Part of a list."""

    items: Iterator[Object]
    """One that cannot be decoded is empty."""
    version: str
    """Where a watch goes on from."""
    more: str
    """Token to get the next page with; empty: this was the last."""


class Change(NamedTuple):
    """One line of a watch."""

    kind: str
    """ADDED, MODIFIED, DELETED or BOOKMARK."""
    object: Object


class _List(msgspec.Struct):
    items: list[msgspec.Raw] | None = None
    metadata: dict[str, Any] | None = None


def object_of(body: bytes, what: str) -> dict[str, Any]:
    """Raises ApiError."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except _UNDECODABLE as error:
        raise ApiError(f"the answer to {what} cannot be read: {error}") from error


def page_of(body: bytes, what: str) -> Page:
    """Raises ApiError."""
    try:
        found = msgspec.json.decode(body, type=_List)
    except _UNDECODABLE as error:
        raise ApiError(f"the answer to {what} is no list: {error}") from error
    metadata = found.metadata or {}
    items = (_item(one) for one in found.items or ())
    return Page(items, metadata.get("resourceVersion", ""), metadata.get("continue", ""))


def _item(text: msgspec.Raw) -> Object:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except _UNDECODABLE:
        return {}


def message_of(body: bytes) -> str:
    """What an object Status says; some errors are plain text."""
    try:
        return str(object_of(body, "").get("message", ""))
    except ApiError:
        return body.decode(errors="replace")


def change_of(line: bytes, what: str) -> Change | None:
    """A line of a watch; None when it cannot be read. Raises ApiError if the line is an error."""
    try:
        found = msgspec.json.decode(line, type=dict[str, Any])
    except _UNDECODABLE:
        return None
    kind, one = str(found.get("type")), found.get("object")
    if not isinstance(one, dict):
        return None
    if kind != "ERROR":
        return Change(kind, one)
    text, code = str(one.get("message", "")), one.get("code")
    if code == GONE:
        raise ExpiredError(f"{what}: {text}")
    raise RefusedError(what, code if isinstance(code, int) else 0, text)
