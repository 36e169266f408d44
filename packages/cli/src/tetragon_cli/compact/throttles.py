# SPDX-License-Identifier: Apache-2.0
"""The line of a throttled cgroup, the same in all line formats: it has no process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .text import quote

if TYPE_CHECKING:
    from tetragon.events_pb2 import ProcessThrottle

    from .text import Palette

__all__ = ["state_text", "throttle_text"]

_START: Final = 1
_STOP: Final = 2


def state_text(event: ProcessThrottle, p: Palette) -> str:
    """START, or STOP with a blank; empty for what is neither."""
    if event.type == _START:
        return f"{p.red}START{p.reset}"
    return f"{p.green}STOP {p.reset}" if event.type == _STOP else ""


def throttle_text(event: ProcessThrottle, p: Palette) -> str:
    """The whole line."""
    return f"{p.red}🧬 throttle{p.reset} {state_text(event, p)} {quote(event.cgroup)}\n"
