# SPDX-License-Identifier: Apache-2.0
"""Events and the containers of their processes: who waits, for how long, and in which order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from builders import make_process
from server.associated import ID, WAIT_S, Side, exec_of, exit_of, name_of, run_in
from tetragon_core.events import Throttle
from tetragon_core.workloads.model import HOST, Container, Pod
from tetragon_core.workloads.table import Rank

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.events import Event


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """For the timer."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture
def side(loop: asyncio.AbstractEventLoop) -> Side:
    """Nothing is known of the containers in cgroups 7 and 8."""
    return Side(loop)


def test_processes_of_the_host_pass(side: Side) -> None:
    """In a cgroup of the host, in one nobody knows, without a cgroup, without an image."""
    events = [exec_of(run_in(number)) for number in (1, 99, 0)]
    events.append(exec_of(make_process(image=None)))

    assert events == side.feed(*events)
    assert [HOST] * 4 == [event.process.workload for event in events]
    assert (0, 0) == side.counts


def test_waits_until_it_is_known(side: Side) -> None:
    """All events of the container wait, and leave in their order as soon as it has a name."""
    first, second = run_in(7, 1), run_in(7, 2)
    events: list[Event] = [exec_of(first), exec_of(second), exit_of(first), exit_of(second)]
    passed = side.feed(*events)

    side.learn()

    assert [] == passed
    assert events == side.late
    assert ["web", "web"] == [name_of(first), name_of(second)]
    assert (4, 0) == side.counts


def test_others_pass_those_that_wait(side: Side) -> None:
    """What one container waits for holds up nobody else."""
    side.learn(8, "db")
    held, host, other = exec_of(run_in(7)), exec_of(run_in(1)), exec_of(run_in(8))

    assert [host, other] == side.feed(held, host, other)
    assert "db" == name_of(other.process)


def test_later_ones_of_the_process_go_at_once(side: Side) -> None:
    """A process is associated once."""
    process = run_in(7)
    side.learn()

    events: list[Event] = [exec_of(process), exit_of(process)]
    assert events == side.feed(*events)


def test_news_count_for_later_ones(side: Side) -> None:
    """What is known of a container, or of the host's cgroups, is not kept beyond its time."""
    side.learn()
    names = []
    for news in ("web", "blog"):
        side.learn(name=news)
        event = exec_of(run_in(7))
        side.feed(event)
        names.append(name_of(event.process))
    host = exec_of(run_in(1))
    side.feed(host)
    side.table.learn(Container(id="t1", name="t1"), Rank.RUNTIME, cgroup_id=1)
    later = exec_of(run_in(1))
    side.feed(later)

    assert ["web", "blog"] == names
    assert ["host", "t1"] == [name_of(host.process), name_of(later.process)]


def test_nobody_tells_in_time(side: Side) -> None:
    """They leave marked and counted; what comes after waits no more, until something is told."""
    first, second, third = (run_in(7, number) for number in (1, 2, 3))
    side.feed(exec_of(first))
    side.look(WAIT_S - 1)
    before = list(side.late)
    side.look(WAIT_S)
    at_once = side.feed(exec_of(second))
    marked = [one.workload is not None and one.workload.is_incomplete for one in (first, second)]
    side.learn()

    assert [] == before
    assert [exec_of(first)] == side.late
    assert [exec_of(second)] == at_once
    assert [True, True] == marked
    assert [exec_of(third), exit_of(first)] == side.feed(exec_of(third), exit_of(first))
    assert ["web", "web"] == [name_of(third), name_of(first)]
    assert (1, 2) == side.counts


def test_encoded_anew(side: Side) -> None:
    """What was encoded when less was known is not used again."""
    process = run_in(7)
    side.feed(exec_of(process))
    side.look(WAIT_S)
    process.encoded = b"old"
    side.learn()

    side.feed(exit_of(process))

    assert not process.encoded


def test_too_many_wait(loop: asyncio.AbstractEventLoop) -> None:
    """The container that has waited longest gives way, all of it, in order."""
    side = Side(loop, max_events=3)
    old = [exec_of(run_in(7, number)) for number in (1, 2)]
    new = [exec_of(run_in(8, number)) for number in (3, 4, 5)]

    side.feed(*old, *new)
    side.learn(8, "db")

    assert [*old, *new] == side.late
    assert (5, 2) == side.counts


def test_no_room_at_all(loop: asyncio.AbstractEventLoop) -> None:
    """With a limit of nothing each leaves when the next one comes, and the last with the agent."""
    side = Side(loop, max_events=0)
    events = [exec_of(run_in(7, number)) for number in (1, 2, 3)]

    passed = side.feed(*events)
    side.association.release_all()

    assert [] == passed
    assert events == side.late


def test_the_agent_ends(side: Side) -> None:
    """All that wait leave as they are."""
    side.feed(exec_of(run_in(7)), exec_of(run_in(8)))

    side.association.release_all()

    assert 2 == len(side.late)
    assert (2, 2) == side.counts


def test_it_was_no_container(side: Side) -> None:
    """Everybody who was asked has given up: the name of its cgroup is what there is."""
    process = run_in(7)
    side.feed(exec_of(process))

    side.table.give_up(7)

    assert [exec_of(process)] == side.late
    assert process.workload is not None
    assert process.workload.container == Container(id=ID)
    assert (1, 0) == side.counts


def test_the_container_is_gone(side: Side) -> None:
    """Its events come after its end, and its name after those."""
    process = run_in(7)
    side.table.cgroups.remove(7)

    side.feed(exec_of(process), exit_of(process))
    side.learn()

    assert [exec_of(process), exit_of(process)] == side.late
    assert "web" == name_of(process)


def test_parents_do_not_wait(side: Side) -> None:
    """An event of the host whose parent is in a container passes; the parent gets what is known."""
    parent = run_in(7, 1)
    event = exec_of(run_in(1, 2), parent)

    assert [event] == side.feed(event)
    assert parent.workload is not None
    assert parent.workload.is_incomplete


def test_the_pod_comes_later(side: Side) -> None:
    """Of a pod's container both are waited for."""
    side.table.expects_pods = True
    uid = "4c9f1974-5c46-44c2-b42f-3bbf0e98eef9"
    side.table.cgroups.add(9, f"/kubepods/pod{uid}/{ID[:-1]}0")
    process = run_in(9)
    side.feed(exec_of(process))
    side.table.learn(Container(id=f"{ID[:-1]}0", name="c"), Rank.RUNTIME, cgroup_id=9)
    before = list(side.late)
    pod = Pod(namespace="shop", name="web", uid=uid)

    side.table.pods.learn(pod)

    assert [] == before
    assert [exec_of(process)] == side.late
    assert process.workload is not None
    assert pod == process.workload.pod


def test_throttling_is_of_nobody(side: Side) -> None:
    """It names a cgroup, and does not wait."""
    event = Throttle("x", 1, is_start=True)

    assert [event] == side.feed(event)
