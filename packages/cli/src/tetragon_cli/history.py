# SPDX-License-Identifier: Apache-2.0
"""What `getevents` asks of an agent's history, and what it says of what it got."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from .durations import parse_duration_s

if TYPE_CHECKING:
    from tetragon.events_pb2 import History, HistoryState

__all__ = ["STATE_KEY", "Earlier", "Since", "limit_text", "read_history_state", "time_text"]

STATE_KEY: Final = "tetragon-mini-history-bin"
"""Of the stream's metadata; agents without history do not send it."""
_NO_HISTORY: Final = "it keeps no history: only events from now on are printed"


@dataclass(frozen=True, slots=True)
class Earlier:
    """Events from before now that are wanted, too."""

    last: int = 0
    """So many at most; 0 is no limit."""
    since_ns: int | None = None
    """From this time on, since the Unix epoch."""

    def __bool__(self) -> bool:
        return bool(self.last) or self.since_ns is not None

    def history(self) -> History:
        """The request's part."""
        from tetragon.events_pb2 import History  # noqa: PLC0415  # --help needs no protobuf

        wanted = History(last=self.last)
        if self.since_ns is not None:
            wanted.since.FromNanoseconds(self.since_ns)
        return wanted


class Since(click.ParamType[int]):
    """A duration before now, or a time; nanoseconds since the Unix epoch."""

    name = "time"

    def convert(
        self,
        value: Any,  # noqa: ANN401  # click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int:
        """A time without a zone is this host's; a time of day is today's."""
        try:
            return time.time_ns() - int(parse_duration_s(value) * 1e9)
        except ValueError:
            pass
        try:
            return _moment_ns(value)
        except ValueError:
            self.fail(
                f'"{value}" is neither a duration nor a time; write it like 5m, 14:30 or'
                " 2026-01-31T14:30:00Z",
                param,
                ctx,
            )


def _moment_ns(text: str) -> int:
    today = datetime.now().astimezone().date()
    is_of_today = re.fullmatch(r"\d\d:\d\d(:\d\d(\.\d+)?)?", text)
    moment = datetime.fromisoformat(f"{today}T{text}" if is_of_today else text)
    return int(moment.astimezone().timestamp() * 1e6) * 1000


def read_history_state(encoded: str | bytes | None) -> HistoryState | None:
    """The agent's history; None: it keeps none, or what it says of it cannot be understood."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415  # --help needs no protobuf

    from tetragon.events_pb2 import HistoryState  # noqa: PLC0415  # as above

    if not isinstance(encoded, bytes):
        return None
    try:
        state = HistoryState.FromString(encoded)
        state.complete_since.ToNanoseconds()
        state.started.ToNanoseconds()
    except (DecodeError, ValueError):
        return None
    return state


def limit_text(earlier: Earlier, state: HistoryState | None) -> str:
    """Why not all of what was asked for may come; empty when it does."""
    if not earlier:
        return ""
    if state is None:
        return _NO_HISTORY
    complete_ns = state.complete_since.ToNanoseconds()
    if earlier.since_ns is None or earlier.since_ns >= complete_ns:
        return ""
    if complete_ns == state.started.ToNanoseconds():
        return f"it sees events since {time_text(complete_ns)} only"
    return f"its history is complete since {time_text(complete_ns)} only"


def time_text(wall_ns: int) -> str:
    """UTC, to the millisecond."""
    moment = datetime.fromtimestamp(wall_ns / 1e9, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{wall_ns // 1_000_000 % 1000:03d}Z"
