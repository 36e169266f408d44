# SPDX-License-Identifier: Apache-2.0
"""When garbage is collected. A full pass over a large process cache takes tens of milliseconds, in
which a busy ring buffer overflows; so passes do not come from allocation, as usual, but from a
timer, and skip what lives as long as the agent. The process cache makes no cycles: its entries go
by reference counting.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["timed_collection"]

_YOUNG_S: Final = 10
_YOUNG_PASSES_PER_FULL: Final = 60


@contextlib.contextmanager
def timed_collection() -> Iterator[None]:
    """Collect by timer in the running loop until the block ends."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    collector = asyncio.get_running_loop().create_task(_collect_now_and_then())
    try:
        yield
    finally:
        collector.cancel()
        gc.unfreeze()
        if was_enabled:
            gc.enable()


async def _collect_now_and_then() -> None:
    for passes in itertools.count(1):
        await asyncio.sleep(_YOUNG_S)
        # Closed connections leave a few cycles; a young pass finds them in a fraction of a ms.
        gc.collect(1 if passes % _YOUNG_PASSES_PER_FULL else 2)
