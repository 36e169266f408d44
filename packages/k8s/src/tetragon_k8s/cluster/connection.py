# SPDX-License-Identifier: Apache-2.0
"""The start and the end of what the agent has to do with its API server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from .errors import RefusedError, UnreachableError
from .watching import Pace, pause_s

if TYPE_CHECKING:
    from .api import Api

__all__ = ["Connection"]

_VERSION: Final = "/version"


class Connection:
    """Started before all that watches, and closed after it."""

    def __init__(self, api: Api, *, attempts: int, pace: Pace | None = None) -> None:
        """`attempts`: how often the server is tried; negative: it may come later."""
        self._api = api
        self._attempts = attempts
        self._pace = pace or Pace()

    async def start(self) -> None:
        """Raises UnreachableError when the server has not answered as often as it was to be tried.

        An answer that refuses is one: what the agent may not do is told where it is tried.
        """
        for attempt in range(1, self._attempts + 1):
            try:
                await self._api.get(_VERSION)
            except RefusedError:
                return
            except UnreachableError as error:
                if attempt == self._attempts:
                    raise UnreachableError(
                        f"{error}; tried {attempt} times (--k8s-controlplane-retry; with -1 the"
                        " agent starts without it)"
                    ) from error
                await asyncio.sleep(pause_s(self._pace, attempt))
            else:
                return

    async def close(self) -> None:
        """Close all connections."""
        await self._api.close()
