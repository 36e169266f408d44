# SPDX-License-Identifier: Apache-2.0
"""Who and where a process is: what /proc says while it runs is what its exec reported."""

from __future__ import annotations

import fcntl
import os
import termios
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kernel.cgroups import enter, made_cgroup
from kernel.system import private_mounts, unshare
from tetragon_core.messages import ProcessKey
from tetragon_core.procfs import ProcScanner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.recorder import Recorder
    from tetragon_core.cgroups import Hierarchy
    from tetragon_core.messages import ExecMessage
    from tetragon_core.scanned import ScannedProcess

SPACES: Final = {
    "cgroup": 0x0200_0000,
    "ipc": 0x0800_0000,
    "net": 0x4000_0000,
    "time": 0x80,
    "uts": 0x0400_0000,
    "user": 0x1000_0000,
}
CLONE_NEWPID: Final = 0x2000_0000
TICK_NS: Final = 10_000_000
NO_LOGIN: Final = 0xFFFF_FFFF
USER: Final = 1000


def scanned(pid: int, hierarchy: Hierarchy) -> ScannedProcess:
    """What /proc says about the process now."""
    found = ProcScanner(hierarchy=hierarchy).try_read(pid)
    assert found is not None
    return found


def assert_as_in_proc(message: ExecMessage, hierarchy: Hierarchy) -> None:
    """Compare everything that both sides report."""
    found = scanned(message.process.tgid, hierarchy)
    # the walk cannot tell securebits
    assert found.credentials == message.credentials._replace(securebits=0)
    assert found.capabilities == message.capabilities
    assert found.namespaces == message.namespaces
    assert found.argv == message.argv
    assert found.auid == message.auid
    assert found.nspid == message.nspid
    assert (found.cgroup_id, found.cgroup) == (message.cgroup_id, message.cgroup.decode())
    start = message.fork_ktime_ns - message.fork_ktime_ns % TICK_NS
    assert ProcessKey(message.process.tgid, start) == found.key


def test_plain_process(recorder: Recorder, workload: Path, hierarchy: Hierarchy) -> None:
    """Nothing special: everything equals /proc, executable and directory too."""
    with recorder.held([str(workload / "hold"), "x"]) as tree:
        message = tree.only_exec
        assert_as_in_proc(message, hierarchy)
        found = scanned(message.process.tgid, hierarchy)
        assert (found.executable, found.cwd) == (message.executable.decode(), message.cwd.decode())
        assert os.getpid() == message.parent.tgid == found.ppid
    assert 0 == tree.status


def test_ordinary_user(recorder: Recorder, workload: Path, hierarchy: Hierarchy) -> None:
    """Eight different ids."""

    def prepare() -> None:
        os.setgroups([])
        os.setresgid(USER, USER + 1, USER + 2)
        os.setresuid(USER + 3, USER + 4, USER + 5)

    with recorder.held([str(workload / "hold")], prepare=prepare) as tree:
        assert_as_in_proc(tree.only_exec, hierarchy)


@pytest.mark.parametrize("name", SPACES)
def test_own_namespace(recorder: Recorder, workload: Path, hierarchy: Hierarchy, name: str) -> None:
    """A new namespace of each kind: its own number, all others as ours."""
    with recorder.held([str(workload / "hold")], prepare=lambda: unshare(SPACES[name])) as tree:
        message = tree.only_exec
        assert_as_in_proc(message, hierarchy)
        ours = scanned(os.getpid(), hierarchy).namespaces
        assert ours is not None
        differing = {
            field
            for field in message.namespaces._fields
            if getattr(ours, field) != getattr(message.namespaces, field)
        }
        if name == "time":  # made for the children; since 6.3 exec moves the process there too
            differing.discard("time")
        assert {name.replace("time", "time_for_children")} == differing


def test_own_mount_namespace(recorder: Recorder, workload: Path, hierarchy: Hierarchy) -> None:
    """A private mount namespace."""
    with recorder.held([str(workload / "hold")], prepare=private_mounts) as tree:
        assert_as_in_proc(tree.only_exec, hierarchy)
        assert Path("/proc/self/ns/mnt").stat().st_ino != tree.only_exec.namespaces.mnt


def in_new_pid_namespace(workload: Path) -> None:
    """Fork into a new pid namespace; the parent waits and ends."""
    unshare(CLONE_NEWPID)
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        os._exit(0)
    os.execv(workload / "hold", [str(workload / "hold")])


def test_pid_namespace(recorder: Recorder, workload: Path, hierarchy: Hierarchy) -> None:
    """The first process of a pid namespace is 1 there; fork, exec and the event say so."""
    program = [str(workload / "hold")]
    with recorder.held(program, prepare=lambda: in_new_pid_namespace(workload)) as tree:
        message = tree.only_exec
        assert_as_in_proc(message, hierarchy)
        assert 1 == message.nspid
        assert message.process.tgid == tree.forks[1].process.tgid
        assert [0, 1] == [fork.nspid for fork in tree.forks]
        (event,) = tree.exec_events
        assert event.process.in_init_tree is True
    assert message.process == tree.exits[0].process


def test_login_user(recorder: Recorder, workload: Path) -> None:
    """The login uid, where the kernel keeps one; else it is unset."""
    path = Path("/proc/self/loginuid")
    prepare = (lambda: path.write_text("1234") and None) if path.exists() else (lambda: None)

    with recorder.held([str(workload / "hold")], prepare=prepare) as tree:
        message = tree.only_exec
        assert (1234 if path.exists() else NO_LOGIN) == message.auid


def test_terminal(recorder: Recorder, workload: Path) -> None:
    """The controlling terminal's name, without /dev/."""
    master, slave = os.openpty()

    def prepare() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    with recorder.held([str(workload / "hold")], prepare=prepare) as tree:
        number = os.path.basename(os.ttyname(slave))  # noqa: PTH119  of a text
        assert f"pts{number}".encode() == tree.only_exec.tty
    os.close(master)
    os.close(slave)


def test_no_terminal(recorder: Recorder, workload: Path) -> None:
    """A session without a terminal."""
    with recorder.held([str(workload / "hold")], prepare=os.setsid) as tree:
        assert b"" == tree.only_exec.tty


@pytest.fixture
def cgroup(hierarchy: Hierarchy) -> Iterator[Path]:
    """A new cgroup of the reported hierarchy, named as a container's."""
    with made_cgroup(hierarchy, f"docker-{os.getpid():064x}.scope") as path:
        yield path


def test_cgroup(recorder: Recorder, workload: Path, hierarchy: Hierarchy, cgroup: Path) -> None:
    """The cgroup's name, its inode as id, and the container id in it."""
    with recorder.held([str(workload / "hold")], prepare=lambda: enter(cgroup)) as tree:
        message = tree.only_exec
        assert (cgroup.stat().st_ino, cgroup.name.encode()) == (message.cgroup_id, message.cgroup)
        assert_as_in_proc(message, hierarchy)
        (event,) = tree.exec_events
        assert event.process.image is not None
        assert f"{os.getpid():064x}" == event.process.image.container_id
