# SPDX-License-Identifier: Apache-2.0
"""Garbage is collected by timer only while the agent runs."""

from __future__ import annotations

import asyncio
import gc

from tetragon_server.heap import timed_collection


def test_collection_by_allocation_is_off_inside_only() -> None:
    """No pass can start in the middle of a burst, and afterwards all is as before."""

    async def look_inside() -> tuple[bool, bool]:
        with timed_collection():
            return gc.isenabled(), gc.get_freeze_count() > 0

    inside = asyncio.run(look_inside())

    assert inside == (False, True)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
