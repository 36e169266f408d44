# SPDX-License-Identifier: Apache-2.0
"""The walk over a proc file system made of plain files, and over the real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tetragon_core.cgroups import Hierarchy
from tetragon_core.messages import TICK_NS, Capabilities, Credentials
from tetragon_core.procfs import ProcScanner
from tetragon_core.procstat import parse_stat, parse_status

ID = "ab" * 32
STATUS = """Name:\tx
Uid:\t1\t2\t3\t4
Gid:\t5\t6\t7\t8
NStgid:\t42\t9\t1
CapInh:\t0000000000000001
CapPrm:\t00000000000000ff
CapEff:\t000000000000000f
"""


def stat_line(comm: str = "x", state: str = "S", flags: int = 0, threads: int = 1) -> bytes:
    fields = [state, 7, 1, 1, 0, -1, flags, *([0] * 10), threads, 0, 1234, 0, 0]
    return f"42 ({comm}) {' '.join(map(str, fields))}\n".encode()


def make_proc(root: Path, files: dict[str, bytes], links: dict[str, str]) -> Path:
    """Make process 42; `links` may name what does not exist."""
    directory = root / "42"
    (directory / "ns").mkdir(parents=True)
    (root / "self").mkdir()
    for name, content in files.items():
        (directory / name).write_bytes(content)
    for name, target in links.items():
        (directory / name).symlink_to(target)
    return root


def test_a_process_is_read_whole(tmp_path: Path) -> None:
    """Every field from its file."""
    files = {
        "stat": stat_line("a b) (c\nd"),
        "status": STATUS.encode(),
        "cmdline": b"prog\0a b\0\0",
        "loginuid": b"1000",
        "cgroup": f"4:memory:/docker/{ID}\n0::/else\n".encode(),
    }
    links = {"exe": "/usr/bin/prog (deleted)", "cwd": "/w", "ns/mnt": "mnt:[77]"}
    cgroup = tmp_path / "1" / "root" / "mem" / "docker" / ID
    cgroup.mkdir(parents=True)
    hierarchy = Hierarchy(controller="memory", mount="/mem")

    (process,) = ProcScanner(str(make_proc(tmp_path, files, links)), hierarchy).scan()

    assert (process.tgid, process.ppid, process.start_ktime_ns) == (42, 7, 1234 * TICK_NS)
    assert process.comm == "a b) (c\nd"
    assert process.argv == (b"prog", b"a b", b"")
    assert (process.executable, process.cwd) == ("/usr/bin/prog (deleted)", "/w")
    assert (process.auid, process.nspid) == (1000, 1)
    assert process.credentials == Credentials(1, 5, 2, 6, 3, 7, 4, 8, 0)
    assert process.capabilities == Capabilities(0xFF, 0xF, 1)
    assert process.namespaces is not None
    assert (process.namespaces.mnt, process.namespaces.time) == (77, 0)
    assert (process.cgroup, process.container_id) == (ID, ID)
    assert process.cgroup_id == cgroup.stat().st_ino


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/", "/pods/agent"), ("/../web", "/pods/web"), ("/../../docker/x", "/docker/x")],
)
def test_in_a_cgroup_namespace(tmp_path: Path, path: str, expected: str) -> None:
    """Paths are told from the agent's own cgroup; processes are found in the host's."""
    files = {"stat": stat_line(), "cgroup": f"0::{path}\n".encode()}
    cgroup = tmp_path / "1" / "root" / "mnt" / expected[1:]
    cgroup.mkdir(parents=True)
    hierarchy = Hierarchy(controller="", mount="/mnt")
    scanner = ProcScanner(str(make_proc(tmp_path, files, {})), hierarchy)
    scanner.cgroup_root = "/pods/agent"

    (process,) = scanner.scan()

    assert cgroup.stat().st_ino == process.cgroup_id


def test_a_cgroup_whose_name_is_no_text(tmp_path: Path) -> None:
    """It is found all the same, and its name is shown as text."""
    files = {"stat": stat_line(), "cgroup": b"0::/a\xff\n"}
    cgroup = tmp_path / "1" / "root" / "mnt" / "a\udcff"
    cgroup.mkdir(parents=True)
    hierarchy = Hierarchy(controller="", mount="/mnt")

    (process,) = ProcScanner(str(make_proc(tmp_path, files, {})), hierarchy).scan()

    assert (cgroup.stat().st_ino, "a\ufffd") == (process.cgroup_id, process.cgroup)


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    """Not zero, and not the end of the walk."""
    (process,) = ProcScanner(str(make_proc(tmp_path, {"stat": stat_line()}, {}))).scan()

    texts = (process.executable, process.argv, process.cwd, process.auid)
    assert texts == (None, None, None, None)
    assert (process.credentials, process.capabilities, process.namespaces) == (None, None, None)
    assert (process.cgroup, process.cgroup_id, process.container_id) == ("", 0, "")


def test_a_process_that_vanishes_is_left_out(tmp_path: Path) -> None:
    """Its directory is there, its files are not."""
    assert list(ProcScanner(str(make_proc(tmp_path, {}, {}))).scan()) == []
    assert ProcScanner(str(tmp_path)).try_read(4711) is None


@pytest.mark.parametrize(
    ("cmdline", "argv"),
    [
        (b"", ()),
        (b"a\0", (b"a",)),
        (b"a\0\0", (b"a", b"")),
        (b"rewritten title", (b"rewritten title",)),
        (b"p\0" + b"x" * 200_000 + b"\0", (b"p", b"x" * 200_000)),
    ],
    ids=["empty", "one", "empty argument", "title", "huge"],
)
def test_arguments_are_read_to_the_last_byte(
    tmp_path: Path, cmdline: bytes, argv: tuple[bytes, ...]
) -> None:
    """Only the NUL behind the last one is not part of them."""
    root = make_proc(tmp_path, {"stat": stat_line(), "cmdline": cmdline}, {})

    (process,) = ProcScanner(str(root)).scan()

    assert process.argv == argv


def test_kernel_threads_are_told_by_their_flag(tmp_path: Path) -> None:
    """An empty command line would not do: programs can clear theirs."""
    root = make_proc(tmp_path, {"stat": stat_line("kworker/0:1", flags=0x0020_8040)}, {})

    (process,) = ProcScanner(str(root)).scan()

    assert process.kernel_thread
    assert process.comm == "kworker/0:1"


@pytest.mark.parametrize(
    ("state", "threads", "is_over"),
    [("Z", 1, True), ("X", 1, True), ("Z", 2, False), ("S", 1, False)],
)
def test_a_zombie_with_running_threads_is_not_over(state: str, threads: int, is_over: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """The leader may leave first."""
    stat = parse_stat(stat_line(state=state, threads=threads))

    assert stat is not None
    assert stat.is_over is is_over


def test_an_empty_status_gives_nothing() -> None:
    """Nothing is not zero."""
    status = parse_status(b"")

    assert (status.nspid, status.credentials, status.capabilities) == (0, None, None)


def test_this_process_is_found_in_the_real_proc() -> None:
    """Pid, parent, program, arguments and ids as the system calls tell them."""
    process = ProcScanner().try_read(os.getpid())

    assert process is not None
    assert (process.tgid, process.ppid) == (os.getpid(), os.getppid())
    assert process.executable == str(Path("/proc/self/exe").readlink())
    assert process.cwd == str(Path.cwd())
    assert process.credentials is not None
    assert (process.credentials.uid, process.credentials.egid) == (os.getuid(), os.getegid())
    assert process.namespaces is not None
    assert process.namespaces.mnt == Path("/proc/self/ns/mnt").stat().st_ino


def test_the_walk_leaks_no_descriptor() -> None:
    """As many open files after it as before."""
    before = len(list(Path("/proc/self/fd").iterdir()))

    assert os.getpid() in {process.tgid for process in ProcScanner().scan()}
    assert len(list(Path("/proc/self/fd").iterdir())) == before
