# SPDX-License-Identifier: Apache-2.0
"""Between /proc walk and stream nothing is missed and nothing comes twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from builders import make_exec, make_exit, make_fork, make_scanned
from tetragon_core.cache import ProcessCache
from tetragon_core.clock import ManualClock
from tetragon_core.events import ProcessEvent, ProcessExec, Throttle
from tetragon_core.messages import TICK_NS, ExecFlag, Message
from tetragon_core.observer import Observer
from tetragon_core.stats import Counter, Stats

if TYPE_CHECKING:
    from tetragon_core.scanned import ScannedProcess

OLD = (50, TICK_NS)
ATTACHED = 100 * TICK_NS
PARENT = make_scanned(10, TICK_NS, executable="/sbin/parent")


def start(scanned: list[ScannedProcess], queued: list[Message]) -> tuple[list[ProcessEvent], Stats]:
    stats = Stats()
    observer = Observer(ProcessCache(stats), ManualClock(), stats, node_name="n")
    events: list[ProcessEvent] = [*observer.add_scanned(scanned, queued)]
    for message in queued:
        events += [one for one in observer.feed(message) if not isinstance(one, Throttle)]
    return events[1:], stats


def shown(events: list[ProcessEvent]) -> list[tuple[str, int, str, str]]:
    """Kind, pid, binary and parent's binary of each event."""

    def binary(process: object) -> str:
        image = getattr(process, "image", None)
        return image.binary if image else "?"

    return [
        (
            "exec" if isinstance(event, ProcessExec) else "exit",
            event.process.pid,
            binary(event.process),
            binary(event.parent),
        )
        for event in events
    ]


def exec_of_old(name: str, ktime_ns: int = ATTACHED + 5, **fields: object) -> Message:
    """Exec in the process that is older than the sensor; its start time is exact in the record."""
    values = {"previous": OLD, "parent": (10, TICK_NS), "flags": 0, "fork_ktime_ns": TICK_NS + 77}
    texts = {"filename": name.encode(), "executable": name.encode(), "argv": (name.encode(),)}
    return make_exec((50, ktime_ns), **values | texts | fields)


def scanned_old(name: str = "/bin/old", **fields: object) -> ScannedProcess:
    values = {"ppid": 10, "executable": name, "argv": (name.encode(),)}
    return make_scanned(50, TICK_NS, **values | fields)


REPORTED_PARENT = ("exec", 10, "/sbin/parent", "<kernel>")
REPORTED_OLD = ("exec", 50, "/bin/old", "/sbin/parent")


def test_an_old_process_is_reported_by_the_walk() -> None:
    """No record of it: one event."""
    events, _ = start([scanned_old(), PARENT], [])

    assert shown(events) == [REPORTED_PARENT, REPORTED_OLD]
    assert events[1].process.flags == "procFS rootcwd"


def test_the_kernel_comes_first() -> None:
    """The pseudo process is its own parent."""
    stats = Stats()
    observer = Observer(ProcessCache(stats), ManualClock(), stats, node_name="n")

    (event,) = observer.add_scanned([])

    assert event.process is observer.kernel
    assert event.parent is observer.kernel
    assert (event.process.pid, event.process.flags) == (0, "procFS")


def test_an_old_process_that_ends_meanwhile_is_reported_and_ends() -> None:
    """Its exit has the key the walk derived."""
    events, stats = start([PARENT, scanned_old()], [make_exit(OLD)])

    assert shown(events)[1:] == [REPORTED_OLD, ("exit", 50, "/bin/old", "/sbin/parent")]
    assert stats.snapshot()[Counter.PROCESS_UNKNOWN] == 0


