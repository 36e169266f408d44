# SPDX-License-Identifier: Apache-2.0
"""Whether the installed hook works, without changing anything."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError

from ..agent_call import call
from ..request_message import version_of
from . import docker
from .files import content_of
from .installer import problem
from .program_files import is_current
from .record import Record, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .place import Place
    from .record import Entry

__all__ = ["Line", "status_lines"]

_TAIL_BYTES: Final = 64 * 1024
_AGENT_S: Final = 3.0

Line = tuple[bool, str]
"""Whether this is as it should be, and what it is."""


def status_lines(place: Place, address: str) -> Iterator[Line]:
    """What there is to tell. Raises TetragonError when it cannot be found out at all."""
    record = Record(place)
    if not record.runtimes:
        yield False, f"not installed in {place.directory}"
    else:
        yield _program(place)
    for runtime, entries in record.runtimes.items():
        wrong = [text for entry in entries if (text := _wrong(entry, place))]
        wrong += [text] if (text := _problem(runtime, place)) else []
        works = docker.scope(place) if runtime == "docker" and not wrong else "starts the hook"
        yield not wrong, f"{runtime}: {'; '.join(wrong) or works}"
    yield _agent(address)
    yield _last_run(place)


def _program(place: Place) -> Line:
    if content_of(place, place.program) is None:
        return False, f"program: {place.program} is missing"
    if not is_current(place):
        return False, f"program: {place.program} is of another version, or damaged: install again"
    return True, f"program: {place.program} is current"


def _wrong(entry: Entry, place: Place) -> str:
    path = Path(entry.path)
    found = content_of(place, path)
    if found is None:
        return f"{path} is missing"
    return "" if digest(found) == entry.after else f"{path} was changed since"


def _problem(runtime: str, place: Place) -> str:
    try:
        return problem(runtime, place)
    except TetragonError as error:
        return str(error)


def _agent(address: str) -> Line:
    try:
        version = version_of(call(address, "GetVersion", b"", monotonic() + _AGENT_S))
    except TetragonError as error:
        return False, f"agent: {error}"
    return True, f"agent: {version} answers at {address}"


def _last_run(place: Place) -> Line:
    content = content_of(place, place.log)
    rows = (content or b"")[-_TAIL_BYTES:].splitlines()
    if not rows:
        return True, f"last run: none in {place.log}"
    try:
        last = json.loads(rows[-1])
        when, level, text = last["time"], last["level"], last["msg"]
    except (ValueError, KeyError, TypeError):
        return False, f"last run: the last line of {place.log} is damaged"
    why = f": {last.get('err') or last.get('error')}" if level == "WARN" else ""
    return level == "INFO", f"last run: {when}: {text}{why}"
