# SPDX-License-Identifier: Apache-2.0
"""The table format: aligned columns under a heading, cut to the terminal's width.

Elsewhere nothing is cut, every column is there, and an empty cell is `-`. What an event shows is
decided by the rows of the compact format.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .compact.kinds import KINDS
from .compact.text import COLOURED, PLAIN, escape
from .compact.throttles import state_text
from .display_width import fitted
from .unprintable import UnprintableEventError, unknown_type
from .user_texts import PASSWD, UserTexts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from google.protobuf.timestamp_pb2 import Timestamp

    from tetragon.events_pb2 import GetEventsResponse

__all__ = ["TableFormat", "terminal_width"]

_TIME, _NODE, _TYPE, _PID, _USER, _POD, _PROCESS, _DETAILS = range(8)
_HEADINGS: Final = ("TIME", "NODE", "TYPE", "PID", "USER", "POD", "PROCESS", "DETAILS")
_WIDTHS: Final = (12, 16, 10, 7, 10, 24, 24, 0)
_LEAST: Final = 24
"""Columns that the last two need together; others are left out for them, in this order."""
_EXPENDABLE: Final = (_TIME, _USER, _POD, _NODE)
_LONGEST_PROCESS: Final = 40


class _Row(NamedTuple):
    """One event: the cells, and how each is coloured."""

    cells: tuple[str, ...]
    colours: tuple[str, ...]


class _Layout(NamedTuple):
    """Which columns there are, and how wide they are. The last one's width 0 means no limit."""

    columns: tuple[int, ...]
    widths: tuple[int, ...]


def terminal_width() -> int:
    """Columns of the terminal on standard output now; some say 0 where they do not know."""
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


class TableFormat:
    """Renders events as rows; one per stream."""

    def __init__(
        self,
        *,
        colours: bool = False,
        has_nodes: bool = False,
        width: Callable[[], int] | None = None,
        passwd: Path = PASSWD,
    ) -> None:
        """`width`: of the terminal, asked for each row; None: there is none."""
        self._palette = COLOURED if colours else PLAIN
        self._has_nodes = has_nodes
        self._width = width
        self._has_pods = width is None
        self._user = UserTexts(passwd)
        self._time = _DayTime()
        self._sizes: tuple[int, bool] | None = None
        self._layout = _Layout((), ())

    def render(self, response: GetEventsResponse) -> str:
        """One row, under the headings when these have changed."""
        row = self._row(response)
        self._has_pods |= bool(row.cells[_POD])
        sizes = (0 if self._width is None else self._width(), self._has_pods)
        if sizes == self._sizes:
            return self._line(row)
        self._sizes = sizes
        before, self._layout = self._layout, _layout(*sizes, has_nodes=self._has_nodes)
        if before == self._layout:
            return self._line(row)
        return self._line(_Row(_HEADINGS, ("",) * len(_HEADINGS))) + self._line(row)

    def _line(self, row: _Row) -> str:
        reset = self._palette.reset
        fit, empty = (str.ljust, "-") if self._width is None else (fitted, "")
        parts = []
        for column, width in zip(*self._layout, strict=True):
            text = row.cells[column] or empty
            text = fit(text.rjust(width) if column == _PID else text, width)
            if column == _DETAILS:
                text = text.rstrip()  # blanks at the end would wrap in a narrower window
            colour = row.colours[column]
            parts.append(f"{colour}{text}{reset}" if colour else text)
        return f"{' '.join(parts)}\n"

    def _row(self, response: GetEventsResponse) -> _Row:
        kind = response.WhichOneof("event")
        if kind == "process_throttle":
            throttle = response.process_throttle
            details = f"{state_text(throttle, PLAIN).strip()} {escape(throttle.cgroup)}"
            return self._make(response, "throttle", ("", "", "", ""), details)
        show = KINDS.get(kind or "")
        if show is None:
            raise unknown_type(response)
        event: Any = getattr(response, kind or "")
        if not event.HasField("process"):
            raise UnprintableEventError("process field is not set")
        process = event.process
        if kind == "process_exec":
            word, details = "exec", escape(process.arguments)
        elif kind == "process_exit":
            end = escape(event.signal) or str(event.status)
            word, details = "exit", f"{end} {escape(process.arguments)}".rstrip()
        else:
            _, word, fields = show(event, PLAIN)
            details = " ".join(filter(None, fields))
        pod = f"{process.pod.namespace}/{process.pod.name}" if process.HasField("pod") else ""
        pid = str(process.pid.value) if process.HasField("pid") else "?"
        who = (pid, self._user(process), escape(pod), escape(process.binary))
        return self._make(response, word, who, details)

    def _make(
        self, response: GetEventsResponse, word: str, who: tuple[str, ...], details: str
    ) -> _Row:
        p = self._palette
        node = escape(response.node_name) if self._has_nodes else ""
        time_text = self._time(response.time)
        end = p.red if word in {"exit", "throttle"} else p.cyan
        return _Row(
            (time_text, node, word, *who, details),
            ("", "", p.blue, "", p.green, "", p.magenta, end),
        )


def _layout(width: int, has_pods: bool, *, has_nodes: bool) -> _Layout:  # noqa: FBT001  # half of a key
    """`width` 0: no terminal, no limit."""
    hidden = {_POD} if not has_pods else set()
    if not has_nodes:
        hidden.add(_NODE)
    columns = [column for column in range(len(_HEADINGS)) if column not in hidden]
    if not width:
        return _Layout(tuple(columns), tuple(_WIDTHS[column] for column in columns))
    for column in _EXPENDABLE:
        if _room(columns, width) < _LEAST and column in columns:
            columns.remove(column)
    room = max(2, _room(columns, width))
    process = min(max(room // 3, 10), room // 2 + room % 2, _LONGEST_PROCESS)
    widths = [*(_WIDTHS[column] for column in columns[:-2]), process, max(1, room - process)]
    return _Layout(tuple(columns), tuple(widths))


def _room(columns: list[int], width: int) -> int:
    """What process and details can share."""
    others = columns[:-2]
    return width - sum(_WIDTHS[column] for column in others) - len(others) - 1


class _DayTime:
    """Times of day in UTC with milliseconds; the part up to the second is kept for the next."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self, stamp: Timestamp) -> str:
        """For example 07:08:09.100; empty when there is no time."""
        second = stamp.seconds
        if second != self._second:
            if not second:
                return ""
            self._second = second
            self._text = time.strftime("%H:%M:%S", time.gmtime(second))
        return f"{self._text}.{stamp.nanos // 1_000_000:03d}"
