# SPDX-License-Identifier: Apache-2.0
"""The mini format: picture, word, pid, user, command, pod; made for reading along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .compact.kinds import KINDS
from .compact.text import COLOURED, PLAIN, escape
from .compact.throttles import throttle_text
from .unprintable import UnprintableEventError, unknown_type
from .user_texts import PASSWD, UserTexts

if TYPE_CHECKING:
    from pathlib import Path

    from tetragon.events_pb2 import GetEventsResponse
    from tetragon.tetragon_pb2 import ProcessExit

__all__ = ["MiniFormat"]


class MiniFormat:
    """Renders events as mini lines; one per stream."""

    def __init__(
        self, passwd: Path = PASSWD, *, colours: bool = False, has_nodes: bool = False
    ) -> None:
        """`has_nodes`: events come from several nodes, and lines say from which."""
        self._user = UserTexts(passwd)
        self._palette = COLOURED if colours else PLAIN
        self._has_nodes = has_nodes

    def render(self, response: GetEventsResponse) -> str:
        """One line; raises UnprintableEventError for what has no process."""
        kind = response.WhichOneof("event")
        p = self._palette
        show = KINDS.get(kind or "")
        if show is None:
            if kind == "process_throttle":
                return throttle_text(response.process_throttle, p)
            raise unknown_type(response)
        event: Any = getattr(response, kind or "")
        if not event.HasField("process"):
            raise UnprintableEventError("process field is not set")
        emoji, word, fields = show(event, p)
        process = event.process
        reset = p.reset
        parts = [f"{p.magenta}{escape(process.binary)}{reset}"]
        if kind in {"process_exec", "process_exit"}:
            if arguments := process.arguments:
                parts.append(f"{p.cyan}{escape(arguments)}{reset}")
            fields = (f"{p.red}{_end(event)}{reset}",) if kind == "process_exit" else ()
        parts.extend(fields)
        if process.HasField("pod"):
            parts.append(escape(f"{process.pod.namespace}/{process.pod.name}"))
        pid = process.pid.value if process.HasField("pid") else "?"
        who = f"{p.green}{self._user(process)}{reset}"
        if self._has_nodes:
            who = f"{escape(response.node_name)}: {who}"
        text = " ".join(filter(None, parts))
        return f"{p.blue}{emoji} {word:<7}{reset} {pid:>12}: {who}: {text}\n"


def _end(event: ProcessExit) -> str:
    """How the process ended."""
    return escape(event.signal) or f"status {event.status}"
