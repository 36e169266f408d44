# SPDX-License-Identifier: Apache-2.0
"""What one evaluation works on, and the limit to what it may cost.

The limit is there because filters come from clients: macros within macros, or a text that doubles
with each step, would otherwise keep the agent from its events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["COST_LIMIT", "Frame", "OutOfStepsError", "Run"]

COST_LIMIT: Final = 100_000
"""Steps of one evaluation: some 50 ms of processor time. A step is a node evaluated within a macro,
an element compared, or 64 bytes of text looked at."""


class OutOfStepsError(TetragonError):
    """The limit is used up. No CelRuntimeError, because `||` and the like forget those."""


class Frame:
    """One evaluation: the event, the variables of macros, and what is left of the limit."""

    __slots__ = ("left", "locals", "message")

    def __init__(self, message: Message | None, locals_: int) -> None:
        self.message = message
        self.locals: list[object] = [None] * locals_
        self.left = COST_LIMIT

    def spend(self, cost: int) -> None:
        """Take steps from the limit; OutOfStepsError when none are left."""
        self.left -= cost
        if self.left < 0:
            raise OutOfStepsError(f"the evaluation took more than {COST_LIMIT} steps")


Run = Callable[[Frame], object]
"""A part of an expression, compiled."""
