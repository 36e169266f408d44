# SPDX-License-Identifier: Apache-2.0
"""Counts every event by type, hook, system call and binary, for the metrics about events.

Called for each event, so counting is one addition in a plain dictionary; labels are made when
somebody asks. However many binaries a host runs, there is an end to the series: what comes when
their number is reached is counted under `<other>`, and so is what nobody has run for an hour once
half of them are taken. So sums over binaries never shrink. Pods are not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core import syscalls
from tetragon_core.events import HookHit, ProcessExec, ProcessExit, Throttle
from tetragon_core.hooks import HookEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tetragon_core.events import Event
    from tetragon_core.hooks import HookInfo, HookMessage
    from tetragon_core.process import Process

__all__ = ["MAX_SERIES", "OTHER", "EventCounts", "Subject"]

MAX_SERIES: Final = 4096
"""Sets of labels counted apart; Prometheus gets about twice as many, as a hit is in two metrics."""
OTHER: Final = "<other>"
"""Stands for binaries that are not counted apart. No path begins so."""
IDLE_S: Final = 3600
_KNOWN_HOOKS: Final = 1024
_RAW_CALLS: Final = ("raw_syscalls", "sys_enter")
_CALL_ARGUMENT: Final = "syscall_id"


class Subject(NamedTuple):
    """What events are counted for, but the process."""

    event_type: str
    """Name of enum EventType; empty for system calls, whose events are counted already."""
    policy: str = ""
    hook: str = ""
    """As Tetragon's metric has it: `kprobe:tcp_connect`."""
    syscall: str = ""


class _Tally:
    """Counts of one subject by binary."""

    __slots__ = ("counts", "marks", "subject", "wants_calls")

    def __init__(self, subject: Subject, *, wants_calls: bool = False) -> None:
        self.subject = subject
        self.wants_calls = wants_calls
        """Its hits tell which system call they are."""
        self.counts: dict[str, int] = {}
        self.marks: dict[str, tuple[int, float]] = {}
        """The count at the last look, and since when it is the same."""