@pytest.mark.parametrize("gone", [False, True], ids=["alive", "gone"])
def test_a_process_born_meanwhile_is_left_to_the_stream(gone: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Fork and exec are queued, and the walk saw it too: one event."""
    born = (60, ATTACHED + 3)
    queued: list[Message] = [
        make_fork(born, (10, TICK_NS)),
        make_exec((60, ATTACHED + 4), previous=born, parent=(10, TICK_NS), fork_ktime_ns=born[1]),
    ]
    if gone:
        queued.append(make_exit((60, ATTACHED + 4)))

    events, _ = start([PARENT, make_scanned(60, ATTACHED, ppid=10)], queued)

    expected = [REPORTED_PARENT, ("exec", 60, "/bin/ls", "/sbin/parent")]
    assert shown(events) == expected + ([("exit", 60, "/bin/ls", "/sbin/parent")] * gone)


def test_a_child_forked_meanwhile_that_does_not_exec_makes_no_event() -> None:
    """Its image is its parent's, which was reported."""
    events, _ = start(
        [PARENT, make_scanned(60, ATTACHED, ppid=10)], [make_fork((60, ATTACHED), (10, TICK_NS))]
    )

    assert shown(events) == [REPORTED_PARENT]


def test_a_process_whose_fork_record_was_lost_is_reported_by_the_walk() -> None:
    """Otherwise nobody would."""
    events, _ = start([PARENT, make_scanned(60, ATTACHED, ppid=10)], [])

    assert shown(events) == [REPORTED_PARENT, ("exec", 60, "/usr/bin/old", "/sbin/parent")]


def test_an_image_read_before_its_exec_is_reported_and_is_the_parent_of_the_next() -> None:
    """Walk, then exec: two images, two events."""
    events, _ = start([PARENT, scanned_old()], [exec_of_old("/bin/new")])

    assert shown(events)[1:] == [REPORTED_OLD, ("exec", 50, "/bin/new", "/bin/old")]


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(scanned_old("/bin/new"), id="new image"),
        pytest.param(scanned_old("/bin/new", argv=(b"/bin/old",)), id="only program new"),
        pytest.param(scanned_old("/bin/old", argv=(b"/bin/new",)), id="only arguments new"),
        pytest.param(scanned_old("/bin/new (deleted)", argv=(b"title",)), id="deleted, renamed"),
        pytest.param(scanned_old(executable=None, argv=None), id="unreadable"),
    ],
)
def test_an_image_read_after_its_exec_is_reported_by_the_stream_only(seen: ScannedProcess) -> None:
    """Exec, then walk: one event; who it replaced is known by pid, and whose child by parent."""
    events, _ = start([PARENT, seen], [exec_of_old("/bin/new")])

    assert shown(events) == [REPORTED_PARENT, ("exec", 50, "/bin/new", "?")]
    replaced = events[1].parent
    assert replaced is not None
    assert (replaced.pid, replaced.ktime_ns) == OLD
    assert replaced.parent is not None
    assert replaced.parent.pid == 10


def test_the_first_exec_of_an_old_process_has_its_parent_as_parent() -> None:
    """Forked before the attachment, exec after it: the image the walk read was its parent's."""
    first = exec_of_old("/bin/new", flags=int(ExecFlag.FIRST))

    events, _ = start([PARENT, scanned_old("/sbin/parent")], [first])

    assert shown(events)[1:] == [
        ("exec", 50, "/sbin/parent", "/sbin/parent"),
        ("exec", 50, "/bin/new", "/sbin/parent"),
    ]
    parent = events[-1].parent
    assert parent is not None
    assert parent.pid == 10


def test_an_image_read_between_two_execs_is_reported_once() -> None:
    """Exec, walk, exec: both come from the stream."""
    second = exec_of_old("/bin/third", ATTACHED + 9, previous=(50, ATTACHED + 5))

    events, _ = start([PARENT, scanned_old("/bin/new")], [exec_of_old("/bin/new"), second])

    assert shown(events)[1:] == [
        ("exec", 50, "/bin/new", "?"),
        ("exec", 50, "/bin/third", "/bin/new"),
    ]


def test_a_pid_used_again_meanwhile_is_two_processes() -> None:
    """The walk saw the old one; it ends, and another is born under its pid."""
    queued: list[Message] = [make_exit(OLD), make_fork((50, ATTACHED), (10, TICK_NS))]

    events, stats = start([PARENT, scanned_old()], queued)

    assert shown(events)[1:] == [REPORTED_OLD, ("exit", 50, "/bin/old", "/sbin/parent")]
    assert stats.snapshot()[Counter.EXITS_DUPLICATE] == 0


def test_parents_come_first_whatever_the_order_of_the_walk() -> None:
    """Also when all started within one tick and pids have wrapped."""
    line = [make_scanned(3, ppid=9), make_scanned(9, ppid=5), make_scanned(5, ppid=0)]

    events, _ = start(line, [])

    assert [event.process.pid for event in events] == [5, 9, 3]
    assert [event.parent.pid for event in events if event.parent] == [0, 5, 9]


def test_a_kernel_thread_is_known_but_not_reported() -> None:
    """Its exit shows its name in brackets."""
    thread = make_scanned(2, TICK_NS, comm="kthreadd", kernel_thread=True, argv=(), executable=None)

    events, _ = start([thread], [make_exit((2, TICK_NS))])

    assert shown(events) == [("exit", 2, "[kthreadd]", "<kernel>")]
    assert events[0].process.flags == "procFS"


def test_a_process_without_its_parent_is_reported_and_says_so() -> None:
    """The parent ended during the walk."""
    events, _ = start([scanned_old(cwd=None)], [])

    assert shown(events) == [("exec", 50, "/bin/old", "?")]
    assert events[0].process.flags == "procFS miss rootcwd errorCWD"


def test_the_tree_of_a_container_is_marked() -> None:
    """In-container pid 1 and below."""
    init = make_scanned(20, ppid=0, nspid=1)
    events, _ = start([init, make_scanned(21, ppid=20, nspid=2), PARENT], [])

    assert [event.process.in_init_tree for event in events] == [True, True, False]
