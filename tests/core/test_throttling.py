# SPDX-License-Identifier: Apache-2.0
"""Execs of a busy cgroup make no event; all else that is known of its processes stays right."""

from __future__ import annotations

from builders import make_exec, make_exit, make_fork
from tetragon_core.cache import ProcessCache
from tetragon_core.clock import ManualClock
from tetragon_core.events import ProcessExit, Throttle
from tetragon_core.messages import ExecFlag, ProcessKey, ThrottleMessage
from tetragon_core.observer import Observer
from tetragon_core.stats import Counter, Stats

SECOND = 10**9
THROTTLED = int(ExecFlag.FIRST | ExecFlag.THROTTLED)


def make_observer() -> tuple[Observer, Stats]:
    """An observer of an empty host, and its counters."""
    stats = Stats()
    return Observer(ProcessCache(stats), ManualClock(), stats, node_name="n"), stats


def make_throttle(cgroup_id: int = 9, ktime_ns: int = 100) -> ThrottleMessage:
    """A cgroup begins to do too much."""
    return ThrottleMessage(ProcessKey(5, 1), ktime_ns, cgroup_id, b"busy.scope")


def test_a_marked_exec_makes_no_event_and_is_counted() -> None:
    """The exit that follows shows the image the marked exec loaded."""
    observer, stats = make_observer()
    observer.feed(make_fork((5, 100), (1, 0)))

    events = observer.feed(make_exec((5, 200), flags=THROTTLED, previous=(5, 100)))
    (end,) = observer.feed(make_exit((5, 200)))

    assert () == events
    assert isinstance(end, ProcessExit)
    assert end.process.image is not None
    assert ("/bin/ls", "-l") == (end.process.image.binary, end.process.image.arguments)
    assert end.process.key == (5, 200)
    assert stats.snapshot()[Counter.EXECS_THROTTLED] == 1
    assert stats.snapshot()[Counter.EVENTS] == 1


def test_children_of_a_marked_exec_know_their_parent() -> None:
    """What runs below a process whose exec made no event."""
    observer, _ = make_observer()
    observer.feed(make_exec((5, 200), flags=THROTTLED))
    observer.feed(make_fork((6, 300), (5, 200)))

    (event,) = observer.feed(make_exec((6, 400), previous=(6, 300), parent=(5, 200)))

    assert not isinstance(event, Throttle)
    assert event.parent is observer.cache.live(5)


def test_one_start_however_many_cpus() -> None:
    """Each CPU of a cgroup announces it; subscribers hear of it once, others' starts apart."""
    observer, stats = make_observer()

    events = [observer.feed(make_throttle(cgroup)) for cgroup in (9, 9, 10, 9)]

    assert [1, 0, 1, 0] == [len(one) for one in events]
    (start,) = events[0]
    assert isinstance(start, Throttle)
    assert (True, "busy.scope") == (start.is_start, start.cgroup)
    assert stats.snapshot()[Counter.THROTTLE_STARTS] == 2


def test_the_end_comes_five_seconds_after_the_last_excess() -> None:
    """Not before, not twice; and the next start is told again."""
    observer, stats = make_observer()
    observer.feed(make_throttle())
    throttling = observer.throttling

    early = throttling.end(8 * SECOND, lambda _: 3 * SECOND)
    (stop,) = throttling.end(8 * SECOND + 1, lambda _: 3 * SECOND)

    assert [] == early
    assert (False, "busy.scope") == (stop.is_start, stop.cgroup)
    assert [] == throttling.end(9 * SECOND, lambda _: 3 * SECOND)
    assert stats.snapshot()[Counter.THROTTLE_STOPS] == 1
    assert len(observer.feed(make_throttle())) == 1


def test_a_cgroup_nobody_counts_any_more_is_not_throttled() -> None:
    """Its entry left the kernel's table, which keeps the busy ones."""
    observer, _ = make_observer()
    observer.feed(make_throttle())

    assert len(observer.throttling.end(6 * SECOND, lambda _: None)) == 1
