# SPDX-License-Identifier: Apache-2.0
"""Which events the observer makes of which messages."""

from __future__ import annotations

from builders import ROOT, USER, make_exec, make_exit, make_fork
from tetragon_core.cache import ProcessCache
from tetragon_core.clock import ManualClock
from tetragon_core.events import ProcessExec, ProcessExit
from tetragon_core.ids import exec_id
from tetragon_core.messages import TICK_NS, ExecFlag, Message, ProcessKey
from tetragon_core.observer import Observer
from tetragon_core.stats import Counter, Stats

EPOCH = 1_700_000_000_000_000_000
SHELL = (100, 1_000)
CHILD = (200, 5_000)
CHILD_EXEC = (200, 6_000)


def make_observer() -> tuple[Observer, Stats]:
    stats = Stats()
    return Observer(ProcessCache(stats), ManualClock(offset_ns=EPOCH), stats, node_name="n"), stats


def feed_exec(observer: Observer, message: Message) -> ProcessExec:
    (event,) = observer.feed(message)
    assert isinstance(event, ProcessExec)
    return event


def feed_exit(observer: Observer, message: Message) -> ProcessExit:
    (event,) = observer.feed(message)
    assert isinstance(event, ProcessExit)
    return event


def test_a_life_from_fork_to_exit() -> None:
    """Fork: no event; exec: the real parent, clone; exit: the same process and parent."""
    observer, stats = make_observer()
    shell = feed_exec(observer, make_exec(SHELL, filename=b"/bin/sh", argv=(b"sh",))).process

    assert observer.feed(make_fork(CHILD, SHELL)) == ()
    execed = feed_exec(
        observer, make_exec(CHILD_EXEC, previous=CHILD, parent=SHELL, fork_ktime_ns=5_000)
    )
    exited = feed_exit(observer, make_exit(CHILD_EXEC, ktime_ns=9_000, code=3 << 8))

    assert execed.parent is shell
    assert execed.time_ns == EPOCH + 6_000
    process = execed.process
    assert process.exec_id == exec_id("n", ProcessKey(*CHILD_EXEC))
    assert process.parent_exec_id == shell.exec_id
    assert process.flags == "execve clone"
    assert (process.start_time_ns, process.fork_time_ns) == (EPOCH + 6_000, EPOCH + 5_000)
    assert exited.process is process
    assert exited.parent is shell
    assert (exited.time_ns, exited.status, exited.signal) == (EPOCH + 9_000, 3, "")
    assert process.exited
    assert stats.snapshot()[Counter.EVENTS] == 3


def test_a_forked_child_shares_its_parents_image() -> None:
    """A child that never execs exits under its parent's program, uid and the flag text execve."""
    observer, _ = make_observer()
    shell = feed_exec(observer, make_exec(SHELL)).process
    observer.feed(make_fork(CHILD, SHELL))

    process = feed_exit(observer, make_exit(CHILD)).process

    assert process.image is shell.image
    assert process.flags == "execve"
    assert process.forked
    assert process.parent is shell
    assert process.exec_id == exec_id("n", ProcessKey(*CHILD))


def test_a_second_exec_has_the_previous_image_as_parent() -> None:
    """Without a fork between, parent and process have the same pid and clone is missing."""
    observer, _ = make_observer()
    first = feed_exec(observer, make_exec(SHELL, fork_ktime_ns=999)).process

    second = feed_exec(
        observer, make_exec((100, 2_000), previous=SHELL, flags=0, fork_ktime_ns=999)
    )

    assert second.parent is first
    assert second.process.flags == "execve"
    assert first.retired_ktime_ns == 2_000
    assert not first.exited
    assert observer.cache.live(100) is second.process


