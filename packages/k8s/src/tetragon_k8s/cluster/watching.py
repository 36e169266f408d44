# SPDX-License-Identifier: Apache-2.0
"""Follows all objects of a kind: lists them, then watches, for as long as the agent runs.

    list ─► changed() for each ─► synced() ─► watch ─► changed(), deleted() ─┐
      ▲                                        ▲                             │
      └── version too old (410) ───────────────┴── the server ended it ◄─────┘

Whatever happens to the server, what is known stays and it is tried again, with pauses that grow.
Objects themselves are not kept, only their versions.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from .errors import ApiError, ExpiredError, RefusedError, TooLargeError
from .lines import LineCutter
from .resources import Reference, reference_of, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .api import Api
    from .decoding import Change
    from .resources import Object, Resource

__all__ = ["Pace", "Tally", "Watch", "Watcher", "pause_s"]

_log = logging.getLogger(__name__)

_AT_HAND: Final = "0"
"""Version of what the server has in its memory; a start of all nodes at once stays cheap."""
_LIMIT: Final = 250
_MAX_ASKED_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient a watch is."""

    first_s: float = 0.5
    """Pause after the first failure; it doubles with each further one."""
    most_s: float = 30.0
    lasts_s: int = 300
    """A watch is ended by the server between this and twice as long, not all at once."""
    silence_s: float = 90.0
    """After which a connection is taken for dead; a server sends bookmarks once a minute."""
    start_s: float = 5.0
    """How long the agent's start waits for the first list."""


@dataclass(slots=True)
class Tally:
    """What a watch has done so far."""

    changes: int = 0
    failures: int = 0
    """Requests that the server did not answer or refused."""
    lists: int = 0
    watches: int = 0
    unreadable: int = 0
    """Objects that were too large, or no objects of this kind."""


class Watcher(NamedTuple):
    """Who is told; called in the event loop, with objects as JSON has them."""

    changed: Callable[[Object], object]
    """Of each object that is new or another than before."""
    deleted: Callable[[Reference, Object | None], object]
    """Of each that is gone; with its last state if the server told it."""
    synced: Callable[[], object] = lambda: None
    """All objects there are were told; called after each list."""
    failed: Callable[[ApiError], object] = lambda _: None
    """A request failed; it is tried again."""
    recovered: Callable[[], object] = lambda: None
    """One succeeded after such a failure."""


class _Kept(NamedTuple):
    reference: Reference
    version: str


