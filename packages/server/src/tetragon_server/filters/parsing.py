# SPDX-License-Identifier: Apache-2.0
"""Filters as text, the form of the export options: JSON objects, one after another."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tetragon import events_pb2 as events_pb

from .errors import FilterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

    AnyFilter = TypeVar("AnyFilter", bound=Message)

__all__ = ["parse_field_filters", "parse_filters"]

_SPACE: Final = re.compile(r"[ \t\r\n]*")


def parse_filters(text: str, *, allow_pid_set: bool = False) -> list[events_pb.Filter]:
    """Names may be snake_case or camelCase, event types names or numbers. Raises FilterError."""
    filters = [_message(one, number, events_pb.Filter()) for number, one in _objects(text)]
    if not allow_pid_set and any(one.pid_set for one in filters):
        raise FilterError(
            "pid_set: guesses descendants and never forgets a process id;"
            " set enable-pid-set-filter to use it all the same"
        )
    return filters


def parse_field_filters(text: str) -> list[events_pb.FieldFilter]:
    """As above; `fields` is one text of paths with commas between. Raises FilterError."""
    return [_field_filter(one, number) for number, one in _objects(text)]


def _field_filter(one: dict[str, Any], number: int) -> events_pb.FieldFilter:
    # Apart: JSON's form of a field mask takes no underscores.
    paths = one.pop("fields", "")
    if not isinstance(paths, str):
        raise FilterError(
            f'object {number}: fields has to be text, as in "process.binary,parent.pid"'
        )
    message = _message(one, number, events_pb.FieldFilter())
    message.fields.paths.extend(path.strip() for path in paths.split(",") if paths)
    return message


def _message(one: dict[str, Any], number: int, message: AnyFilter) -> AnyFilter:
    from google.protobuf import json_format  # noqa: PLC0415  # 15 ms that few need

    try:
        return json_format.ParseDict(one, message)
    except (json_format.ParseError, RecursionError) as error:
        raise FilterError(f"object {number}: {' '.join(str(error).split())}") from None


def _objects(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object with its number from 1."""
    decoder = json.JSONDecoder()
    number, at = 0, _past_space(text, 0)
    while at < len(text):
        number += 1
        try:
            one, end = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError) as error:
            raise FilterError(f"object {number} is no JSON: {error}") from None
        if not isinstance(one, dict):
            raise FilterError(
                f"object {number} is no JSON object: write them one after another,"
                ' as in {"event_set":["PROCESS_EXEC"]} {"namespace":["x"]}'
            )
        yield number, one
        at = _past_space(text, end)


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()
