# SPDX-License-Identifier: Apache-2.0
"""From kernel messages to events: who is whose child, what runs where, what ended how.

A plain object: no threads, no I/O, no lookups that wait. Losses before it (a full ring) show as
processes it does not know; it reports what is known and counts the rest.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .cgroup_messages import CgroupFlag
from .environment import Environment
from .events import ProcessExec, ProcessExit
from .flags import forked_flags, scanned_flags
from .hook_hits import hook_hit
from .hooks import HookMessage
from .ids import KERNEL_KEY
from .images import exec_image, kernel_image, scanned_image, stream_flags
from .messages import (
    TICK_NS,
    CgroupMessage,
    ExecFlag,
    ExecMessage,
    ForkMessage,
    ThrottleMessage,
)
from .process import Process
from .signals import exit_status
from .startup import Verdict, plan_startup
from .stats import Counter
from .throttling import Throttling
from .workloads.cgroup_table import CgroupTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .cache import ProcessCache
    from .clock import Clock
    from .events import Event
    from .messages import ExitMessage, Message
    from .process import Image
    from .redaction import Redaction
    from .scanned import ScannedProcess
    from .stats import Stats

__all__ = ["Observer"]

_FIRST = int(ExecFlag.FIRST)  # arithmetic with the enum itself costs a microsecond
_THROTTLED = int(ExecFlag.THROTTLED)
_ENVIRON = int(ExecFlag.ENVIRON)
_CGROUP_GONE = int(CgroupFlag.GONE)
_CGROUP_RENAMED = int(CgroupFlag.RENAMED)
_CGROUP_NAME = int(CgroupFlag.NAME)
_NOBODY = (0, 0)
_EVENTS = Counter.EVENTS


class Observer:
    """Feeds the cache with messages and turns them into events."""

    def __init__(
        self,
        cache: ProcessCache,
        clock: Clock,
        stats: Stats,
        *,
        node_name: str,
        redaction: Redaction | None = None,
        environment_names: frozenset[str] | None = None,
        cgroups: CgroupTable | None = None,
    ) -> None:
        """`environment_names`: the only variables that are shown; None: all there are."""
        self.cache = cache
        self.cgroups = CgroupTable() if cgroups is None else cgroups
        self.throttling = Throttling(clock, stats)
        self._redaction = redaction
        self._environment_names = environment_names
        self._clock = clock
        self._stats = stats
        self._node = node_name
        self.kernel = Process(node_name, KERNEL_KEY, KERNEL_KEY)
        self.kernel.start_time_ns = clock.to_wall_ns(KERNEL_KEY.ktime_ns)
        self.kernel.flags = "procFS"
        self.kernel.image = kernel_image()
        self.kernel.in_init_tree = False

    def redact_with(self, redaction: Redaction | None) -> None:
        """Use it for every image from now on; those that are known stay as they are."""
        self._redaction = redaction

    def feed(self, message: Message) -> Sequence[Event]:
        """Take one message, in the order of the ring; return the events it makes."""
        event: Event | None
        if isinstance(message, ExecMessage):
            event = self._on_exec(message)
        elif isinstance(message, ForkMessage):
            self._on_fork(message)
            return ()
        elif isinstance(message, HookMessage):
            process = self._resolve(message.process.tgid, message.process.ktime_ns)
            event = hook_hit(message, process, self._clock, self._stats)
        elif isinstance(message, ThrottleMessage):
            event = self.throttling.begin(message)
        elif isinstance(message, CgroupMessage):
            self._on_cgroup(message)
            return ()
        else:
            event = self._on_exit(message)
        if event is None:
            return ()
        self._stats.add(_EVENTS)
        return (event,)

    def add_scanned(
        self, scanned: Iterable[ScannedProcess], queued: Sequence[Message] = ()
    ) -> Sequence[ProcessExec]:
        """Enter what the /proc walk found; return `<kernel>` and then parents before children.

        `queued`: every record drained after the walk had ended, not fed yet; the caller feeds them
        next. startup.py says why nothing is then missed or reported twice.
        """
        events = [
            ProcessExec(process=self.kernel, parent=self.kernel, time_ns=self.kernel.start_time_ns)
        ]
        for process, verdict in plan_startup(scanned, queued):
            entry = self._enter_scanned(process, verdict)
            if verdict is Verdict.REPORT:
                event = ProcessExec(entry, entry.parent, entry.start_time_ns)
                if process.environ is not None and entry.image is not None:
                    environment = self._environment(process.environ, entry.image)
                    event = event._replace(environment=environment)
                events.append(event)
        self._stats.add(_EVENTS, len(events))
        return events

    def _on_exec(self, message: ExecMessage) -> ProcessExec | None:
        tgid, ktime_ns = message.process_tgid, message.process_ktime_ns
        parent_key = (message.parent_tgid, message.parent_ktime_ns)
        previous = self._resolve(message.previous_tgid, message.previous_ktime_ns)
        parent = previous
        if previous is None or message.flags & _FIRST:
            parent = self._resolve(message.parent_tgid, message.parent_ktime_ns)
        in_init_tree = message.nspid == 1 or _is_marked(parent) or _is_marked(previous)
        replaced = self.cache.live(tgid)
        if replaced is not None:
            self.cache.retire(replaced, ktime_ns)
        process = self._begin((tgid, ktime_ns), parent, parent_key)
        process.nspid = message.nspid
        process.fork_ktime_ns = message.fork_ktime_ns
        if message.fork_ktime_ns:
            process.fork_time_ns = self._clock.to_wall_ns(message.fork_ktime_ns)
        process.flags = stream_flags(
            message, parent_missing=parent is None, in_init_tree=in_init_tree
        )
        process.image = exec_image(message, self._redaction)
        process.in_init_tree = in_init_tree
        self.cache.add(process)
        environment = None
        if message.flags & _ENVIRON:
            environment = self._environment(message.environ, process.image)
            message.environ = b""  # the image has the message, and outlives the event
        if message.flags & _THROTTLED:
            self._stats.add(Counter.EXECS_THROTTLED)
            return None
        return ProcessExec(process, parent, process.start_time_ns, (), environment)

    def _on_cgroup(self, message: CgroupMessage) -> None:
        flags, path = message.flags, os.fsdecode(message.path)
        if flags & _CGROUP_GONE:
            self.cgroups.remove(message.cgroup_id)
        elif flags & _CGROUP_NAME:
            self.cgroups.add_inside(message.cgroup_id, message.parent_id, path)
        elif flags & _CGROUP_RENAMED:
            self.cgroups.rename(message.cgroup_id, path)
        else:
            self.cgroups.add(message.cgroup_id, path)

    def _environment(self, memory: bytes, image: Image) -> Environment:
        return Environment(memory, image, self._environment_names, self._redaction)

    def _on_fork(self, message: ForkMessage) -> None:
        tgid, ktime_ns = message.process_tgid, message.process_ktime_ns
        reused = self.cache.live(tgid)
        if reused is not None:  # its exit record was lost
            self._end(reused, ktime_ns)
        parent = self._resolve(message.parent_tgid, message.parent_ktime_ns)
        parent_key = (message.parent_tgid, message.parent_ktime_ns)
        process = self._begin((tgid, ktime_ns), parent, parent_key)
        process.nspid = message.nspid
        process.fork_time_ns = process.start_time_ns
        process.fork_ktime_ns = ktime_ns
        process.in_init_tree = message.nspid == 1 or _is_marked(parent)
        process.flags = forked_flags(in_init_tree=process.in_init_tree)
        process.image = parent.image if parent is not None else None
        process.forked = True
        self.cache.add(process)

    def _on_exit(self, message: ExitMessage) -> ProcessExit | None:
        process = self._resolve(message.process_tgid, message.process_ktime_ns)
        if message.kernel_thread:
            if process is not None:
                self._end(process, message.ktime_ns)
            return None
        if process is None:
            process = self._unknown(message)
        elif process.exited:
            self._stats.add(Counter.EXITS_DUPLICATE)
            return None
        else:
            self._end(process, message.ktime_ns)
        status, signal = exit_status(message.code)
        time_ns = self._clock.to_wall_ns(message.ktime_ns)
        return ProcessExit(process, process.parent, time_ns, status, signal)

    def _resolve(self, tgid: int, ktime_ns: int) -> Process | None:
        """Find the image that has this key.

        A key made from the start time in ticks comes from a kernel that does not have the process
        in its table (older than the sensor, or table full). Records come in order, so such a key
        always means the image that runs, even if the process called exec since; hence live ones
        first. Or the last one that ran: of two last threads that leave together, the second finds
        the table's entry gone and reports the process again, by its start tick.
        """
        if not tgid:
            return self.kernel
        live = self.cache.live(tgid)
        if live is not None and (ktime_ns == live.ktime_ns or ktime_ns == _start_tick(live)):
            return live
        known = self.cache.get((tgid, ktime_ns))
        if known is None:
            ended = self.cache.ended(tgid)
            if ended is not None and ktime_ns == _start_tick(ended):
                return ended
        return known

    def _begin(
        self, key: tuple[int, int], parent: Process | None, parent_key: tuple[int, int]
    ) -> Process:
        """A process with its names, its parent and its start."""
        process = Process(self._node, key, parent_key if parent is None else parent.key)
        process.parent = parent
        process.start_time_ns = self._clock.to_wall_ns(process.ktime_ns)
        return process

    def _end(self, process: Process, ktime_ns: int) -> None:
        process.exited = True
        self.cache.retire(process, ktime_ns)

    def _unknown(self, message: ExitMessage) -> Process:
        self._stats.add(Counter.PROCESS_UNKNOWN)
        tgid, ktime_ns = message.process_tgid, message.process_ktime_ns
        # An image younger than the one we know: its exec record was lost. The pid is free now
        # anyway.
        stale = self.cache.live(tgid)
        if stale is not None and stale.ktime_ns < ktime_ns:
            self._end(stale, message.ktime_ns)
        unknown = Process(None, (tgid, ktime_ns), _NOBODY)
        unknown.start_time_ns = self._clock.to_wall_ns(ktime_ns)
        return unknown

    def _enter_scanned(self, scanned: ScannedProcess, verdict: Verdict) -> Process:
        parent = self.cache.live(scanned.ppid) if scanned.ppid else self.kernel
        has_image = verdict is not Verdict.ENTER_WITHOUT_IMAGE
        entry = self._begin(scanned.key, parent, (scanned.ppid, 0))
        entry.nspid = scanned.nspid
        entry.fork_time_ns = entry.start_time_ns
        entry.fork_ktime_ns = scanned.start_ktime_ns
        entry.in_init_tree = scanned.nspid == 1 or _is_marked(parent)
        entry.flags = scanned_flags(
            cwd="" if scanned.kernel_thread or not has_image else scanned.cwd,
            parent_missing=parent is None,
            in_init_tree=entry.in_init_tree,
            flags=scanned.flags,
        )
        entry.image = scanned_image(scanned, self._redaction) if has_image else None
        self.cache.add(entry)
        return entry


def _start_tick(process: Process) -> int:
    return process.fork_ktime_ns - process.fork_ktime_ns % TICK_NS


def _is_marked(process: Process | None) -> bool:
    return process is not None and process.in_init_tree is True
