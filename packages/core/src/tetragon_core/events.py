# SPDX-License-Identifier: Apache-2.0
"""What subscribers are told: one class per event type. Field names are those of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .environment import Environment
    from .hooks import HookMessage
    from .process import Process

__all__ = ["Event", "HookHit", "ProcessEvent", "ProcessExec", "ProcessExit", "Throttle"]


class ProcessExec(NamedTuple):
    """A process loaded a program, or was found in /proc at start."""

    process: Process
    parent: Process | None
    time_ns: int
    """Wall clock, nanoseconds since the Unix epoch."""
    ancestors: tuple[Process, ...] = ()
    environment: Environment | None = None
    """None: not wanted."""


class ProcessExit(NamedTuple):
    """The last thread of a process ended."""

    process: Process
    parent: Process | None
    time_ns: int
    status: int
    """Exit code, 0 when killed by a signal."""
    signal: str
    """Signal name, empty when the process ended by itself or the number has no name."""
    ancestors: tuple[Process, ...] = ()


class HookHit(NamedTuple):
    """A policy's hook was hit; `hit.info.event` says which type of event this is."""

    process: Process
    parent: Process | None
    time_ns: int
    hit: HookMessage
    ancestors: tuple[Process, ...] = ()
    refcnt: int = 1
    """Of the process at that moment; it changes, and an event does not."""


class Throttle(NamedTuple):
    """A cgroup exceeds cgroup-rate, from now on or no longer: then its execs make no events."""

    cgroup: str
    """Last component of its path."""
    time_ns: int
    is_start: bool


ProcessEvent = ProcessExec | ProcessExit | HookHit
Event = ProcessEvent | Throttle