class Watch:
    """Of one kind of objects; `run()` it in a task."""

    def __init__(
        self,
        api: Api,
        resource: Resource,
        watcher: Watcher,
        *,
        fields: str = "",
        is_exact: bool = False,
        pace: Pace | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fields`: a field selector of Kubernetes. `is_exact`: ask for the newest list, not for
        what the server has at hand, which may be a little behind.
        """
        self._api = api
        self._resource = resource
        self._watcher = watcher
        self._fields = fields
        self._pace = pace or Pace()
        self._clock_s = clock_s
        self._known: dict[tuple[str, str], _Kept] = {}
        self._version = ""
        """Where to go on from; empty: a list is needed."""
        self._list_from = "" if is_exact else _AT_HAND
        self._limit = _LIMIT
        self._in_a_row = 0
        self._trouble = ""
        self.tally = Tally()

    async def run(self) -> NoReturn:
        """Follow until cancelled."""
        while True:
            try:
                if not self._version:
                    await self.sync()
                await self._follow()
            except ApiError as error:
                await asyncio.sleep(self._note(error))

    async def sync(self) -> None:
        """List once, and tell how what there is differs from what was known. Raises ApiError."""
        seen: set[tuple[str, str]] = set()
        more = ""
        try:
            while True:
                page = await self._api.list_page(
                    self._resource,
                    limit=self._limit,
                    more=more,
                    version=self._list_from,
                    fields=self._fields,
                )
                seen.update(key for one in page.items if (key := self._tell_changed(one)))
                if not (more := page.more):
                    break
        except TooLargeError:
            self._list_from = ""  # what is at hand comes in one piece, however large
            self._limit = max(1, self._limit // 5)
            raise
        for key in self._known.keys() - seen:
            self._tell_deleted(key, None)
        self._version = page.version
        self.tally.lists += 1
        self._recovered()
        self._watcher.synced()

    async def _follow(self) -> None:
        """Watch until the server ends it. Raises ApiError."""
        began_s = self._clock_s()
        self.tally.watches += 1
        cutter = LineCutter()
        changes = self._api.watch(
            self._resource,
            version=self._version,
            fields=self._fields,
            lasts_s=_spread(self._pace.lasts_s),
            silence_s=self._pace.silence_s,
            cutter=cutter,
        )
        had_any = False
        try:
            async for change in changes:
                had_any = True
                self._in_a_row = 0
                self._recovered()
                self._take(change)
        finally:
            self.tally.unreadable += cutter.left_out
            await changes.aclose()
        if not had_any and self._clock_s() - began_s < min(1.0, self._pace.silence_s):
            raise ApiError(f"the API server ends a watch of {self._resource.plural} at once")
        self._in_a_row = 0
        self._recovered()

    def _take(self, change: Change) -> None:
        one = change.object
        if change.kind == "DELETED":
            self.tally.changes += 1
            try:
                reference = reference_of(one)
            except (AttributeError, KeyError, TypeError):
                self.tally.unreadable += 1
            else:
                self._tell_deleted((reference.namespace, reference.name), one)
        elif change.kind != "BOOKMARK":
            self.tally.changes += 1
            self._tell_changed(one)
        try:
            self._version = version_of(one) or self._version
        except (AttributeError, KeyError, TypeError):
            self.tally.unreadable += 1

    def _tell_changed(self, one: Object) -> tuple[str, str] | None:
        """Tell of an object unless this version was told already; None when it is none."""
        try:
            reference, version = reference_of(one), version_of(one)
            key = (reference.namespace, reference.name)
            known = self._known.get(key)
        except (AttributeError, KeyError, TypeError):
            self.tally.unreadable += 1
            return None
        if known is not None and known.reference != reference:
            self._tell_deleted(key, None)  # another has its name now, and its end was missed
        elif known is not None and known.version == version:
            return key
        self._known[key] = _Kept(reference, version)
        _drop_managed(one)
        self._call(self._watcher.changed, one)
        return key

    def _tell_deleted(self, key: tuple[str, str], last: Object | None) -> None:
        known = self._known.pop(key, None)
        if known is None and last is None:
            return
        reference = known.reference if known is not None else reference_of(last or {})
        if last is not None:
            _drop_managed(last)
        self._call(self._watcher.deleted, reference, last)

    def _call(self, tell: Callable[..., object], *arguments: object) -> None:
        try:
            tell(*arguments)
        except Exception:  # noqa: BLE001  # counted; one object that users wrote must not end the watch
            self.tally.unreadable += 1
            _log.exception("an object of Kubernetes could not be read")

    def _note(self, error: ApiError) -> float:
        """Count and tell a failure, and return how long to wait; told once until it is over."""
        self.tally.failures += 1
        self._in_a_row += 1
        self._watcher.failed(error)
        if isinstance(error, ExpiredError):
            self._version = self._list_from = ""
            if self._in_a_row == 1:
                return 0.0
        elif self._trouble != (trouble := _kind(error)):
            self._trouble = trouble
            _log.warning("%s; what is known stays, and it is tried again", error)
        wait_s = pause_s(self._pace, self._in_a_row)
        if isinstance(error, RefusedError):
            wait_s = max(wait_s, min(error.retry_after_s, _MAX_ASKED_S))
        return wait_s

    def _recovered(self) -> None:
        if self._trouble:
            self._trouble = ""
            self._watcher.recovered()
            _log.info("the API server tells of %s again", self._resource.plural)


def pause_s(pace: Pace, failures: int) -> float:
    """How long to wait after this many failures in a row, not the same on all nodes."""
    longest = min(pace.most_s, pace.first_s * 2.0 ** min(failures - 1, 16))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  # no secret


def _kind(error: ApiError) -> str:
    """The same for failures that need not be told twice."""
    return f"{type(error).__name__} {getattr(error, 'status', '')}"


def _spread(seconds: int) -> int:
    return int(seconds * random.uniform(1.0, 2.0))  # noqa: S311  # no secret


def _drop_managed(one: Object) -> None:
    """Who set which field: often half of an object, and never of use here."""
    metadata: Mapping[str, object] = one["metadata"]
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