class EventCounts:
    """A tap of the pump; `by_binary` off: all binaries are one."""

    def __init__(self, *, by_binary: bool = True, max_series: int = MAX_SERIES) -> None:
        self.folded = 0
        """Events counted under `<other>` because there were too many series."""
        self._by_binary = by_binary
        self._max_series = max_series
        self._series = 0
        self._tallies: dict[Subject, _Tally] = {}
        self._hooks: dict[int, tuple[HookInfo, _Tally]] = {}
        """By id(), which is of this object while it is kept here; to hash its texts costs more
        than all the rest."""
        self._execs = self._tally(Subject("PROCESS_EXEC"))
        self._exits = self._tally(Subject("PROCESS_EXIT"))
        self._throttles = self._tally(Subject("PROCESS_THROTTLE"))
        fast = {ProcessExec: self._execs.counts, ProcessExit: self._exits.counts}
        self._fast: dict[type, dict[str, int]] = fast if by_binary else {}
        """Where the events are counted that come in crowds: two look-ups and it is done."""

    def __call__(self, event: Event) -> None:
        """Count one event."""
        counts = self._fast.get(type(event))
        if counts is None:
            self._count(event)
            return
        image = event.process.image  # type: ignore[union-attr]  # no throttle is among the fast
        binary = "" if image is None else image.binary
        if binary in counts:
            counts[binary] += 1
        else:
            self._count(event)

    def _count(self, event: Event) -> None:
        """Any event."""
        if isinstance(event, HookHit):
            self._count_hit(event)
        elif isinstance(event, Throttle):
            self._add(self._throttles, "")
        else:
            tally = self._execs if isinstance(event, ProcessExec) else self._exits
            self._add(tally, self._binary(event.process))

    def _binary(self, process: Process) -> str:
        image = process.image if self._by_binary else None
        return "" if image is None else image.binary

    @property
    def series(self) -> int:
        """How many sets of labels are counted apart."""
        return self._series

    def totals(
        self, group: Callable[[Subject], tuple[str, ...]]
    ) -> Iterator[tuple[tuple[str, ...], str, int]]:
        """For each group of subjects that is not all empty texts: its name, binary and count.

        As they are now; what is counted meanwhile does no harm.
        """
        totals: dict[tuple[str, ...], dict[str, int]] = {}
        for subject, tally in self._tallies.items():
            if any(name := group(subject)):
                total = totals.setdefault(name, {})
                for binary, count in tally.counts.items():
                    total[binary] = total.get(binary, 0) + count
        return (
            (name, binary, count)
            for name, total in totals.items()
            for binary, count in total.items()
        )

    def give_up_idle(self, now_s: float) -> None:
        """Fold what did not happen for an hour into `<other>`, if room gets scarce."""
        if len(self._hooks) > _KNOWN_HOOKS:
            self._hooks.clear()
        if self._series * 2 < self._max_series:
            return
        for tally in tuple(self._tallies.values()):
            for binary, count in tuple(tally.counts.items()):
                before, since_s = tally.marks.get(binary, (-1, now_s))
                if count != before:
                    tally.marks[binary] = (count, now_s)
                elif now_s - since_s >= IDLE_S and binary != OTHER:
                    self._fold(tally, binary)

    def _fold(self, tally: _Tally, binary: str) -> None:
        count = tally.counts.pop(binary)
        del tally.marks[binary]
        self._series -= 1
        tally.counts[OTHER] = tally.counts.get(OTHER, 0) + count

    def _count_hit(self, event: HookHit) -> None:
        hit = event.hit
        found = self._hooks.get(id(hit.info))
        tally = self._tally_of(hit.info) if found is None else found[1]
        binary = self._binary(event.process)
        self._add(tally, binary)
        if tally.wants_calls and (call := _syscall(hit)):
            self._add(self._tally(Subject("", syscall=call)), binary)

    def _add(self, tally: _Tally, binary: str) -> None:
        counts = tally.counts
        if binary not in counts:
            if self._series >= self._max_series:
                self.folded += 1
                binary = OTHER
            if binary not in counts:
                counts[binary] = 0
                self._series += binary != OTHER
        counts[binary] += 1

    def _tally_of(self, info: HookInfo) -> _Tally:
        name = info.event.value.upper()
        is_of_policy = info.event is not HookEvent.LOADER
        policy, hook = (info.policy_name, _hook_text(info)) if is_of_policy else ("", "")
        wants_calls = (info.subsystem, info.tracepoint) == _RAW_CALLS
        tally = self._tally(Subject(name, policy, hook), wants_calls=wants_calls)
        self._hooks[id(info)] = (info, tally)
        return tally

    def _tally(self, subject: Subject, *, wants_calls: bool = False) -> _Tally:
        """That of `subject`; of too many, one that stands for all others of its type."""
        found = self._tallies.get(subject)
        if found is None and len(self._tallies) >= self._max_series:
            event_type, *others = subject
            subject = Subject(event_type, *(one and OTHER for one in others))
            found = self._tallies.get(subject)
        if found is None:
            found = self._tallies[subject] = _Tally(subject, wants_calls=wants_calls)
        return found


def _hook_text(info: HookInfo) -> str:
    match info.event:
        case HookEvent.TRACEPOINT:
            return f"tracepoint:{info.subsystem}/{info.tracepoint}"
        case HookEvent.LSM:
            return f"lsm:{info.function_name}"
        case HookEvent.UPROBE:
            return f"uprobe:{info.path}/{info.symbol}"
        case HookEvent.USDT:
            return f"usdt:{info.provider}/{info.probe}"
        case _:
            return f"kprobe:{info.function_name}"


def _syscall(hit: HookMessage) -> str:
    """The call's name; empty if the policy does not ask for it, or nobody knows its number."""
    for argument in hit.arguments:
        if argument.field == _CALL_ARGUMENT and isinstance(argument.value, dict):
            number, abi = argument.value["id"], argument.value["abi"]
            return syscalls.names(abi).get(number, "")
    return ""
