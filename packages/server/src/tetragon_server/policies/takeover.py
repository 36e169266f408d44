# SPDX-License-Identifier: Apache-2.0
"""Enforcing policies that outlive their agent, and how the next one takes their place.

A policy is kept (pinned) once it is attached. What an earlier agent has left is removed when the
same policy is attached anew, so that nothing gets through between them; but only once the start
has succeeded, because an agent that cannot start must leave things as they were.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.enforcement import MODE_OPTION
from tetragon_core.errors import TetragonError

from .entry import Domain, PolicyMode
from .records import KeepRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tetragon_core.policy.model import Policy

    from .engine import EarlierPolicy, EarlierRuns
    from .entry import PolicyEntry, PolicyKey
    from .worker import EngineWorker

__all__ = ["STILL_THERE", "LeftPolicy", "Takeover"]

_log = logging.getLogger(__name__)

_NOT_ADDED: Final = frozenset({"last_errno"})
"""It is no number of things."""
_ENDS: Final = "what it does ends with the agent: "
STILL_THERE: Final = "; what an earlier agent loaded of it still enforces, until it is deleted"


@dataclass(frozen=True, slots=True)
class LeftPolicy:
    """One that an earlier agent has left, and what that knew of it."""

    record: KeepRecord
    pins: EarlierPolicy

    def mode_for(self, policy: Policy) -> PolicyMode | None:
        """The mode somebody has set; None when its author asks for another than before."""
        option = policy.spec.options.get(MODE_OPTION)
        written = "" if option is None else str(option.value)
        is_monitored = self.pins.is_monitored
        if written != self.record.mode_option or is_monitored == (written == "monitor"):
            return None
        return PolicyMode.MONITOR if is_monitored else PolicyMode.ENFORCE


class Takeover:
    """Used by the manager; the work in the kernel is the worker's."""

    def __init__(
        self, worker: EngineWorker, open_earlier: Callable[[], EarlierRuns | None] = lambda: None
    ) -> None:
        self._worker = worker
        self._open_earlier = open_earlier
        self._runs: EarlierRuns | None = None
        self._left: dict[PolicyKey, list[LeftPolicy]] = {}
        self._is_settled = False
        self.unattended = 0
        """Hits that nobody received, because no agent ran."""

    async def find(self) -> None:
        """Look for what earlier agents have left. What cannot be understood is told, and stays
        until settle().
        """
        try:
            self._left = await self._worker.run(self._find)
        except TetragonError as error:
            _log.warning("cannot look for kept policies", extra={"attrs": {"error": error}})

    def _find(self) -> dict[PolicyKey, list[LeftPolicy]]:
        self._runs = self._open_earlier()
        found: list[LeftPolicy] = []
        for pins in self._runs.policies() if self._runs is not None else ():
            try:
                found.append(LeftPolicy(KeepRecord.unpacked(pins.record()), pins))
            except TetragonError as error:
                attrs = {"pins": pins.name, "error": error}
                _log.error("a kept policy that nobody knows is removed", extra={"attrs": attrs})
                pins.remove()
        counted = {name for one in found for name in one.record.replaces}
        left: dict[PolicyKey, list[LeftPolicy]] = {}
        for one in found:
            if one.pins.name in counted:  # an agent ended in the middle of taking it over
                one.pins.remove()
            else:
                left.setdefault(one.record.key, []).append(one)
        return left

    def mode_for(self, key: PolicyKey, policy: Policy) -> PolicyMode | None:
        """The mode that was set by hand while an earlier agent ran, or None."""
        several = self._left.get(key)
        return several[-1].mode_for(policy) if several else None

    def left_keys(self) -> set[PolicyKey]:
        """Policies that earlier agents have left, and that nothing has taken the place of."""
        return set(self._left)

    async def keep(self, entry: PolicyEntry, before: PolicyEntry | None = None) -> None:
        """Have a policy that was just attached outlive the agent, in the place of what was before.

        `before` is the version it replaces: the ledger goes on in the new one.
        """
        if entry.loaded is None:
            return
        if before is not None and before.since_ns and entry.since_ns:
            entry.since_ns = before.since_ns
        if entry.loaded.enforces:
            for one in self._left.get(entry.key, ()):
                entry.since_ns = min(entry.since_ns, one.record.since_ns) or entry.since_ns
                if one.pins.fell_back and entry.chosen_mode is PolicyMode.MONITOR:
                    entry.note_fallback()
            await self._pin(entry)
        if self._is_settled:
            await self._take_place(entry)

    async def _pin(self, entry: PolicyEntry) -> None:
        loaded, record = entry.loaded, _record_of(entry)
        if loaded is None:
            return
        try:
            reason = await self._worker.run(lambda: loaded.keep(record.packed()))
        except TetragonError as error:
            reason = str(error)
        if reason and _ENDS + reason not in entry.warnings:
            entry.warnings = (*entry.warnings, _ENDS + reason)

    async def settle(self, entries: Mapping[PolicyKey, PolicyEntry]) -> Sequence[LeftPolicy]:
        """Let all that are enabled take their places, and each that will be from now on.

        Those of earlier agents that are left then: the newest of each policy.
        """
        self._is_settled = True
        for key in list(self._left):
            if key in entries and entries[key].is_enabled:
                await self._take_place(entries[key])
        await self._collect()
        return [several[-1] for several in self._left.values()]

    async def _take_place(self, entry: PolicyEntry) -> None:
        """Detach what earlier agents have of this policy, which is attached; add their ledger."""
        several = self._left.pop(entry.key, [])
        if not several:
            return
        for one in several:
            await self._try(one.pins.detach)
        counters = [one.pins.counters() for one in several]
        earlier = [one.record.earlier for one in several]
        names = tuple(one.pins.name for one in several)
        await self.add_ledger(entry, (*counters, *earlier), names)
        await self._remove(several)
        attrs = {"policy": entry.key, "since_ns": entry.since_ns}
        _log.info("a policy of an earlier agent was taken over", extra={"attrs": attrs})

    async def add_ledger(
        self, entry: PolicyEntry, ledgers: Iterable[Mapping[str, int]], names: Sequence[str] = ()
    ) -> None:
        """Go on with what others have counted; `names` are those of pins that have it."""
        ledgers = [ledger for ledger in ledgers if ledger]
        entry.earlier = _sum((entry.earlier, *ledgers))
        loaded = entry.loaded
        if loaded is None or not loaded.enforces or not (ledgers or names):
            return
        packed = _record_of(entry, names).packed()
        try:
            await self._worker.run(lambda: loaded.change_record(packed))
        except TetragonError as error:
            attrs = {"policy": entry.key, "error": error}
            _log.warning("the ledger will not outlive the agent", extra={"attrs": attrs})

    async def drop(self, key: PolicyKey) -> bool:
        """Detach and remove what earlier agents have of a policy; False when there is nothing."""
        several = self._left.pop(key, [])
        await self._remove(several)
        return bool(several)

    async def _remove(self, several: Sequence[LeftPolicy]) -> None:
        for one in several:
            await self._try(one.pins.remove)
        await self._collect()

    async def _try(self, work: Callable[[], None]) -> None:
        try:
            await self._worker.run(work)
        except TetragonError as error:
            _log.error("a kept policy cannot be removed", extra={"attrs": {"error": error}})

    async def _collect(self) -> None:
        if self._runs is None:
            return
        lost = await self._worker.run(self._runs.collect)
        self.unattended += lost
        if lost:
            attrs = {"hits": lost}
            _log.warning("hits of kept policies were received by nobody", extra={"attrs": attrs})

    async def close(self, *, remove: bool) -> None:
        """`remove` what could not be taken over, if the start succeeded; else leave it."""
        if remove and self._is_settled:
            for key in list(self._left):
                await self.drop(key)
        if self._runs is not None:
            await self._worker.run(self._runs.close)
            self._runs = None


def _record_of(entry: PolicyEntry, replaces: Sequence[str] = ()) -> KeepRecord:
    option = entry.policy.spec.options.get(MODE_OPTION)
    is_file = entry.key.domain == Domain.STATIC
    return KeepRecord(
        key=entry.key,
        text=entry.text,
        source=str(Path(entry.policy.source).absolute()) if is_file else "",
        mode_option="" if option is None else str(option.value),
        since_ns=entry.since_ns,
        earlier=entry.earlier,
        replaces=tuple(replaces),
    )


def _sum(ledgers: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for ledger in ledgers:
        total.update({name: ledger[name] for name in ledger if name not in _NOT_ADDED})
    return dict(total)
