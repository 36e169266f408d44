# SPDX-License-Identifier: Apache-2.0
"""What the process cache keeps, for how long, and what it gives up."""

from __future__ import annotations

from builders import make_process
from tetragon_core.cache import ProcessCache
from tetragon_core.ids import exec_id
from tetragon_core.messages import ProcessKey
from tetragon_core.process import Image
from tetragon_core.stats import Counter, Stats


def make_cache(capacity: int = 100, grace_ns: int = 30) -> tuple[ProcessCache, Stats]:
    stats = Stats()
    return ProcessCache(stats, capacity=capacity, grace_ns=grace_ns), stats


def test_an_entry_is_found_by_key_by_id_and_by_pid() -> None:
    """Three ways to the same entry."""
    cache, _ = make_cache()
    process = make_process(42, 5000)

    cache.add(process)

    assert cache.get(ProcessKey(42, 5000)) is process
    assert cache.live(42) is process
    assert cache.by_exec_id(process.exec_id) is process
    assert cache.by_exec_id(exec_id("other", ProcessKey(42, 5000))) is None
    assert cache.by_exec_id("nonsense") is None


def test_a_retired_entry_stays_for_the_grace_period() -> None:
    """It is no longer live at once, and gone exactly when the grace period is over."""
    cache, _ = make_cache(grace_ns=30)
    process = make_process(42, 5000)
    cache.add(process)

    cache.retire(process, 6000)

    assert cache.live(42) is None
    assert cache.collect(6029) == 0
    assert cache.get(ProcessKey(42, 5000)) is process
    assert cache.collect(6030) == 1
    assert len(cache) == 0


def test_ancestors_stay_while_a_descendant_is_there() -> None:
    """Grandparent and parent ended long ago; a live grandchild keeps both, then all go."""
    cache, _ = make_cache(grace_ns=30)
    old = make_process(1, 10)
    middle = make_process(2, 20, parent=old)
    young = make_process(3, 30, parent=middle)
    for process in (old, middle, young):
        cache.add(process)
    cache.retire(old, 100)
    cache.retire(middle, 101)

    assert cache.collect(10_000) == 0
    assert cache.statistics().held == 2
    assert young.parent is middle
    assert middle.parent is old

    cache.retire(young, 20_000)

    assert cache.collect(20_030) == 3
    assert len(cache) == 0


def test_references_count_the_own_life_and_the_running_children() -> None:
    """One for itself, one for each child, each given back once."""
    cache, _ = make_cache()
    parent = make_process(1, 10)
    child = make_process(2, 20, parent=parent)
    cache.add(parent)
    cache.add(child)

    assert (parent.refcnt, child.refcnt) == (2, 1)
    cache.retire(parent, 30)
    assert parent.refcnt == 1
    cache.retire(child, 40)
    cache.retire(child, 41)
    assert (parent.refcnt, child.refcnt) == (0, 0)


def test_a_full_cache_gives_up_ended_entries_first() -> None:
    """Ended without children, then ended with children, then the oldest live one, which counts."""
    cache, stats = make_cache(capacity=3)
    parent, child, idle = make_process(1, 10), make_process(2, 20), make_process(3, 30)
    child.parent = parent
    for process in (parent, child, idle):
        cache.add(process)
    cache.retire(parent, 100)
    cache.retire(idle, 101)

    def pids() -> list[int]:
        return sorted(process.pid for process in cache)

    cache.add(make_process(4, 40))
    assert pids() == [1, 2, 4]
    cache.add(make_process(5, 50))
    assert pids() == [2, 4, 5]
    assert stats.snapshot()[Counter.CACHE_EVICTED] == 0
    cache.add(make_process(6, 60))
    assert pids() == [4, 5, 6]
    assert cache.live(2) is None
    assert stats.snapshot()[Counter.CACHE_EVICTED] == 1


def test_a_full_cache_never_gives_up_the_newest_or_its_parent() -> None:
    """The oldest live entry is passed over when it is the parent of what was just added."""
    cache, _ = make_cache(capacity=2)
    parent = make_process(1, 10)
    cache.add(parent)
    cache.add(make_process(2, 20))
    cache.add(make_process(3, 30, parent=parent))

    assert sorted(process.pid for process in cache) == [1, 3]


def test_an_endless_chain_of_images_is_bounded() -> None:
    """A process that execs itself for ever fills the cache, and nothing beyond it stays linked."""
    cache, stats = make_cache(capacity=10)
    image = make_process(1, 1)
    cache.add(image)
    for ktime_ns in range(2, 1000):
        following = make_process(1, ktime_ns, parent=image)
        cache.retire(image, ktime_ns)
        cache.add(following)
        image = following

    depth = 0
    above = image
    while above.parent is not None:
        above, depth = above.parent, depth + 1
    assert len(cache) == 10
    assert depth == 10
    assert cache.live(1) is image
    assert stats.snapshot()[Counter.CACHE_EVICTED] == 0


def test_an_entry_with_the_same_key_replaces_the_old_one() -> None:
    """No key is there twice."""
    cache, _ = make_cache()
    cache.add(make_process(1, 10))
    again = make_process(1, 10)

    cache.add(again)

    assert list(cache) == [again]


def test_a_parent_that_ended_before_its_childs_record_is_kept_for_it() -> None:
    """A child added after its parent retired holds it all the same."""
    cache, _ = make_cache(grace_ns=30)
    parent = make_process(1, 10)
    cache.add(parent)
    cache.retire(parent, 11)
    cache.add(make_process(2, 20, parent=parent))

    assert cache.collect(1000) == 0
    assert cache.get(ProcessKey(1, 10)) is parent


def test_long_texts_of_ended_images_are_bounded() -> None:
    """A process that execs itself with long arguments does not fill the memory."""
    stats = Stats()
    cache = ProcessCache(stats, ended_bytes=100_000)
    image = Image(binary="/bin/x", arguments="a" * 10_000, cwd="/")
    previous = None
    for ktime_ns in range(1, 1001):
        process = make_process(7, ktime_ns, image=image, parent=previous)
        cache.add(process)
        if previous is not None:
            cache.retire(previous, ktime_ns)
        previous = process

    assert cache.live(7) is previous
    assert len(cache) == 5  # four of 20 kB each and a bit, and the live one
    assert stats.snapshot()[Counter.CACHE_EVICTED] == 0


def test_what_is_given_up_and_what_is_missed_is_counted() -> None:
    """Any entry that had to go for another, and any key that was not there."""
    cache, stats = make_cache(capacity=2)
    first, second, third = (make_process(pid, 10 * pid) for pid in (1, 2, 3))
    cache.add(first)
    cache.retire(first, 100)
    cache.add(second)

    cache.add(third)

    assert cache.get(first.key) is None
    assert cache.get(second.key) is second
    statistics = cache.statistics()
    assert (1, 1) == (statistics.evictions, statistics.misses)
    assert 0 == stats.snapshot()[Counter.CACHE_EVICTED]
