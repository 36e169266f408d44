# SPDX-License-Identifier: Apache-2.0
"""`--tty-encode`: what was written to a file or terminal, byte for byte, and nothing else.

For policies that report write calls with the file as first argument and the bytes as second. This
is the one form that does hand unchecked bytes to the terminal: that is what it is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tetragon.events_pb2 import GetEventsResponse

__all__ = ["TerminalReplay"]


class TerminalReplay:
    """Shows writes to one path; one per stream."""

    def __init__(self, path: str) -> None:
        self._path = path

    def render(self, response: GetEventsResponse) -> bytes:
        """The bytes written, without a line end; none for every other event."""
        arguments = response.process_kprobe.args
        if len(arguments) < 2 or arguments[0].file_arg.path != self._path:
            return b""
        return arguments[1].bytes_arg
