# SPDX-License-Identifier: Apache-2.0
"""The history's store: numbers, both bounds, losses, and what it keeps alive."""

from __future__ import annotations

import gc
import random
from typing import TYPE_CHECKING

import pytest

from builders import make_exec, make_exit, make_fork
from server.builders import exec_event, image, process
from tetragon_core.cache import ProcessCache
from tetragon_core.clock import ManualClock
from tetragon_core.events import HookHit, ProcessExec, Throttle
from tetragon_core.hooks import ArgumentValue, HookEvent, HookInfo, HookMessage
from tetragon_core.messages import ProcessKey
from tetragon_core.observer import Observer
from tetragon_core.process import Process
from tetragon_core.stats import Stats
from tetragon_server.encode import EventEncoder
from tetragon_server.history import History
from tetragon_server.process_message import ProcessBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.events import Event
    from tetragon_core.messages import ProcessMessage

SECOND = 10**9


def filled(events: int, *, max_events: int = 1000, max_bytes: int = 1 << 30) -> History:
    """A history of execs whose time is their number."""
    history = History(max_events=max_events, max_bytes=max_bytes)
    for number in range(1, events + 1):
        history.add(exec_event(time_ns=number))
    return history


def observed() -> tuple[Observer, ProcessCache]:
    stats = Stats()
    cache = ProcessCache(stats, capacity=40)
    return Observer(cache, ManualClock(offset_ns=10**18), stats, node_name="n"), cache


def test_events_are_numbered_from_one_on() -> None:
    """Reading gives the events of these numbers, across chunks and into the open one."""
    history = filled(200)

    assert (1, 200) == (history.oldest, history.newest)
    assert list(range(60, 140)) == [event.time_ns for event in history.read(60, 80)]
    assert list(range(190, 201)) == [event.time_ns for event in history.read(190, 80)]
    assert [] == history.read(201, 5)


@pytest.mark.parametrize("limit", [1, 5, 64, 100, 1000])
def test_the_newest_stay(limit: int) -> None:
    """At least the wanted number is there, and at most a chunk more."""
    history = filled(3000, max_events=limit)

    kept = history.newest - history.oldest + 1
    assert limit <= kept <= limit + 2 * 64
    assert history.oldest == history.read(history.oldest, 1)[0].time_ns


def test_forgetting_is_told_by_time() -> None:
    """What is forgotten moves the time from which on everything is there, never back."""
    history = History(max_events=1, max_bytes=1 << 30)
    began = history.started_ns

    history.add(exec_event(time_ns=5))
    history.add(exec_event(time_ns=began + 7))
    history.add(exec_event(time_ns=began + 3))
    before = history.complete_since_ns
    history.add(exec_event(time_ns=began + 9))

    assert began + 8 == before == history.complete_since_ns
    assert 4 == history.oldest


def test_long_texts_shorten_it() -> None:
    """A text of several processes counts once in a chunk; each of its own counts."""
    shared = image(arguments="x" * 100_000)
    same, own = (History(max_events=10_000, max_bytes=10_000_000) for _ in range(2))

    for number in range(1000):
        same.add(exec_event(process=process(pid=number, image=shared), parent=None))
        one = process(pid=number, image=image(arguments="x" * 100_000))
        own.add(exec_event(process=one, parent=None))

    assert 1 == same.oldest
    assert own.newest - own.oldest < 2 * 64
    assert max(same.bytes, own.bytes) <= 10_000_000


def test_what_hits_and_environments_take_counts() -> None:
    """Arguments of hooks are bounded like those of programs; a throttle has no process."""
    info = HookInfo(event=HookEvent.KPROBE, policy_name="p")
    value = ArgumentValue("file_arg", {"path": "y" * 50_000, "mount": ""})
    message = HookMessage(ProcessKey(1, 1), 1, 1, info, 1, arguments=(value,))
    history = History(max_events=64, max_bytes=1 << 30)

    history.add(Throttle("c", 1, is_start=True))
    for _ in range(63):
        history.add(HookHit(process(), None, 1, message))

    assert 63 * 50_000 < history.bytes < 63 * 54_000


def test_losses_stay_with_their_place() -> None:
    """A loss lies before the event that came next; what is forgotten takes its losses along."""
    history = History(max_events=2, max_bytes=1 << 30)
    history.note_lost(3)
    history.add(exec_event())
    history.add(exec_event())
    history.note_lost(4)
    history.note_lost(1)

    assert [3, 3, 8] == [history.lost_before(number) for number in (1, 2, 3)]
    for _ in range(1000):
        history.add(exec_event())
        history.note_lost(1)
    assert 1 == history.lost_before(history.newest) - history.lost_before(history.newest - 1)


def random_messages(count: int) -> list[ProcessMessage]:
    """Lives of a few processes: forks, execs of themselves, exits."""
    choose = random.Random(5)
    messages: list[ProcessMessage] = []
    keys = [(1, SECOND)]
    for number in range(2, count):
        pid, parent = choose.randrange(2, 30), choose.choice(keys[-30:])
        key = (pid, number * SECOND)
        kind = choose.randrange(3)
        if kind == 0:
            messages.append(make_fork(key, parent))
        elif kind == 1:
            argv = (b"x", b"y" * choose.randrange(50))
            messages.append(make_exec(key, previous=parent, flags=choose.randrange(2), argv=argv))
        else:
            messages.append(make_exit(choose.choice(keys[-30:]), number * SECOND, number % 512))
        keys.append(key)
    return messages


def new_encoder() -> EventEncoder:
    parts = ProcessBuilder(with_credentials=True, with_namespaces=True, host=None, users=None)
    return EventEncoder(parts, node_name="n", cluster_name="c")


def lives() -> Iterator[Event]:
    """Events of the same random processes each time, with a hit after each exec."""
    observer, cache = observed()
    info = HookInfo(event=HookEvent.KPROBE, policy_name="p", function_name="f")
    for message in random_messages(3000):
        for event in observer.feed(message):
            yield event
            if isinstance(event, ProcessExec):
                key = ProcessKey(*event.process.key)
                yield from observer.feed(HookMessage(key, 77, 3 * SECOND, info, 1))
        cache.collect(message.process.ktime_ns - SECOND)


@pytest.mark.parametrize("at_once", [True, False], ids=["encoded-before", "never-encoded"])
def test_encoded_later_is_encoded_then(*, at_once: bool) -> None:
    """Exits, evictions and later hits change nothing in what an earlier event looks like."""
    encoder = new_encoder()
    then = [encoder.encode(event).payload for event in lives()]

    events = []
    for event in lives():
        events.append(event)
        if at_once:
            encoder.encode(event)

    assert len(then) > 2000
    assert then == [new_encoder().encode(event).payload for event in events]


def test_no_chain_of_images_is_kept() -> None:
    """A process that execs itself for ever keeps as many images as the cache and the history."""
    observer, cache = observed()
    history = History(max_events=64, max_bytes=1 << 30)
    previous = (7, SECOND)
    observer.feed(make_fork(previous, (0, 0)))
    for number in range(2, 3000):
        key = (7, number * SECOND)
        message = make_exec(key, previous=previous, flags=0, argv=(b"x", str(number).encode()))
        for event in observer.feed(message):
            history.add(event)
        previous = key

    gc.collect()
    alive = sum(isinstance(one, Process) for one in gc.get_objects())
    assert alive <= len(cache) + 2 * (history.newest - history.oldest + 1) + 10
