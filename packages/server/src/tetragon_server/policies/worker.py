# SPDX-License-Identifier: Apache-2.0
"""The thread that talks to the engine: one call at a time, the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError
from tetragon_core.policy.problems import PolicyError

from .workload_filter import WorkloadFilters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from tetragon_core.hooks import HookEvent
    from tetragon_core.policy.model import Policy
    from tetragon_core.policy.workload_filters import WorkloadFilter

    from .engine import LoadedPolicy, PolicyEngine, WorkloadMembers

    Result = TypeVar("Result")

__all__ = ["EngineWorker"]

_log = logging.getLogger(__name__)

_CLOSERS: Final = 32


class EngineWorker:
    """Makes the engine when the first policy comes: most agents never need one."""

    def __init__(
        self, open_engine: Callable[[], PolicyEngine], filters: WorkloadFilters | None = None
    ) -> None:
        """`filters`: by default those of a host without containers."""
        self.filters = WorkloadFilters() if filters is None else filters
        self._claims: dict[int, Mapping[WorkloadFilter, int]] = {}
        """Of policies that are loaded, by their identity."""
        self._open_engine = open_engine
        self._engine: PolicyEngine | None = None
        self._last: Mapping[str, int] = {}
        """Counters of an engine that is closed."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="policies")

    async def run(self, call: Callable[[], Result]) -> Result:
        """Result of `call`, made in the thread; only TetragonError comes out of it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _guarded, call)

    async def load(self, policy: Policy) -> LoadedPolicy:
        """The policy in the kernel. Raises PolicyError, or another TetragonError."""
        numbers = await self.filters.claim(policy, self._members)
        try:
            loaded = await self.run(lambda: self._opened().load(policy, numbers))
        except TetragonError:
            self.filters.release(numbers)
            raise
        self._claims[id(loaded)] = numbers
        return loaded

    async def finish(self, loaded: LoadedPolicy) -> Mapping[str, int]:
        """Unload it; its ledger. Raises TetragonError."""
        try:
            return await self.run(loaded.finish)
        finally:
            self.filters.release(self._claims.pop(id(loaded), {}))

    async def _members(self) -> WorkloadMembers:
        return await self.run(lambda: self._opened().members())

    def _opened(self) -> PolicyEngine:
        """In the thread."""
        if self._engine is None:
            self._engine = self._open_engine()
        return self._engine

    def counters(self) -> Mapping[str, int]:
        """Losses on the engine's side; cheap."""
        return self._last if self._engine is None else self._engine.counters()

    def received(self) -> Mapping[HookEvent, int]:
        """Hits of all policies so far, by type; none once the engine is closed."""
        return {} if self._engine is None else self._engine.received()

    async def close_all(self, policies: Sequence[LoadedPolicy], *, keep: bool = False) -> None:
        """Close them all at once; `keep`: but those that outlive the agent.

        Each waits some 40 ms until no CPU is in its programs, and an agent has two seconds to end.
        """
        if not policies:
            return
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(min(len(policies), _CLOSERS)) as threads:
            calls = [_closing(one, keep) for one in policies]
            closing = [loop.run_in_executor(threads, _guarded, call) for call in calls]
            for result in await asyncio.gather(*closing, return_exceptions=True):
                if isinstance(result, TetragonError):
                    _log.error("a policy could not be unloaded", extra={"attrs": {"error": result}})

    async def close(self) -> None:
        """Wait for what runs, then close the engine."""
        engine = self._engine
        if engine is not None:
            self._last, self._engine = dict(engine.counters()), None
            await self.run(engine.close)
        self._thread.shutdown()


def _closing(policy: LoadedPolicy, keep: bool) -> Callable[[], None]:  # noqa: FBT001  internal
    return policy.leave if keep and policy.enforces else policy.close


def _guarded(call: Callable[[], Result]) -> Result:
    try:
        return call()
    except PolicyError:
        raise
    except TetragonError as error:
        log = getattr(error, "log", "")
        if log:
            _log.debug("the kernel's words", extra={"attrs": {"log": log}})
        raise
    except Exception as error:  # one policy must never end the agent, whatever is wrong with it
        _log.exception("a policy could not be handled")
        raise TetragonError(f"internal error: {error!r}; the agent's log has more") from error
