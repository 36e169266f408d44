# SPDX-License-Identifier: Apache-2.0
"""Puts a compact line together: time, tag, who, fields, capability marker, extra lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..unprintable import UnprintableEventError, unknown_type
from .kinds import KINDS
from .stacks import hash_text, stack_text
from .text import COLOURED, PLAIN, TimeText, escape, quote
from .throttles import throttle_text

if TYPE_CHECKING:
    from tetragon.events_pb2 import GetEventsResponse
    from tetragon.tetragon_pb2 import Process


__all__ = ["CompactFormat"]

_MARKER_COLUMN: Final = 120
# Upstream tests the length of the list, not its members.
_MANY_CAPABILITIES: Final = 21


class CompactFormat:
    """Renders events as compact text; one per stream."""

    def __init__(
        self,
        *,
        colours: bool = False,
        timestamps: bool = False,
        stack_traces: bool = True,
        ima_hash: bool = True,
    ) -> None:
        self._palette = COLOURED if colours else PLAIN
        self._coloured = colours
        self._time = TimeText() if timestamps else None
        self._stack_traces = stack_traces
        self._ima_hash = ima_hash

    def render(self, response: GetEventsResponse) -> str:
        """The event's lines; raises UnprintableEventError for what has no compact form."""
        kind = response.WhichOneof("event")
        show = KINDS.get(kind or "")
        text = self._bare(response, kind) if show is None else ""
        if show is not None:
            event = getattr(response, kind or "")
            if not event.HasField("process"):
                raise UnprintableEventError("process field is not set")
            p = self._palette
            emoji, word, fields = show(event, p)
            tag = f"{p.blue}{emoji} {word:<7}{p.reset}"
            text = f"{self._who(tag, response.node_name, event.process, fields)}\n"
            if kind == "process_kprobe" and self._stack_traces:
                text += stack_text(event, p)
            elif kind == "process_lsm" and self._ima_hash:
                text += hash_text(event, p)
        return text if self._time is None else f"{self._time(response.time)} {text}"

    def _who(self, tag: str, node: str, process: Process, fields: tuple[str, ...]) -> str:
        """The line from the tag on, with the capability marker."""
        p = self._palette
        if process.HasField("pod"):
            pod = process.pod
            source = f"{escape(pod.namespace)}/{escape(pod.name)}"
        else:
            source = quote(node)
        binary = quote(process.binary)
        who = f"{tag} {p.green}{source}{p.reset} {p.magenta}{binary}{p.reset}"
        line = " ".join((who, *fields))
        capable = len(process.cap.effective) > _MANY_CAPABILITIES
        if not capable and not self._coloured:
            return line
        marker = f"{p.magenta}{'🛑 CAP_SYS_ADMIN' if capable else ''}{p.reset}"
        # The width counts bytes, colour codes included: upstream's column, kept as it is.
        return f"{line} {marker:>{max(0, _MARKER_COLUMN - len(line.encode()))}}"

    def _bare(self, response: GetEventsResponse, kind: str | None) -> str:
        """The kinds that have no process."""
        if kind == "process_throttle":
            return throttle_text(response.process_throttle, self._palette)
        if kind == "test":
            return "TEST EVENT\n"
        raise unknown_type(response)