def test_references_follow_the_life_of_a_child() -> None:
    """The parent has one more between the child's fork and its exit, whatever the child execs."""
    observer, _ = make_observer()
    shell = feed_exec(observer, make_exec(SHELL)).process

    counts = [shell.refcnt]
    observer.feed(make_fork(CHILD, SHELL))
    counts.append(shell.refcnt)
    observer.feed(make_exec(CHILD_EXEC, previous=CHILD, parent=SHELL))
    counts.append(shell.refcnt)
    observer.feed(make_exit(CHILD_EXEC))
    counts.append(shell.refcnt)

    assert counts == [1, 2, 2, 1]


def test_an_unknown_process_exits_with_pid_and_start_time_only() -> None:
    """Nothing is made up; it is counted."""
    observer, stats = make_observer()

    event = feed_exit(observer, make_exit((300, 7_000), code=9))

    process = event.process
    assert (process.pid, process.start_time_ns) == (300, EPOCH + 7_000)
    assert (process.exec_id, process.image, process.in_init_tree) == ("", None, None)
    assert event.parent is None
    assert event.signal == "SIGKILL"
    assert stats.snapshot()[Counter.PROCESS_UNKNOWN] == 1


def test_a_kernel_thread_ends_without_an_event() -> None:
    """A thread of the kernel leaves the cache and is not reported, known or not."""
    observer, _ = make_observer()
    observer.feed(make_fork((70, 1000), (2, 20)))

    known = observer.feed(make_exit((70, 1000), kernel_thread=True))
    unknown = observer.feed(make_exit((71, 1000), kernel_thread=True))

    assert ((), ()) == (known, unknown)
    assert observer.cache.live(70) is None


def test_a_second_exit_of_one_process_is_dropped() -> None:
    """Two last threads may both report."""
    observer, stats = make_observer()
    observer.feed(make_exec(SHELL))
    observer.feed(make_exit(SHELL))

    assert observer.feed(make_exit(SHELL)) == ()
    assert stats.snapshot()[Counter.EXITS_DUPLICATE] == 1


def test_a_second_exit_by_start_tick_is_dropped() -> None:
    """The second of two last threads finds no entry in the kernel's table: its key is the tick."""
    observer, stats = make_observer()
    born = 3 * TICK_NS + 17
    observer.feed(make_fork((300, born), SHELL))
    observer.feed(make_exec((300, born + 5), previous=(300, born), parent=SHELL))
    observer.feed(make_exit((300, born + 5)))

    assert observer.feed(make_exit((300, 3 * TICK_NS))) == ()
    assert stats.snapshot()[Counter.EXITS_DUPLICATE] == 1
    assert stats.snapshot()[Counter.PROCESS_UNKNOWN] == 0


def test_a_key_made_of_the_start_tick_means_the_running_image() -> None:
    """Kernel table full: exit and children name the process by its start time in ticks."""
    observer, _ = make_observer()
    fork_ktime_ns = 3 * TICK_NS + 123
    derived = (100, 3 * TICK_NS)
    observer.feed(make_fork((100, fork_ktime_ns), (1, 0)))
    process = feed_exec(
        observer,
        make_exec((100, 5 * TICK_NS), previous=derived, fork_ktime_ns=fork_ktime_ns),
    ).process

    observer.feed(make_fork((200, 6 * TICK_NS), derived))
    child = feed_exit(observer, make_exit((200, 6 * TICK_NS)))
    exited = feed_exit(observer, make_exit(derived))

    assert child.parent is process
    assert exited.process is process


def test_a_pid_used_again_ends_its_old_process() -> None:
    """The exit record was lost; the new process is not mixed up with the old."""
    observer, _ = make_observer()
    old = feed_exec(observer, make_exec(SHELL)).process

    observer.feed(make_fork((100, 50_000), (1, 0)))

    assert old.exited
    assert observer.cache.live(100) is not old


def test_an_exit_of_an_image_whose_exec_was_lost_frees_the_pid() -> None:
    """The event names no wrong program, and the older image does not stay live for ever."""
    observer, _ = make_observer()
    known = feed_exec(observer, make_exec(SHELL)).process

    event = feed_exit(observer, make_exit((100, 70_000)))

    assert event.process.image is None
    assert known.exited
    assert observer.cache.live(100) is None


