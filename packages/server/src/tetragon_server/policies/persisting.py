# SPDX-License-Identifier: Apache-2.0
"""Policies that come over gRPC, kept across restarts: what runs and what is kept change together.

Stands before the manager for the rpcs. A policy from a file is no concern of it: requests about one
pass through.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError, UsageError

from .changes import Changes
from .entry import PolicyKey, PolicyMode, mode_of
from .reading import read_policy
from .store import PolicyStore, StoredPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .entry import PolicyEntry
    from .manager import PolicyManager
    from .reading import ReadPolicy
    from .worker import EngineWorker

__all__ = ["Persisting"]

_log = logging.getLogger(__name__)

_WORDS: Final = {PolicyMode.MONITOR: "monitor", PolicyMode.ENFORCE: "enforce"}


class Persisting:
    """One per agent, if the settings want it. restore() comes first."""

    def __init__(self, manager: PolicyManager, worker: EngineWorker, directory: str) -> None:
        self._manager = manager
        self._worker = worker
        self._directory = directory
        self._store: PolicyStore
        self._changes = Changes()

    async def restore(self, *, reject_enforcement: bool = False) -> None:
        """Load what was kept, or nothing of it: raises UsageError for the first record that cannot
        be used. All are read before one is loaded.
        """
        self._store = await self._worker.run(lambda: PolicyStore(self._directory))
        records = self._store.records()
        read = [await self._read(key, one) for key, one in records.items()]
        for (key, stored), policy in zip(records.items(), read, strict=True):
            if reject_enforcement and mode_of(policy.policy) is PolicyMode.ENFORCE:
                raise self._refused(key, "it would enforce, which --reject-enforcement forbids")
            try:
                await self._manager.add(policy, key.domain, enable=stored.is_enabled)
            except TetragonError as error:
                raise self._refused(key, str(error)) from error
        _log.info("persisted policies are loaded", extra={"attrs": {"count": len(records)}})

    async def _read(self, key: PolicyKey, stored: StoredPolicy) -> ReadPolicy:
        try:
            read = await self._worker.run(lambda: read_policy(stored.text))
        except TetragonError as error:
            raise self._refused(key, str(error)) from error
        found = PolicyKey(read.policy.name, read.policy.namespace, key.domain)
        if found != key:
            raise self._refused(key, f"the policy in it is {found}")
        return read

    def _refused(self, key: PolicyKey, reason: str) -> UsageError:
        line = "; ".join(reason.splitlines())
        return UsageError(f"policy record {self._store.path(key)}: {line}; mend or remove it")

    def entries(self, domain: str = "") -> Sequence[PolicyEntry]:
        """As the manager's."""
        return self._manager.entries(domain)

    def find(self, key: PolicyKey) -> PolicyEntry:
        """As the manager's."""
        return self._manager.find(key)

    async def add(self, read: ReadPolicy, domain: str) -> PolicyEntry:
        """As the manager's; one that cannot be persisted is not loaded either."""
        return await self._changes.run(lambda: self._add(read, domain))

    async def delete(self, key: PolicyKey) -> None:
        """As the manager's."""
        await self._changes.run(lambda: self._delete(key))

    async def configure(
        self, key: PolicyKey, *, mode: PolicyMode | None = None, enable: bool | None = None
    ) -> None:
        """As the manager's; a record that cannot be written changes nothing."""
        await self._changes.run(lambda: self._configure(key, mode, enable=enable))

    async def _add(self, read: ReadPolicy, domain: str) -> PolicyEntry:
        key = PolicyKey(read.policy.name, read.policy.namespace, domain)
        self._store.path(key)
        entry = await self._manager.add(read, domain)
        try:
            await self._put(key, StoredPolicy(read.text, is_enabled=True))
        except TetragonError:
            await self._manager.delete(key)
            raise
        return entry

    async def _delete(self, key: PolicyKey) -> None:
        stored = self._store.records().get(key)
        if stored is None:
            await self._manager.delete(key)
            return
        await self._worker.run(lambda: self._store.remove(key))
        try:
            await self._manager.delete(key)
        except TetragonError:
            await self._put(key, stored)
            raise

    async def _configure(
        self, key: PolicyKey, mode: PolicyMode | None, *, enable: bool | None
    ) -> None:
        stored = self._store.records().get(key)
        if stored is None:
            await self._manager.configure(key, mode=mode, enable=enable)
            return
        text = stored.text if mode is None else _in_mode(stored.text, mode)
        await self._put(key, StoredPolicy(text, stored.is_enabled if enable is None else enable))
        try:
            await self._manager.configure(key, mode=mode, enable=enable)
        except TetragonError:
            await self._put(key, stored)
            raise

    async def _put(self, key: PolicyKey, stored: StoredPolicy) -> None:
        await self._worker.run(lambda: self._store.put(key, stored))


def _in_mode(text: str, mode: PolicyMode) -> str:
    from tetragon_core.policy.mode_text import (  # noqa: PLC0415  an agent without policies needs no YAML
        with_mode,
    )

    return with_mode(text, _WORDS[mode])
