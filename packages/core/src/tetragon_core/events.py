# SPDX-License-Identifier: Apache-2.0
"""What subscribers are told: one class per event type. Field names are those of the API.

Nobody changes an event once it is made; the classes are not frozen only because that triples what
making one costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .hooks import HookMessage
    from .process import Process

__all__ = ["Event", "HookHit", "ProcessExec", "ProcessExit"]


@dataclass(slots=True, kw_only=True)
class ProcessExec:
    """A process loaded a program, or was found in /proc at start."""

    process: Process
    parent: Process | None
    ancestors: tuple[Process, ...] = ()
    time_ns: int
    """Wall clock, nanoseconds since the Unix epoch."""


@dataclass(slots=True, kw_only=True)
class ProcessExit:
    """The last thread of a process ended."""

    process: Process
    parent: Process | None
    ancestors: tuple[Process, ...] = ()
    time_ns: int
    status: int
    """Exit code, 0 when killed by a signal."""
    signal: str
    """Signal name, empty when the process ended by itself or the number has no name."""


@dataclass(slots=True, kw_only=True)
class HookHit:
    """A policy's hook was hit; `hit.info.event` says which type of event this is."""

    process: Process
    parent: Process | None
    ancestors: tuple[Process, ...] = ()
    time_ns: int
    hit: HookMessage


Event = ProcessExec | ProcessExit | HookHit
