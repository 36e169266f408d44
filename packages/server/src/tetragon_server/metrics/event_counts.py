# SPDX-License-Identifier: Apache-2.0
"""Counts every event by type, hook, system call, pod and binary, for the metrics about events.

Called for each event, so counting is one addition in a plain dictionary; labels are made when
somebody asks. However many binaries a host runs, there is an end to the series: what comes when
their number is reached is counted under `<other>`, and so is what nobody has run for an hour once
half of them are taken. So sums over binaries and pods never shrink.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core import syscalls
from tetragon_core.events import HookHit, ProcessExec, ProcessExit, Throttle
from tetragon_core.hooks import HookEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tetragon_core.events import Event
    from tetragon_core.hooks import HookInfo, HookMessage
    from tetragon_core.process import Process
    from tetragon_core.workloads.model import Pod

    Key = str | tuple[str, str, str, str]
    """What is counted apart: the binary on the host; namespace, workload, pod and binary in pods.

    A text is found fastest, and most events are of the host."""

__all__ = ["MAX_SERIES", "OTHER", "EventCounts", "Subject"]

MAX_SERIES: Final = 4096
"""Sets of labels counted apart; Prometheus gets about twice as many, as a hit is in two metrics."""
PROCESS_LABELS: Final = frozenset({"namespace", "workload", "pod", "binary"})
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
    """Counts of one subject by pod and binary."""

    __slots__ = ("counts", "marks", "subject", "wants_calls")

    def __init__(self, subject: Subject, *, wants_calls: bool = False) -> None:
        self.subject = subject
        self.wants_calls = wants_calls
        """Its hits tell which system call they are."""
        self.counts: dict[Key, int] = {}
        self.marks: dict[Key, tuple[int, float]] = {}
        """The count at the last look, and since when it is the same."""


class EventCounts:
    """A tap of the pump; gets events that have their workload."""

    def __init__(
        self, labels: Collection[str] = PROCESS_LABELS, *, max_series: int = MAX_SERIES
    ) -> None:
        """`labels`: those of a process that are told apart; others stay empty."""
        self.folded = 0
        """Events counted under `<other>` because there were too many series."""
        self._by_binary = "binary" in labels
        self._pod_labels = tuple(one in labels for one in ("namespace", "workload", "pod"))
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
        self._fast: dict[type, dict[Key, int]] = fast if self._by_binary else {}
        """Where the events are counted that come in crowds: two look-ups and it is done."""

    def __call__(self, event: Event) -> None:
        """Count one event."""
        counts = self._fast.get(type(event))
        if counts is None:
            self._count(event)
            return
        process = event.process  # type: ignore[union-attr]  # no throttle is among the fast
        image, workload = process.image, process.workload
        if workload is not None and workload.pod is not None:
            self._count(event)
            return
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
            self._add(tally, self._key(event.process))

    def _key(self, process: Process) -> Key:
        image = process.image if self._by_binary else None
        binary = "" if image is None else image.binary
        workload = process.workload
        if workload is None or workload.pod is None:
            return binary
        return self._key_in_pod(workload.pod, binary)

    def _key_in_pod(self, pod: Pod, binary: str) -> Key:
        namespace, workload, name = self._pod_labels
        key = (
            pod.namespace if namespace else "",
            pod.workload if workload else "",
            pod.name if name else "",
            binary,
        )
        return key if any(self._pod_labels) else binary

    @property
    def series(self) -> int:
        """How many sets of labels are counted apart."""
        return self._series

    def totals(
        self, group: Callable[[Subject], tuple[str, ...]]
    ) -> Iterator[tuple[tuple[str, ...], int]]:
        """For each group of subjects that is not all empty texts: labels and count.

        The labels are those of the group, then namespace, workload, pod and binary.

        As they are now; what is counted meanwhile does no harm.
        """
        totals: dict[tuple[str, ...], dict[Key, int]] = {}
        for subject, tally in self._tallies.items():
            if any(name := group(subject)):
                total = totals.setdefault(name, {})
                for key, count in tally.counts.items():
                    total[key] = total.get(key, 0) + count
        return (
            ((*name, *_labels(key)), count)
            for name, total in totals.items()
            for key, count in total.items()
        )

    def give_up_idle(self, now_s: float) -> None:
        """Fold what did not happen for an hour into `<other>`, if room gets scarce."""
        if len(self._hooks) > _KNOWN_HOOKS:
            self._hooks.clear()
        if self._series * 2 < self._max_series:
            return
        for tally in tuple(self._tallies.values()):
            for key, count in tuple(tally.counts.items()):
                before, since_s = tally.marks.get(key, (-1, now_s))
                if count != before:
                    tally.marks[key] = (count, now_s)
                elif now_s - since_s >= IDLE_S and key != OTHER:
                    self._fold(tally, key)

    def _fold(self, tally: _Tally, key: Key) -> None:
        count = tally.counts.pop(key)
        del tally.marks[key]
        self._series -= 1
        tally.counts[OTHER] = tally.counts.get(OTHER, 0) + count

    def _count_hit(self, event: HookHit) -> None:
        hit = event.hit
        found = self._hooks.get(id(hit.info))
        tally = self._tally_of(hit.info) if found is None else found[1]
        key = self._key(event.process)
        self._add(tally, key)
        if tally.wants_calls and (call := _syscall(hit)):
            self._add(self._tally(Subject("", syscall=call)), key)

    def _add(self, tally: _Tally, key: Key) -> None:
        counts = tally.counts
        if key not in counts:
            if self._series >= self._max_series:
                self.folded += 1
                key = OTHER
            if key not in counts:
                counts[key] = 0
                self._series += key != OTHER
        counts[key] += 1

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


def _labels(key: Key) -> tuple[str, str, str, str]:
    return ("", "", "", key) if isinstance(key, str) else key


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
