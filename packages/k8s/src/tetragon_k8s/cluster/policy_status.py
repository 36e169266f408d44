# SPDX-License-Identifier: Apache-2.0
"""Writes into the status of policies what became of them on this node.

Each node applies its own entry under its own name (server-side apply), so nodes never conflict,
and no node has to read what others say. Only what has changed is written, and not often: each
change of a status is told to every node.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

from .errors import ApiError, RefusedError
from .policies import KINDS, NAMESPACED_KIND
from .resources import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .resources import Object

    Status = Mapping[str, Any]

__all__ = ["StatusPace", "StatusWriter"]

_log = logging.getLogger(__name__)

_NOT_COMPARED: Final = frozenset(("node", "time"))
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404


class Applier(Protocol):
    """The part of Api that is needed."""

    async def apply(self, path: str, fields: Object, manager: str) -> Object:
        """Let what `manager` has set of an object be exactly this. Raises ApiError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPace:
    """How often is written."""

    first_s: float = 2.0
    """All nodes learn of a policy at once: each writes at some time within this."""
    again_s: float = 5.0
    """Between two writes of one status."""
    between_s: float = 0.1
    retry_s: float = 10.0
    """After a failure, with some spread."""
    refused_s: float = 600.0
    """After the server said that the agent may not."""


@dataclass(slots=True)
class _Entry:
    """What one status shall be, and what it was."""

    uid: str
    wanted: Status
    written: Status | None
    not_before_s: float
    missing: int = 0
    """Times in a row that the server had no such status."""

    @property
    def is_pending(self) -> bool:
        return self.wanted != self.written


class StatusWriter:
    """One per agent; `run()` it in a task."""

    def __init__(
        self,
        api: Applier,
        node: str,
        *,
        pace: StatusPace | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`node`: name of the own one."""
        self._api = api
        self._node = node
        self._pace = pace or StatusPace()
        self._clock_s = clock_s
        self._entries: dict[tuple[str, str, str], _Entry] = {}
        self._wake = asyncio.Event()
        self._trouble = ""

    def set(
        self,
        kind: str,
        namespace: str,
        name: str,
        uid: str,
        status: Status,
        told: Status | None,
    ) -> None:
        """Have this written about a policy.

        `uid`: another one of the same name has another. `told`: what the policy's status says of
        this node already.
        """
        key = (kind, namespace, name)
        known = self._entries.get(key)
        if known is not None and known.uid == uid:
            known.wanted = status
        else:
            written = None if told is None else _compared(told)
            at_s = self._clock_s() + self._pace.first_s * random.random()  # noqa: S311  # no secret
            self._entries[key] = _Entry(uid, status, written, at_s)
        self._wake.set()

    def forget(self, namespace: str, name: str) -> None:
        """Write no more about a policy that is gone."""
        for kind in KINDS:
            if bool(namespace) is (kind == NAMESPACED_KIND):
                self._entries.pop((kind, namespace, name), None)

    async def run(self) -> NoReturn:
        """Write until cancelled."""
        while True:
            self._wake.clear()
            due_s = min(
                (one.not_before_s for one in self._entries.values() if one.is_pending),
                default=None,
            )
            if due_s is None:
                await self._wake.wait()
                continue
            wait_s = due_s - self._clock_s()
            if wait_s > 0:
                await self._woken(wait_s)
                continue
            await self._write_due()

    async def clear(self) -> None:
        """Remove the entries of this node. Raises ApiError at the first that fails."""
        for key, entry in list(self._entries.items()):
            if entry.written is not None:
                await self._apply(key, [])

    async def _woken(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _write_due(self) -> None:
        now_s = self._clock_s()
        for key, entry in list(self._entries.items()):
            if entry.is_pending and entry.not_before_s <= now_s:
                await self._write(key, entry)
                await asyncio.sleep(self._pace.between_s)

    async def _write(self, key: tuple[str, str, str], entry: _Entry) -> None:
        wanted = entry.wanted
        stamp = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        try:
            await self._apply(key, [{"node": self._node, "time": stamp, **wanted}])
        except ApiError as error:
            entry.not_before_s = self._clock_s() + self._note(error, entry)
            return
        self._trouble = ""
        entry.missing = 0
        entry.written = wanted
        entry.not_before_s = self._clock_s() + self._pace.again_s

    async def _apply(self, key: tuple[str, str, str], nodes: list[Status]) -> None:
        kind, namespace, name = key
        resource = KINDS[kind]
        path = resource.path_of(Reference(namespace, name, ""), "status")
        body = {
            "apiVersion": f"{resource.group}/{resource.version}",
            "kind": kind,
            "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
            "status": {"nodes": nodes},
        }
        await self._api.apply(path, body, f"tetragon-mini.{self._node}"[:128])

    def _note(self, error: ApiError, entry: _Entry) -> float:
        """Tell a failure, once until it is over, and return how long to wait."""
        status = error.status if isinstance(error, RefusedError) else 0
        entry.missing = entry.missing + 1 if status == _NOT_FOUND else 0
        if entry.missing == 1:
            return self._pace.retry_s  # it is gone: somebody will say so before that
        hint = "; their definitions are not those of contrib/kubernetes" if entry.missing else ""
        trouble = f"{type(error).__name__} {status}"
        if self._trouble != trouble:
            self._trouble = trouble
            _log.warning("%s%s; policies work, their status does not say so", error, hint)
        is_final = status == _FORBIDDEN or entry.missing
        wait_s = self._pace.refused_s if is_final else self._pace.retry_s
        return wait_s * random.uniform(0.5, 1.0)  # noqa: S311  # no secret


def _compared(status: Status) -> Status:
    return {key: value for key, value in status.items() if key not in _NOT_COMPARED}
