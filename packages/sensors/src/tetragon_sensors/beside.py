# SPDX-License-Identifier: Apache-2.0
"""Messages of sources beside the ring, put between the ring's own in order of time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from tetragon_core.hooks import HookMessage
from tetragon_core.messages import CgroupMessage, ExitMessage, ThrottleMessage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tetragon_core.messages import Message

__all__ = ["Beside", "boot_ns", "merged"]


class Beside(Protocol):
    """A source of messages that the kernel hands over elsewhere than in the ring."""

    @property
    def fds(self) -> Sequence[int]:
        """Descriptors that become readable when there is something new."""

    def read(self) -> None:
        """Take in what is there."""

    def until(self, ktime_ns: int) -> Iterable[Message]:
        """What was taken in and happened up to that time, in order; each message once."""

    def see(self, message: Message) -> None:
        """This one of the ring goes out now; what `until` gives later happened after it."""


def boot_ns() -> int:
    """Now, on the boot clock."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def merged(ring: Sequence[Message], sources: Iterable[Beside], horizon_ns: int) -> list[Message]:
    """The ring's messages, and those of the sources up to the horizon.

    The ring has to be read before its sources: then whatever led to a message of theirs that is not
    later than the horizon, the time when the reading of the ring began, is among the ring's.
    """
    found: list[Message] = []
    for message in ring:
        for source in sources:
            found += source.until(_time(message))
            source.see(message)
        found.append(message)
    for source in sources:
        found += source.until(horizon_ns)
    return found


def _time(message: Message) -> int:
    """When it happened: a fork and an exec name their process by that."""
    if isinstance(message, (ExitMessage, HookMessage, ThrottleMessage, CgroupMessage)):
        return message.ktime_ns
    return message.process_ktime_ns
