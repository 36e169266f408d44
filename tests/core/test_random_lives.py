# SPDX-License-Identifier: Apache-2.0
"""Random lives of many processes, compared with a model that is too simple to be wrong."""

from __future__ import annotations

import random

import pytest

from builders import make_exec, make_exit, make_fork
from tetragon_core.cache import ProcessCache
from tetragon_core.clock import ManualClock
from tetragon_core.events import ProcessExec, Throttle
from tetragon_core.messages import ExecFlag, Message, ProcessKey
from tetragon_core.observer import Observer
from tetragon_core.stats import Counter, Stats

INIT = (1, 10)
STEP_NS = 1_000_001  # never a multiple of a tick


class Model:
    """Running processes with their keys; knows what event each step must make."""

    def __init__(self, seed: int, pids: int) -> None:
        self._random = random.Random(seed)
        self._pids = pids
        self.now_ns = 10_000
        self.running: dict[int, tuple[tuple[int, int], tuple[int, int], bool, int]] = {}

    def step(self) -> tuple[Message, tuple[int, int, int, int] | None]:
        """Return a message, and pid, ktime, parent's pid and ktime of its event, if any."""
        self.now_ns += STEP_NS
        free = [pid for pid in range(2, self._pids) if pid not in self.running]
        kind = self._random.choice(["fork", "exec", "exit"])
        if not self.running or (kind == "fork" and free):
            return self._fork(self._random.choice(free)), None
        tgid = self._random.choice(sorted(self.running))
        return self._exit(tgid) if kind == "exit" else self._exec(tgid)

    def _fork(self, tgid: int) -> Message:
        parents = [INIT, *(key for key, _, _, _ in self.running.values())]
        parent = self._random.choice(parents)
        key = (tgid, self.now_ns)
        self.running[tgid] = (key, parent, True, self.now_ns)
        return make_fork(key, parent)

    def _exec(self, tgid: int) -> tuple[Message, tuple[int, int, int, int]]:
        previous, parent, first, fork_ktime_ns = self.running[tgid]
        key = (tgid, self.now_ns)
        message = make_exec(
            key,
            previous=previous,
            parent=parent,
            flags=int(ExecFlag.FIRST) if first else 0,
            fork_ktime_ns=fork_ktime_ns,
        )
        parent = parent if first else previous
        self.running[tgid] = (key, parent, False, fork_ktime_ns)
        return message, (*key, *parent)

    def _exit(self, tgid: int) -> tuple[Message, tuple[int, int, int, int]]:
        key, parent, _, _ = self.running.pop(tgid)
        return make_exit(key, ktime_ns=self.now_ns), (*key, *parent)

    def end_all(self) -> list[Message]:
        """Exit of everything, in random order."""
        tgids = self._random.sample(sorted(self.running), len(self.running))
        return [self._exit(tgid)[0] for tgid in tgids]


def feed_and_see(observer: Observer, message: Message) -> tuple[int, int, int, int] | None:
    events = observer.feed(message)
    if not events:
        return None
    (event,) = events
    assert not isinstance(event, Throttle)
    process, parent = event.process, event.parent
    assert isinstance(event, ProcessExec) == hasattr(message, "argv")
    assert parent is not None
    return process.pid, process.ktime_ns, parent.pid, parent.ktime_ns


@pytest.mark.parametrize("seed", range(5))
def test_every_exec_and_exit_is_one_event_with_the_right_parent(seed: int) -> None:
    """Also when parents ended long ago; in the end the cache is empty but for init."""
    stats = Stats()
    cache = ProcessCache(stats, grace_ns=50 * STEP_NS)
    observer = Observer(cache, ManualClock(), stats, node_name="n")
    observer.feed(make_exec(INIT, parent=(0, 0)))
    model = Model(seed, pids=40)

    for _ in range(3_000):
        message, expected = model.step()
        assert feed_and_see(observer, message) == expected
        cache.collect(model.now_ns)
    for message in model.end_all():
        assert len(observer.feed(message)) == 1

    init = cache.live(1)
    assert init is not None
    assert init.refcnt == 1
    assert stats.snapshot()[Counter.PROCESS_UNKNOWN] == 0
    observer.feed(make_exit(INIT, ktime_ns=model.now_ns))
    cache.collect(model.now_ns + 50 * STEP_NS)
    assert len(cache) == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_small_cache_keeps_its_bound_and_every_exec_is_still_one_event(seed: int) -> None:
    """More processes run than fit: parents get lost (counted), events and the bound do not."""
    stats = Stats()
    cache = ProcessCache(stats, capacity=20, grace_ns=50 * STEP_NS)
    observer = Observer(cache, ManualClock(), stats, node_name="n")
    model = Model(seed, pids=60)

    for _ in range(3_000):
        message, expected = model.step()
        seen = [one for one in observer.feed(message) if not isinstance(one, Throttle)]
        assert [one.process.pid for one in seen] == ([expected[0]] if expected else [])
        assert len(cache) <= 20
        statistics = cache.statistics()
        assert statistics.live + statistics.retired == statistics.entries

    assert stats.snapshot()[Counter.CACHE_EVICTED] > 0
    for message in model.end_all():
        observer.feed(message)
    cache.collect(model.now_ns + 1_000 * STEP_NS)
    assert [ProcessKey(entry.pid, entry.ktime_ns) for entry in cache if entry.exited] == []
