# SPDX-License-Identifier: Apache-2.0
"""Which processes of the /proc walk are reported, given what the stream already says about them.

The agent attaches the sensor, walks /proc, drains the records that came meanwhile, hands both to
`plan_startup` and only then feeds the records. Every image that runs when the agent is up is thus
reported exactly once. A process that the walk found is one of:

1. Born after the attachment: a fork record with its pid and start tick is queued. Left to the
   stream, which knows its parent and each exec, whether it still lives or not.
2. Older, with no exec queued: the walk alone knows its image. Reported. A queued exit follows.
3. Older, with execs queued, and the walk read neither the program nor the arguments of any of them:
   it read the image before the first of them. Reported, and the execs after it.
4. Older, with execs queued, and the walk shows the program or the arguments of one of them: it came
   too late (or half) for the image before, and the stream reports the one it read. Entered without
   an image and without an event, so that the exec finds what it replaced and whose child that was.

When a fork record was lost (and counted) its process falls under 2: the walk makes good the loss.
An exec record is queued later than /proc shows its image, so times could not tell 3 from 4.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from .messages import TICK_NS, ExecMessage, ForkMessage, ProcessKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .messages import Message
    from .scanned import ScannedProcess

__all__ = ["Verdict", "plan_startup"]

_DELETED: Final = " (deleted)"


class Verdict(Enum):
    """What to do with a process that the walk found."""

    REPORT = auto()
    ENTER_SILENTLY = auto()
    """A kernel thread: in the cache, no event."""
    ENTER_WITHOUT_IMAGE = auto()


def plan_startup(
    scanned: Iterable[ScannedProcess], queued: Sequence[Message]
) -> list[tuple[ScannedProcess, Verdict]]:
    """Return the processes to enter, parents before children."""
    born: set[ProcessKey] = set()
    execs: dict[ProcessKey, list[ExecMessage]] = {}
    for message in queued:
        if isinstance(message, ForkMessage):
            born.add(_start_key(message.process.tgid, message.process.ktime_ns))
        elif isinstance(message, ExecMessage):
            key = _start_key(message.process.tgid, message.fork_ktime_ns)
            execs.setdefault(key, []).append(message)
    old = {process.tgid: process for process in scanned if process.key not in born}
    return [
        (process, _verdict(process, execs.get(process.key, []))) for process in _parents_first(old)
    ]


def _start_key(tgid: int, fork_ktime_ns: int) -> ProcessKey:
    return ProcessKey(tgid, fork_ktime_ns - fork_ktime_ns % TICK_NS)


def _verdict(process: ScannedProcess, execs: Sequence[ExecMessage]) -> Verdict:
    if process.kernel_thread:
        return Verdict.ENTER_SILENTLY
    if any(_may_show(process, message) for message in execs):
        return Verdict.ENTER_WITHOUT_IMAGE
    return Verdict.REPORT


def _may_show(process: ScannedProcess, message: ExecMessage) -> bool:
    """Tell whether what the walk read may be, even in part, the image of `message`."""
    if process.executable is None or process.argv is None or process.argv == message.details.argv:
        return True
    executable = message.details.executable.decode(errors="surrogateescape")
    return process.executable.removesuffix(_DELETED) == executable.removesuffix(_DELETED)


def _parents_first(processes: dict[int, ScannedProcess]) -> Iterator[ScannedProcess]:
    """Order by descent. Start times do not suffice: parent and child may share a tick."""
    waiting = dict(processes)
    for tgid in processes:
        line = []
        while (process := waiting.pop(tgid, None)) is not None:
            line.append(process)
            tgid = process.ppid  # noqa: PLW2901  climbing
        yield from reversed(line)
