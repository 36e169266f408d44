# SPDX-License-Identifier: Apache-2.0
"""All policies of the agent, one change at a time. Texts, files and rpcs are not known here.

A change is finished even if whoever asked for it goes away in the middle: a caller that is
cancelled must not leave a policy attached that nobody lists.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final

from tetragon_core.enforcement import EnforcementLimits
from tetragon_core.errors import TetragonError, UsageError

from .changes import Changes
from .counters import as_counters
from .entry import Domain, PolicyEntry, PolicyKey, PolicyMode, PolicyState, mode_of
from .modes import kept_mode, with_mode
from .takeover import Takeover

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tetragon_core.stats import Counter

    from .reading import ReadPolicy
    from .takeover import LeftPolicy
    from .worker import EngineWorker

__all__ = ["PolicyManager"]

_log = logging.getLogger(__name__)

_FIRST_ID: Final = 2
"""In Tetragon 0 means no filter and 1 every pod."""
_REPLACEABLE: Final = frozenset((PolicyState.LOAD_ERROR, PolicyState.SKIPPED))
"""Of a policy with one of these, another with its key may be added."""


class PolicyManager:
    """Used from the event loop only; the work in the kernel is the worker's."""

    def __init__(
        self,
        worker: EngineWorker,
        limits: EnforcementLimits | None = None,
        takeover: Takeover | None = None,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """`limits`: what is shown of them; the engine has its own."""
        self._worker = worker
        self._limits = limits or EnforcementLimits()
        self._takeover = takeover or Takeover(worker)
        self._wall_ns = wall_ns
        self._entries: dict[PolicyKey, PolicyEntry] = {}
        self._ids = count(_FIRST_ID)
        self._changes = Changes()
        self._missed = 0
        self._fallbacks = 0

    def entries(self, domain: str = "") -> Sequence[PolicyEntry]:
        """Those of a domain, or all, oldest first."""
        return [one for one in self._entries.values() if domain in {"", one.key.domain}]

    def keys(self, domain: str) -> set[PolicyKey]:
        """Those of a domain, also where there is only what an earlier agent has left."""
        keys = {*self._entries, *self._takeover.left_keys()}
        return {key for key in keys if key.domain == domain}

    def get(self, key: PolicyKey) -> PolicyEntry | None:
        """The policy with this key, if there is one."""
        return self._entries.get(key)

    def find(self, key: PolicyKey) -> PolicyEntry:
        """The policy with this key. Raises UsageError when there is none."""
        if key not in self._entries:
            raise UsageError(f"tracing policy {key} does not exist")
        return self._entries[key]

    async def add(self, read: ReadPolicy, domain: str, *, enable: bool = True) -> PolicyEntry:
        """Load a new policy. Raises PolicyError, or another TetragonError.

        One that cannot be loaded stays in the list with its error, until it is deleted or its key
        is added again. Without `enable` nothing of it is loaded before it is enabled.
        """
        if domain == Domain.RESERVED:
            raise UsageError(f"domain {domain} is reserved for internal use")
        key = PolicyKey(read.policy.name, read.policy.namespace, domain)
        return await self._changes.run(lambda: self._add(key, read, enable=enable))

    async def skip(self, read: ReadPolicy, domain: str) -> None:
        """List a policy that is not meant for this node; what is loaded of it is unloaded."""
        key = PolicyKey(read.policy.name, read.policy.namespace, domain)
        await self._changes.run(lambda: self._skip(key, read))

    async def replace(self, key: PolicyKey, read: ReadPolicy) -> PolicyEntry:
        """Load the new version, and only then give up the old; if it is refused, the old stays.

        For the moment between, both report. Raises as add() does.
        """
        return await self._changes.run(lambda: self._replace(key, read))

    async def delete(self, key: PolicyKey) -> None:
        """Unload and forget. Raises UsageError when there is no such policy."""
        await self._changes.run(lambda: self._delete(key))

    async def configure(
        self, key: PolicyKey, *, mode: PolicyMode | None = None, enable: bool | None = None
    ) -> None:
        """Set the mode, then enable or disable; raises TetragonError with all that went wrong."""
        await self._changes.run(lambda: self._configure(key, mode, enable=enable))

    async def take_over(self) -> Sequence[LeftPolicy]:
        """Let policies that are enabled take the place of what earlier agents left of them, now
        and from now on; what is left then.
        """
        return await self._changes.run(lambda: self._takeover.settle(self._entries))

    async def drop(self, key: PolicyKey) -> None:
        """Remove what earlier agents left of a policy."""
        await self._changes.run(lambda: self._takeover.drop(key))

    async def close(self, *, keep: bool = False) -> None:
        """Unload everything, after the change that is going on; `keep`: but what enforces."""
        async with self._changes.lock:
            loaded = [one.forget(PolicyState.UNLOADING) for one in self._entries.values()]
            await self._worker.close_all([one for one in loaded if one is not None], keep=keep)
            self._entries.clear()
            await self._takeover.close(remove=not keep)
            await self._worker.close()

    def counters(self) -> Mapping[Counter, int]:
        """Source for Stats: losses of all policies, also of those that are gone."""
        for entry in self._entries.values():
            if entry.is_enabled:
                self._missed += entry.more_missed()
        values = {**self._worker.counters(), "missed": self._missed, "fallbacks": self._fallbacks}
        values["unattended"] = self._takeover.unattended
        return as_counters(values)

    def new_fallbacks(self) -> Sequence[PolicyEntry]:
        """Policies that gave up enforcing since this was asked last; each is logged.

        Cheap: asked for before every batch of records.
        """
        fallen = [one for one in self._entries.values() if one.has_fallen_back]
        for entry in fallen:
            self._fallbacks += 1
            entry.note_fallback()
            attrs = {"policy": str(entry.key), "why": entry.fallback}
            _log.error("a policy enforces no more", extra={"attrs": attrs})
        return fallen

    def losses(self) -> int:
        """Hits that were lost on the way here; asked for in every turn of the pump."""
        return sum(self._worker.counters().values())

    def _entry(self, key: PolicyKey, read: ReadPolicy) -> PolicyEntry:
        return PolicyEntry(
            id=next(self._ids),
            key=key,
            policy=self._worker.filters.meant(read.policy),
            text=read.text,
            mode=mode_of(read.policy),
            max_kills=self._limits.kill_limit(read.policy),
            warnings=(*read.warnings, *self._worker.filters.warnings(read.policy)),
        )

    async def _load(self, entry: PolicyEntry) -> None:
        policy = with_mode(entry.policy, entry.chosen_mode)
        entry.take(await self._worker.load(policy), self._wall_ns())

    async def _add(self, key: PolicyKey, read: ReadPolicy, *, enable: bool) -> PolicyEntry:
        known = self._entries.get(key)
        if known is not None and known.state not in _REPLACEABLE:
            raise UsageError(
                f"failed to add tracing policy {key}, a sensor collection with the key already"
                " exists; delete it first"
            )
        entry = self._entries[key] = self._entry(key, read)
        if not enable:
            entry.state = PolicyState.DISABLED
            return entry
        entry.chosen_mode = self._takeover.mode_for(key, read.policy)
        try:
            await self._load(entry)
        except TetragonError as error:
            entry.forget(PolicyState.LOAD_ERROR, str(error))
            raise
        await self._takeover.keep(entry)
        return entry

    async def _skip(self, key: PolicyKey, read: ReadPolicy) -> None:
        await self._takeover.drop(key)
        old = self._entries.get(key)
        entry = self._entries[key] = self._entry(key, read)
        entry.state = PolicyState.SKIPPED
        if old is not None:
            await self._release(old, PolicyState.UNLOADING)

    async def _replace(self, key: PolicyKey, read: ReadPolicy) -> PolicyEntry:
        old = self.find(key)
        fresh = self._entry(key, read)
        fresh.chosen_mode = kept_mode(old, read.policy)
        try:
            await self._load(fresh)
        except TetragonError as error:
            old.error = str(error)
            raise
        if old.state is PolicyState.DISABLED and fresh.loaded is not None:
            await self._worker.run(fresh.loaded.disable)
            fresh.state, fresh.since_ns = PolicyState.DISABLED, 0
        else:
            await self._takeover.keep(fresh, old)
        self._entries[key] = fresh
        ledger = await self._release(old, PolicyState.UNLOADING)
        await self._takeover.add_ledger(fresh, (ledger, old.earlier))
        return fresh

    async def _delete(self, key: PolicyKey) -> None:
        is_left = await self._takeover.drop(key)
        if key in self._entries or not is_left:
            await self._release(self._entries.pop(self.find(key).key), PolicyState.UNLOADING)

    async def _configure(
        self, key: PolicyKey, mode: PolicyMode | None, *, enable: bool | None
    ) -> None:
        entry = self.find(key)
        failures = []
        try:
            if mode is not None:
                await self._set_mode(entry, mode)
        except TetragonError as error:
            failures.append(str(error))
        try:
            if enable is not None:
                await (self._enable(entry) if enable else self._disable(entry))
        except TetragonError as error:
            failures.append(str(error))
        if failures:
            raise TetragonError("\n".join(failures))

    async def _set_mode(self, entry: PolicyEntry, mode: PolicyMode) -> None:
        if entry.mode is PolicyMode.MONITOR_ONLY:
            raise UsageError("cannot set policy mode on a policy that is monitor only")
        if not entry.is_enabled or entry.loaded is None:
            raise UsageError(f"tracing policy {entry.key.name} is not enabled")
        on = mode is PolicyMode.MONITOR
        await self._worker.run(partial(entry.loaded.set_monitor, on=on))
        entry.mode = entry.chosen_mode = mode
        entry.fallback = ""

    async def _enable(self, entry: PolicyEntry) -> None:
        if entry.state is not PolicyState.DISABLED:
            raise UsageError(f"tracing policy {entry.key.name} is not disabled")
        entry.state = PolicyState.LOADING
        try:
            if entry.loaded is None:
                await self._load(entry)
            else:
                await self._worker.run(entry.loaded.enable)
                entry.note_enabled(self._wall_ns())
        except TetragonError as error:
            text = f'failed to enable tracing policy "{entry.key.name}": {error}'
            await self._release(entry, PolicyState.LOAD_ERROR, text)
            raise TetragonError(text) from error
        await self._takeover.keep(entry)

    async def _disable(self, entry: PolicyEntry) -> None:
        if not entry.is_enabled or entry.loaded is None:
            raise UsageError(f"tracing policy {entry.key.name} is not enabled")
        self._missed += entry.more_missed()
        entry.state = PolicyState.UNLOADING
        try:
            await self._worker.run(entry.loaded.disable)
        except TetragonError as error:
            entry.state = PolicyState.ERROR
            entry.error = f'failed to unload tracing policy "{entry.key.name}": {error}'
            raise TetragonError(entry.error) from error
        entry.state, entry.since_ns = PolicyState.DISABLED, 0

    async def _release(
        self, entry: PolicyEntry, state: PolicyState, text: str = ""
    ) -> Mapping[str, int]:
        """Close what is loaded of it: its ledger. What it missed is still counted."""
        if entry.is_enabled:
            self._missed += entry.more_missed()
        loaded = entry.forget(state, text)
        if loaded is None:
            return {}
        try:
            return await self._worker.finish(loaded)
        except TetragonError as error:
            _log.error("a policy could not be unloaded", extra={"attrs": {"error": error}})
        return {}
