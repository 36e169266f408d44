# SPDX-License-Identifier: Apache-2.0
"""One change at a time, each to its end, even if whoever asked for it goes away in the middle."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeVar

    Result = TypeVar("Result")

__all__ = ["Changes"]


class Changes:
    """Made in the event loop, used from it only."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        """Held by the change that goes on."""
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """What the change returns or raises, once those before it have ended."""
        task = asyncio.create_task(self._locked(work))
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    async def _locked(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        async with self.lock:
            return await work()

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the caller has it, unless it went away
