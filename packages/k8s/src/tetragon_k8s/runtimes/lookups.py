# SPDX-License-Identifier: Apache-2.0
"""Look-ups at one runtime: in batches, again when it is too early, and bounded when it is ill.

A look-up is never waited for in the event loop. One batch is under way at a time, so that a slow
runtime gets larger batches instead of more questions.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_core.workloads.table import Rank

from .runtime import NotServedError, RuntimeFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tetragon_core.workloads.cgroup_table import Cgroup
    from tetragon_core.workloads.table import WorkloadTable

    from .runtime import Found, Runtime

__all__ = ["Lookups"]

_log = logging.getLogger(__name__)

_FIRST_DELAY_S: Final = 0.01
_LONGEST_DELAY_S: Final = 0.5
_ILL_DELAYS_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Pauses while the runtime cannot be asked."""
_MAX_WANTED: Final = 8192
_BATCH: Final = 512
"""At once; what is asked one by one has to be done in the time of one call."""


@dataclass(slots=True, eq=False)
class _Wanted:
    cgroup: Cgroup
    asked_s: float
    next_s: float
    tries: int = 0
    is_waited_for: bool = True
    """Cleared once the table was told that nobody needs to wait for now."""


class Lookups:
    """One runtime's source of the table."""

    def __init__(
        self,
        runtime: Runtime,
        table: WorkloadTable,
        *,
        patience_s: float,
        call_s: float = 2.0,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`patience_s`: how long the runtime may take to know a container; `call_s`: how long to
        answer.
        """
        self._runtime = runtime
        self._table = table
        self._patience_s = min(patience_s, runtime.patience_s)
        self._ill_patience_s = patience_s
        self._call_s = call_s
        self._clock_s = clock_s
        self._wanted: dict[int, _Wanted] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ill_since_s = 0.0
        self._failures = 0
        self.asked = 0
        """Cgroups it was asked about."""
        self.unanswered = 0
        """Those that it did not tell of in time."""
        self.refused = 0
        """Those it was not asked about, as too many waited."""

    def start(self) -> None:
        """Begin to be asked; in the event loop."""
        self._runtime.start()
        self._table.sources.append(self.ask)
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End; what is not looked up yet stays unknown."""
        if self._task is not None:
            self._table.sources.remove(self.ask)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._runtime.close()

    def ask(self, cgroup: Cgroup) -> bool:
        """Answer the table's question about a new cgroup, and look it up if the answer is yes."""
        if cgroup.outer is not None or not self._runtime.claims(cgroup):
            return False  # inside of a container anybody can give names
        before = self._wanted.get(cgroup.id)
        if before is not None and before.cgroup is cgroup:
            return False  # it is waited for already
        if before is None and len(self._wanted) >= _MAX_WANTED:
            self._refuse()
            return False
        self.asked += 1
        now = self._clock_s()
        wanted = self._wanted[cgroup.id] = _Wanted(cgroup, now, now)
        self._wake.set()
        if self._failures and now - self._ill_since_s > self._ill_patience_s:
            asyncio.get_running_loop().call_soon(self._mark, wanted)
        return True

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            now = self._clock_s()
            due = [one for one in self._wanted.values() if one.next_s <= now]
            if due:
                await self._look_up(due[:_BATCH])
                continue
            soonest = min((one.next_s for one in self._wanted.values()), default=None)
            pause = None if soonest is None else max(soonest - now, 0.001)
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look_up(self, due: Sequence[_Wanted]) -> None:
        try:
            async with asyncio.timeout(self._call_s):
                found = await self._runtime.find([one.cgroup for one in due])
        except NotServedError as error:
            self._give_up_all(error)
        except TimeoutError:
            await self._on_failure(RuntimeFailedError(f"no answer within {self._call_s:g} s"))
        except RuntimeFailedError as error:
            await self._on_failure(error)
        except Exception as error:  # noqa: BLE001  # whatever it answers, it is asked again
            _log.debug("%s: its answer", self._runtime.name, exc_info=error)
            await self._on_failure(RuntimeFailedError(f"its answer is wrong ({error!r:.200})"))
        else:
            self._on_answer(due, found)

    def _on_answer(self, due: Iterable[_Wanted], found: Mapping[int, Found | None]) -> None:
        if self._failures:
            _log.info("%s answers again", self._runtime.name)
        self._failures = 0
        for one in due:
            if self._wanted.get(one.cgroup.id) is not one:
                continue  # the cgroup was renamed meanwhile, and is asked about anew
            if one.cgroup.id not in found:
                self._postpone(one)
                continue
            self._forget(one)
            answer = found[one.cgroup.id]
            if not one.is_waited_for and not self._exists(one):
                continue  # nobody asks for it any more
            if answer is None:
                self._let_go(one)
                continue
            self._table.learn(
                answer.container, Rank.RUNTIME, cgroup_id=one.cgroup.id, pod=answer.pod
            )

    def _postpone(self, one: _Wanted) -> None:
        """Not known (yet): ask again soon, or never."""
        now = self._clock_s()
        one.next_s = now + min(_FIRST_DELAY_S * 2**one.tries, _LONGEST_DELAY_S)
        one.tries += 1
        is_over = one.next_s > one.asked_s + self._patience_s
        if is_over or not one.is_waited_for or (one.tries > 1 and not self._exists(one)):
            self._forget(one)
            self._release(one)

    def _exists(self, one: _Wanted) -> bool:
        return self._table.cgroups.by_path(one.cgroup.path) is one.cgroup or not one.cgroup.path

    def _forget(self, one: _Wanted) -> None:
        if self._wanted.get(one.cgroup.id) is one:
            del self._wanted[one.cgroup.id]

    def _release(self, one: _Wanted) -> None:
        """Give it up: it is not known there."""
        self.unanswered += one.is_waited_for
        self._let_go(one)

    def _mark(self, one: _Wanted) -> None:
        """Let events go on that wait for it, marked until more is known."""
        if one.is_waited_for:
            one.is_waited_for = False
            self.unanswered += 1
            self._table.give_up(one.cgroup.id, for_now=True)

    def _let_go(self, one: _Wanted) -> None:
        """Let events go on that wait for it, as they are."""
        # One that has no id in its name was no container for the table when it was marked.
        if one.is_waited_for or one.cgroup.container_id:
            one.is_waited_for = False
            self._table.give_up(one.cgroup.id)

    async def _on_failure(self, error: RuntimeFailedError) -> None:
        """The runtime cannot be asked: containers stay wanted, but are not waited for long."""
        now = self._clock_s()
        if not self._failures:
            self._ill_since_s = now
            _log.warning(
                "%s cannot be asked: %s; its containers have no names until it answers",
                self._runtime.name,
                error,
            )
        pause = _ILL_DELAYS_S[min(self._failures, len(_ILL_DELAYS_S) - 1)]
        self._failures += 1
        for one in list(self._wanted.values()):
            one.next_s = now + pause
            if not self._exists(one):
                self._forget(one)
            if not self._exists(one) or one.next_s > one.asked_s + self._ill_patience_s:
                self._mark(one)
        await asyncio.sleep(pause)

    def _give_up_all(self, error: NotServedError) -> None:
        _log.info("%s is not asked: %s", self._runtime.name, error)
        for one in list(self._wanted.values()):
            self._forget(one)
            self._release(one)

    def _refuse(self) -> None:
        self.refused += 1
        if self.refused == 1:
            _log.warning(
                "%s: %d look-ups wait already; further containers have no names",
                self._runtime.name,
                _MAX_WANTED,
            )