def test_an_exec_of_an_unknown_child_names_its_parent_by_key() -> None:
    """Lost records: the id of the parent is still right, the event has no parent and says miss."""
    observer, _ = make_observer()

    event = feed_exec(observer, make_exec(CHILD_EXEC, parent=(77, 70)))

    assert event.parent is None
    assert event.process.parent_exec_id == exec_id("n", ProcessKey(77, 70))
    assert event.process.flags == "execve miss clone"


def test_a_parent_of_pid_0_is_the_kernel() -> None:
    """Whatever its time."""
    observer, _ = make_observer()

    event = feed_exec(observer, make_exec((1, 10), parent=(0, 0)))

    assert event.parent is observer.kernel
    assert event.process.parent_exec_id == exec_id("n", ProcessKey(0, 1))


def test_descendants_of_a_containers_init_are_in_its_tree() -> None:
    """The mark starts at in-container pid 1 and passes to forks and execs, not to who enters."""
    observer, _ = make_observer()
    runtime = feed_exec(observer, make_exec(SHELL)).process
    observer.feed(make_fork(CHILD, SHELL, nspid=1))
    init = feed_exec(observer, make_exec(CHILD_EXEC, previous=CHILD, parent=SHELL, nspid=1)).process
    observer.feed(make_fork((300, 7_000), CHILD_EXEC, nspid=2))
    inner = feed_exec(
        observer, make_exec((300, 8_000), previous=(300, 7_000), parent=CHILD_EXEC, nspid=2)
    ).process
    entered = feed_exec(observer, make_exec((400, 9_000), parent=SHELL, nspid=9)).process

    marks = [process.in_init_tree for process in (runtime, init, inner, entered)]
    assert marks == [False, True, True, False]
    assert inner.flags == "execve clone inInitTree"


def test_an_image_has_the_texts_of_its_record() -> None:
    """Relative names are joined to the directory; bytes stay beside the text."""
    observer, _ = make_observer()
    message = make_exec(
        SHELL,
        filename=b"./s.sh",
        cwd=b"/w",
        argv=(b"/bin/sh", b"./s.sh", b"\xff"),
        cgroup=b"docker-" + b"a" * 64 + b".scope",
        interpreter=b"/bin/sh",
        tty=b"pts0",
    )

    image = feed_exec(observer, message).process.image

    assert image is not None
    assert (image.binary, image.arguments, image.cwd) == ("/w/s.sh", "./s.sh \ufffd", "/w")
    assert image.argv == message.argv
    assert image.container_id == "a" * 64
    assert (image.interpreter, image.tty) == ("/bin/sh", "pts0")
    assert (image.uid, image.auid, image.properties) == (1000, 1000, None)


def test_an_unread_name_falls_back_to_the_loaded_file() -> None:
    """The flag still says that the name is missing; an unread directory shows as empty."""
    observer, _ = make_observer()
    flags = int(ExecFlag.ERROR_FILENAME | ExecFlag.ERROR_CWD)

    process = feed_exec(observer, make_exec(SHELL, filename=b"", cwd=b"junk", flags=flags)).process

    assert process.image is not None
    assert (process.image.binary, process.image.cwd) == ("/usr/bin/ls", "")
    assert process.flags == "execve miss errorFilename errorCWD"


def test_privileges_gained_by_an_exec_are_noted() -> None:
    """set-user-ID root by an ordinary user; an unlinked file shows its inode."""
    observer, _ = make_observer()
    credentials = USER._replace(euid=ROOT.euid)
    message = make_exec(SHELL, flags=int(ExecFlag.SETUID), credentials=credentials, nlink=0)

    image = feed_exec(observer, message).process.image

    assert image is not None
    assert image.uid == 0
    properties = image.properties
    assert properties is not None
    assert (properties.setuid, properties.setgid, properties.inode) == (0, None, 7)
    assert (properties.raised_by_setuid, properties.raised_by_setgid) == (True, False)
