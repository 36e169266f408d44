# SPDX-License-Identifier: Apache-2.0
"""Work that may block, in threads that nobody waits for when the agent ends.

asyncio's own threads are joined at the end, which a file system or a runtime that hangs would
prevent.
"""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import TYPE_CHECKING, Final, TypeVar

from .runtime import RuntimeFailedError

if TYPE_CHECKING:
    from collections.abc import Callable

    T = TypeVar("T")

__all__ = ["Threads"]

_MOST: Final = 4
"""Threads of one runtime that may hang before it is asked no more."""


class Threads:
    """Those of one runtime."""

    def __init__(self, name: str) -> None:
        """`name` shows in lists of threads."""
        self._name = name
        self._running = 0

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`, or the RuntimeFailedError or OSError it raises.

        When the waiting is cancelled the work goes on, and its result is dropped.
        """
        if self._running >= _MOST:
            raise RuntimeFailedError(f"{_MOST} earlier questions hang")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def finish(result: T | None, error: Exception | None) -> None:
            self._running -= 1
            if done.cancelled():
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result)  # type: ignore[arg-type]  # None only if T is

        def body() -> None:
            result, error = None, None
            try:
                result = work()
            except Exception as raised:  # noqa: BLE001  # handed to who waits, whatever it is
                error = raised
            try:
                loop.call_soon_threadsafe(finish, result, error)
            except RuntimeError:
                return  # the agent has ended meanwhile

        self._running += 1
        Thread(target=body, name=self._name, daemon=True).start()
        return await done
