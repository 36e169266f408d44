# SPDX-License-Identifier: Apache-2.0
"""The mini format: picture, word, pid, user, command, pod; made for reading along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tetragon_core.users import UserNames

from .compact.kinds import KINDS
from .compact.text import PLAIN, escape
from .unprintable import UnprintableEventError

if TYPE_CHECKING:
    from tetragon.events_pb2 import GetEventsResponse
    from tetragon.tetragon_pb2 import Process, ProcessExit

__all__ = ["MiniFormat"]

_PASSWD = Path("/etc/passwd")


class MiniFormat:
    """Renders events as mini lines; one per stream."""

    def __init__(self, passwd: Path = _PASSWD) -> None:
        self._names = UserNames(passwd)
        self._known: dict[int, str] = {}

    def render(self, response: GetEventsResponse) -> str:
        """One line; raises UnprintableEventError for what has no process."""
        kind = response.WhichOneof("event")
        show = KINDS.get(kind or "")
        if show is None:
            raise UnprintableEventError(f"unknown event type: {(kind or 'undef').upper()}")
        event: Any = getattr(response, kind or "")
        if not event.HasField("process"):
            raise UnprintableEventError("process field is not set")
        emoji, word, fields = show(event, PLAIN)
        process = event.process
        parts = [escape(process.binary)]
        if kind in {"process_exec", "process_exit"}:
            parts.append(escape(process.arguments))
            fields = (_end(event),) if kind == "process_exit" else ()
        parts.extend(fields)
        if process.HasField("pod"):
            parts.append(escape(f"{process.pod.namespace}/{process.pod.name}"))
        pid = process.pid.value if process.HasField("pid") else "?"
        text = " ".join(filter(None, parts))
        return f"{emoji} {word:<7} {pid:>12}: {self._user(process)}: {text}\n"

    def _user(self, process: Process) -> str:
        """What the agent says, else this host's name for the number, else the number."""
        if process.user.name:
            return escape(process.user.name)
        if not process.HasField("uid"):
            return "?"
        uid = process.uid.value
        if uid not in self._known:
            self._known[uid] = escape(self._names.name(uid)) or str(uid)
        return self._known[uid]


def _end(event: ProcessExit) -> str:
    """How the process ended."""
    return escape(event.signal) or f"status {event.status}"
