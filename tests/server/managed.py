# SPDX-License-Identifier: Apache-2.0
"""A manager of policies without an agent, with a clock that stands still."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from server.fake_engine import FakeEngine, policy_text
from tetragon_core.enforcement import EnforcementLimits
from tetragon_server.policies.manager import PolicyManager
from tetragon_server.policies.reading import read_policy
from tetragon_server.policies.worker import EngineWorker

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from server.fake_engine import FakePolicy
    from tetragon_server.policies.entry import PolicyEntry
    from tetragon_server.policies.workload_filter import WorkloadFilters

KILLS = """\
      selectors:
        - matchActions:
            - action: Sigkill
"""
TIME_NS = 1_700_000_000_000_000_007


class Managed:
    """A manager without an agent, with a clock that stands still."""

    def __init__(self, filters: WorkloadFilters | None = None) -> None:
        self.engine = FakeEngine()
        self.manager = PolicyManager(
            EngineWorker(lambda: self.engine, filters),
            EnforcementLimits(max_kills_per_minute=60),
            wall_ns=lambda: TIME_NS,
        )

    async def add(self, name: str, more: str = KILLS) -> tuple[PolicyEntry, FakePolicy]:
        """A policy and what the engine has of it."""
        entry = await self.manager.add(read_policy(policy_text(name, more=more)), "grpc")
        return entry, self.engine.attached[-1]

    def run(self, test: Coroutine[Any, Any, None]) -> None:
        """The test, and the end of all policies."""

        async def whole() -> None:
            await test
            await self.manager.close()

        asyncio.run(whole())
