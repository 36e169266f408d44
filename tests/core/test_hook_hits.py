# SPDX-License-Identifier: Apache-2.0
"""Hits of hooks: which process they are shown with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builders import make_exec, make_exit, make_fork
from tetragon_core.cache import ProcessCache
from tetragon_core.clock import ManualClock
from tetragon_core.events import HookHit
from tetragon_core.hooks import HookEvent, HookInfo, HookMessage
from tetragon_core.messages import ProcessKey
from tetragon_core.observer import Observer
from tetragon_core.stats import Counter, Stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.events import Event

EPOCH = 1_700_000_000_000_000_000
SHELL = (100, 1_000)
CHILD = (200, 5_000)
CHILD_EXEC = (200, 6_000)
INFO = HookInfo(event=HookEvent.KPROBE, policy_name="p", function_name="f")


def make_observer() -> tuple[Observer, Stats]:
    stats = Stats()
    return Observer(ProcessCache(stats), ManualClock(offset_ns=EPOCH), stats, node_name="n"), stats


def make_hit(process: tuple[int, int], ktime_ns: int = 9_000) -> HookMessage:
    return HookMessage(
        process=ProcessKey(*process), tid=process[0] + 1, ktime_ns=ktime_ns, info=INFO, action=1
    )


def only_hit(events: Sequence[Event]) -> HookHit:
    (event,) = events
    assert isinstance(event, HookHit)
    return event


def test_a_hit_of_a_known_process() -> None:
    """It has the image of its key, that one's parent, its own time and the message itself."""
    observer, stats = make_observer()
    observer.feed(make_exec(SHELL))
    observer.feed(make_fork(CHILD, SHELL))
    observer.feed(make_exec(CHILD_EXEC, previous=CHILD, parent=SHELL))
    message = make_hit(CHILD_EXEC)

    hit = only_hit(observer.feed(message))

    assert CHILD_EXEC == hit.process.key
    assert hit.parent is hit.process.parent
    assert hit.parent is not None
    assert SHELL == hit.parent.key
    assert EPOCH + 9_000 == hit.time_ns
    assert message is hit.hit
    assert 3 == stats.snapshot()[Counter.EVENTS]


def test_a_hit_of_a_forked_child() -> None:
    """A process that has not called exec is shown as itself, with its parent's image."""
    observer, _ = make_observer()
    observer.feed(make_exec(SHELL))
    observer.feed(make_fork(CHILD, SHELL))

    hit = only_hit(observer.feed(make_hit(CHILD)))

    assert CHILD == hit.process.key
    assert hit.process.forked


def test_a_hit_after_the_exit() -> None:
    """The process is still known; it does not come to life again."""
    observer, _ = make_observer()
    observer.feed(make_exec(SHELL))
    observer.feed(make_exit(SHELL))

    hit = only_hit(observer.feed(make_hit(SHELL)))

    assert SHELL == hit.process.key
    assert hit.process.exited


def test_a_hit_of_an_unknown_process() -> None:
    """It is reported with what the message says, counted, and the cache is left alone."""
    observer, stats = make_observer()
    observer.feed(make_exec(SHELL))

    hit = only_hit(observer.feed(make_hit((100, 7_000))))

    assert (100, "", EPOCH + 7_000) == (
        hit.process.pid,
        hit.process.exec_id,
        hit.process.start_time_ns,
    )
    assert hit.parent is None
    assert 1 == stats.snapshot()[Counter.PROCESS_UNKNOWN]
    live = observer.cache.live(100)
    assert live is not None
    assert SHELL == live.key


def test_a_hit_of_the_kernel() -> None:
    """Idle and interrupts of it are the pseudo process."""
    observer, _ = make_observer()

    assert observer.kernel is only_hit(observer.feed(make_hit((0, 0)))).process
