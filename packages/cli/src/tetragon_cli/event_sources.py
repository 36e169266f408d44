# SPDX-License-Identifier: Apache-2.0
"""Where `getevents` gets its events: an agent, a file of JSON lines, or standard input."""

from __future__ import annotations

import logging
import os
import stat
import sys
from typing import TYPE_CHECKING, BinaryIO, Final

from tetragon.events_pb2 import GetEventsResponse
from tetragon_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon.events_pb2 import GetEventsRequest

    from .settings import ClientSettings

__all__ = ["from_agent", "from_file", "from_json_lines", "is_stdin_data"]

_STDIN: Final = 0
_SHORTEST_LIMIT: Final = 64 * 1024

_log = logging.getLogger(__name__)


def is_stdin_data() -> bool:
    """True when standard input brings events: it is open and no terminal or other device."""
    try:
        return not stat.S_ISCHR(os.fstat(_STDIN).st_mode)
    except OSError:
        return False


def from_agent(settings: ClientSettings, request: GetEventsRequest) -> Iterator[GetEventsResponse]:
    """What `request` asks for of the agent's events from now on."""
    from .client import AgentClient  # noqa: PLC0415  # files are read without gRPC

    with AgentClient(settings) as client:
        yield from client.stream("GetEvents", request, GetEventsResponse)
    # Upstream's client exits with 0 and no word; nobody would know why.
    sys.stderr.write("the agent ended the stream\n")


def from_file(path: str, limit: int) -> Iterator[GetEventsResponse]:
    """Events of a file of JSON lines; `-` is standard input."""
    try:
        file = open(_STDIN if path == "-" else path, "rb", closefd=path != "-")  # noqa: SIM115  # closed by the with below
    except OSError as error:
        raise UsageError(f"cannot read events from {path}: {error.strerror}") from error
    with file:
        yield from from_json_lines(file, limit)


def from_json_lines(lines: BinaryIO, limit: int) -> Iterator[GetEventsResponse]:
    """Events of an open file; lines that are none are skipped, and longer ones than `limit`."""
    limit = max(limit, _SHORTEST_LIMIT)
    number = 0
    while line := lines.readline(limit + 1):
        number += 1
        if len(line) > limit:
            _log.debug("line %d skipped: longer than --max-recv-size", number)
            while line and not line.endswith(b"\n"):
                line = lines.readline(limit)
        elif not line.isspace():
            event = _parse(line, number)
            if event is not None:
                yield event


def _parse(line: bytes, number: int) -> GetEventsResponse | None:
    """The event of one line; None, and a log line, for anything else."""
    from google.protobuf import json_format  # noqa: PLC0415  # an agent's events need none of it

    try:
        return json_format.Parse(line, GetEventsResponse(), ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        _log.debug("line %d skipped: %s", number, error)
        return None
