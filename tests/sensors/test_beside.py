# SPDX-License-Identifier: Apache-2.0
"""Messages of two sources in one order, and whose the mappings are that perf tells of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from tetragon_core.hooks import HookEvent, HookInfo, HookMessage
from tetragon_core.messages import CgroupMessage, ExitMessage, ForkMessage, ProcessKey
from tetragon_sensors.beside import merged
from tetragon_sensors.kernel.mappings import Mapping
from tetragon_sensors.policy.loads import LoaderPlan, LoadSource

if TYPE_CHECKING:
    from tetragon_core.messages import Message
    from tetragon_sensors.kernel.mappings import MappingBuffers

_INFO = HookInfo(event=HookEvent.LOADER, policy_name="loads")
_HOOK = 5


class _Buffers:
    """Gives what it is told to, once."""

    fds = (4,)
    lost = 0

    def __init__(self) -> None:
        self.content: list[Mapping] = []

    def read(self) -> list[Mapping]:
        """Take what is there."""
        content, self.content = self.content, []
        return content

    def close(self) -> None:
        """Nothing to do."""


class _Side:
    """A source with its buffers."""

    def __init__(self, known: dict[int, int] | None = None) -> None:
        self.buffers = _Buffers()
        self.posted: Counter[int] = Counter()
        plan = LoaderPlan(_HOOK, _INFO, "mmap", "perf")
        self.source = LoadSource(plan, cast("MappingBuffers", self.buffers), self.posted)
        if known is not None:
            self.source.know(known)

    def drain(self, ring: list[Message], horizon: int, *mappings: Mapping) -> list[object]:
        """What goes out, as (tgid, ktime of the key, time)."""
        self.buffers.content += mappings
        self.source.read()
        return [_shown(one) for one in merged(ring, [self.source], horizon)]


def _shown(message: Message) -> tuple[str, int, int]:
    if isinstance(message, CgroupMessage):
        return "Cgroup", message.cgroup_id, message.ktime_ns
    key = message.process
    return type(message).__name__.removesuffix("Message"), key.tgid, key.ktime_ns


def _mapping(tgid: int, time: int) -> Mapping:
    return Mapping(tgid, tgid, time, 0, 0, 0, f"/lib/{time}", b"\1")


def _fork(tgid: int, time: int) -> ForkMessage:
    return ForkMessage(ProcessKey(tgid, time), ProcessKey(1, 1), 0)


def _exit(tgid: int, started: int, time: int) -> ExitMessage:
    return ExitMessage(ProcessKey(tgid, started), time, 0)


def test_between() -> None:
    """A mapping comes between what happened before and after it, under the key of that time."""
    side = _Side({})
    ring: list[Message] = [_fork(7, 10), _exit(7, 10, 20), _fork(7, 30)]

    found = side.drain(ring, 50, _mapping(7, 35), _mapping(7, 15))

    assert [
        ("Fork", 7, 10),
        ("Hook", 7, 10),
        ("Exit", 7, 10),
        ("Fork", 7, 30),
        ("Hook", 7, 30),
    ] == (found)
    assert {_HOOK: 2} == side.posted


def test_between_cgroups() -> None:
    """A mapping comes between a cgroup's start and end, and is of whoever ran before."""
    side = _Side({})
    made, gone = CgroupMessage(20, 4, 1, b"/a"), CgroupMessage(30, 4, 1)

    found = side.drain([_fork(7, 10), made, gone], 50, _mapping(7, 25))

    assert [("Fork", 7, 10), ("Cgroup", 4, 20), ("Hook", 7, 10), ("Cgroup", 4, 30)] == found


def test_held_back() -> None:
    """What is later than the horizon waits, as the ring may have something earlier yet."""
    side = _Side({})

    assert [] == side.drain([], 40, _mapping(7, 41), _mapping(8, 45))
    assert [("Fork", 7, 39), ("Hook", 7, 39), ("Exit", 7, 39)] == side.drain(
        [_fork(7, 39), _exit(7, 39, 43)], 44
    )
    assert [("Hook", 8, 0)] == side.drain([], 45)


def test_who_was_there_before() -> None:
    """Nothing comes until it is known who runs; what was seen meanwhile is newer."""
    side = _Side()
    quiet = side.drain([_fork(8, 20)], 50, _mapping(7, 15), _mapping(8, 25))
    side.source.know({7: 3, 8: 4})

    assert [("Fork", 8, 20)] == quiet
    assert [("Hook", 7, 3), ("Hook", 8, 20)] == side.drain([], 50)


def test_arguments() -> None:
    """A hit has the path and the build id, and the thread that maps."""
    side = _Side({7: 3})
    side.buffers.content = [Mapping(7, 9, 15, 0, 0, 0, "/lib/x", b"\1\2")]
    side.source.read()

    (hit,) = side.source.until(15)

    assert isinstance(hit, HookMessage)
    assert [("string_arg", "/lib/x"), ("bytes_arg", b"\1\2")] == [one[:2] for one in hit.arguments]
    assert (9, 15, _INFO) == (hit.tid, hit.ktime_ns, hit.info)
