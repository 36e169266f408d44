# SPDX-License-Identifier: Apache-2.0
"""Events and the containers of their processes: who waits, for how long, and in which order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest

from builders import make_process
from server.builders import image
from tetragon_core.events import ProcessExec, ProcessExit, Throttle
from tetragon_core.stats import Counter
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.model import HOST, Container, Pod
from tetragon_core.workloads.table import Rank, WorkloadTable
from tetragon_server.association import Association

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tetragon_core.events import Event
    from tetragon_core.process import Process

ID: Final = "0123456789abcdef" * 4
OTHER: Final = "fedcba9876543210" * 4
WAIT_S: Final = 30.0


class Side:
    """An association with one source that is asked about every cgroup but those of the host."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_events: int = 100) -> None:
        self.loop = loop
        self.now_s = 0.0
        self.late: list[Event] = []
        self.table = WorkloadTable(CgroupTable())
        self.table.sources.append(lambda cgroup: bool(cgroup.container_id))
        self.association = Association(
            self.table,
            self._publish,
            wait_s=WAIT_S,
            max_events=max_events,
            clock_s=lambda: self.now_s,
        )
        self.table.cgroups.add(1, "/system.slice")
        self.table.cgroups.add(7, f"/docker/{ID}")
        self.table.cgroups.add(8, f"/docker/{OTHER}")

    def _publish(self, events: Sequence[Event]) -> None:
        self.late += events

    def feed(self, *events: Event) -> list[Event]:
        """Those that need not wait."""

        async def complete() -> list[Event]:
            return list(self.association.complete(events))

        return self.loop.run_until_complete(complete())

    def learn(self, cgroup_id: int = 7, name: str = "web") -> None:
        """Let the source answer."""
        container = Container(id=ID if cgroup_id == 7 else OTHER, name=name)
        self.table.learn(container, Rank.RUNTIME, cgroup_id=cgroup_id)

    def look(self, now_s: float) -> None:
        """Let the clock go on, and the association look at it."""

        async def look() -> None:
            self.association._look()

        self.now_s = now_s
        self.loop.run_until_complete(look())

    @property
    def counts(self) -> tuple[int, int]:
        """Events that waited, and that left without all."""
        counted = self.association.counters()
        return counted[Counter.EVENTS_WAITED], counted[Counter.EVENTS_INCOMPLETE]


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


def run_in(cgroup_id: int, pid: int = 42) -> Process:
    """A process of that cgroup, without a name of a container."""
    return make_process(pid, image=image(cgroup_id=cgroup_id, container_id=""))


def exec_of(process: Process, parent: Process | None = None) -> ProcessExec:
    """It begins."""
    return ProcessExec(process, parent, 1)


def exit_of(process: Process) -> ProcessExit:
    """It ends."""
    return ProcessExit(process, None, 2, 0, "")


def name_of(process: Process) -> str:
    """Of its container, as the event shows it."""
    workload = process.workload
    assert workload is not None
    return workload.container.name if workload.container is not None else "host"


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


def test_a_cgroup_is_looked_for(side: Side) -> None:
    """Events of a cgroup that no record told of wait for the walk, then for what it finds."""
    side.table.cgroups.doubted.append(int)
    first, second = run_in(70, 1), run_in(70, 2)
    side.feed(exec_of(first))
    side.table.cgroups.add(70, f"/docker/{ID}/inner")
    side.feed(exec_of(second))
    side.table.cgroups.settle()
    before = list(side.late)

    side.learn()

    assert [] == before
    assert [exec_of(first), exec_of(second)] == side.late
    assert ["web", "web"] == [name_of(first), name_of(second)]


def test_a_cgroup_is_not_found(side: Side) -> None:
    """Nobody knows more: they leave as of the host."""
    side.table.cgroups.doubted.append(int)
    process = run_in(70)
    side.feed(exec_of(process))

    for _ in range(2):
        side.table.cgroups.settle()

    assert [exec_of(process)] == side.late
    assert process.workload is HOST


def test_a_name_somebody_in_it_invented(side: Side) -> None:
    """Nobody knows the inner container, so its events wait for the outer one."""
    side.table.cgroups.add(9, f"/docker/{ID}/{OTHER[:-1]}f")
    process = run_in(9)
    side.feed(exec_of(process))
    side.table.give_up(9)
    before = list(side.late)

    side.learn()

    assert [] == before
    assert [exec_of(process)] == side.late
    assert "web" == name_of(process)
