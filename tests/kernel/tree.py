# SPDX-License-Identifier: Apache-2.0
"""What one workload caused: the messages and events of a process and all that descend from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tetragon_core.events import ProcessExec, ProcessExit
from tetragon_core.messages import CgroupMessage, ExecMessage, ExitMessage, ForkMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.events import Event
    from tetragon_core.messages import Message, ProcessMessage

__all__ = ["Tree", "tgid_of"]


def tgid_of(message: Message) -> int:
    """Process that a message is about; 0 for one about a cgroup."""
    return 0 if isinstance(message, CgroupMessage) else message.process.tgid


@dataclass(slots=True)
class Tree:
    """Grows with each message fed; a pid leaves it with its exit, so that it may be used again."""

    root: int
    """Pid of the process that was started."""
    status: int = -1
    """What wait(2) said about the root; -1 until it was reaped."""
    messages: list[ProcessMessage] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _alive: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._alive.add(self.root)

    def feed(self, message: Message, events: Sequence[Event]) -> bool:
        """Keep the message, and what the observer made of it; False when it is not of this tree."""
        if isinstance(message, CgroupMessage):
            return False
        tgid = message.process.tgid
        if isinstance(message, ForkMessage) and message.parent.tgid in self._alive:
            self._alive.add(tgid)
        if tgid not in self._alive:
            return False
        self.messages.append(message)
        self.events.extend(events)
        if isinstance(message, ExitMessage):
            self._alive.discard(tgid)
        return True

    @property
    def is_over(self) -> bool:
        """Nothing of it runs any more."""
        return not self._alive

    @property
    def forks(self) -> list[ForkMessage]:
        """Every fork message, the root's first."""
        return [message for message in self.messages if isinstance(message, ForkMessage)]

    @property
    def execs(self) -> list[ExecMessage]:
        """Every exec message."""
        return [message for message in self.messages if isinstance(message, ExecMessage)]

    @property
    def exits(self) -> list[ExitMessage]:
        """Every exit message."""
        return [message for message in self.messages if isinstance(message, ExitMessage)]

    @property
    def exec_events(self) -> list[ProcessExec]:
        """Every exec event."""
        return [event for event in self.events if isinstance(event, ProcessExec)]

    @property
    def exit_events(self) -> list[ProcessExit]:
        """Every exit event."""
        return [event for event in self.events if isinstance(event, ProcessExit)]

    @property
    def only_exec(self) -> ExecMessage:
        """The exec message of a tree that has exactly one."""
        (message,) = self.execs
        return message
