# SPDX-License-Identifier: Apache-2.0
"""What the settings of the rails become, and which are refused."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tetragon_core.enforcement import EnforcementLimits
from tetragon_core.errors import UsageError
from tetragon_server.config import AgentConfig
from tetragon_server.rails import enforcement_limits

if TYPE_CHECKING:
    from pathlib import Path

STAT = "{pid} (a) b) S {ppid}" + " 0" * 40


def proc_of(root: Path, parents: dict[int, int], *, own: int) -> str:
    """A proc file system with these processes, pid → parent."""
    for pid, ppid in parents.items():
        directory = root / str(pid)
        directory.mkdir()
        (directory / "stat").write_text(STAT.format(pid=pid, ppid=ppid))
        (directory / "status").write_text(f"Name:\ta\nTgid:\t{pid}\n")
    (root / "self").symlink_to(str(own))
    return str(root)


def test_the_agents_line_is_always_spared(tmp_path: Path) -> None:
    """Pid 1, the agent as the host numbers it, and all above it; nothing else is limited."""
    procfs = proc_of(tmp_path, {1: 0, 2: 0, 70: 1, 800: 70, 9000: 800, 9001: 800}, own=9000)

    limits = enforcement_limits(AgentConfig(procfs=procfs))

    assert EnforcementLimits(never_kill_pids=frozenset({1, 70, 800, 9000})) == limits


def test_a_line_that_cannot_be_read_to_its_end(tmp_path: Path) -> None:
    """A parent that is hidden or gone ends it; pid 1 is spared whatever can be read."""
    procfs = proc_of(tmp_path, {9000: 800}, own=9000)

    limits = enforcement_limits(AgentConfig(procfs=procfs))

    assert frozenset({1, 800, 9000}) == limits.never_kill_pids


def test_the_line_of_this_process() -> None:
    """The real proc file system has this process and its parent."""
    limits = enforcement_limits(AgentConfig())

    assert {1, os.getpid(), os.getppid()} - {0} <= limits.never_kill_pids


def test_what_is_named_is_spared_as_well(tmp_path: Path) -> None:
    """Pids are numbers of the proc file system; a link's own name and where it leads both count."""
    (tmp_path / "proc").mkdir()
    procfs = proc_of(tmp_path / "proc", {1: 0, 55: 1, 9000: 1}, own=9000)
    (tmp_path / "link").symlink_to("real")
    link = str(tmp_path / "link")

    limits = enforcement_limits(
        AgentConfig(procfs=procfs, never_kill=("55", link, "/not/there/../x", link))
    )

    assert frozenset({1, 55, 9000}) == limits.never_kill_pids
    assert ("/not/x", link, str(tmp_path / "real")) == limits.never_kill_paths


def test_the_limit_of_kills() -> None:
    """It is passed on."""
    assert 60 == enforcement_limits(AgentConfig(max_kills_per_minute=60)).max_kills_per_minute


PID = "a process id is a number from 1 to 4194304"
KIND = "write a process id, or the absolute path of an executable"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"never_kill": ("0",)}, f"--never-kill 0: {PID}"),
        ({"never_kill": ("4194305",)}, f"--never-kill 4194305: {PID}"),
        ({"never_kill": ("9" * 30,)}, f"--never-kill {'9' * 30}: {PID}"),
        ({"never_kill": ("-1",)}, f"--never-kill -1: {KIND}"),
        ({"never_kill": ("٣",)}, f"--never-kill ٣: {KIND}"),
        ({"never_kill": ("1.0",)}, f"--never-kill 1.0: {KIND}"),
        ({"never_kill": ("sshd",)}, f"--never-kill sshd: {KIND}"),
        ({"never_kill": ("./sshd",)}, f"--never-kill ./sshd: {KIND}"),
        ({"never_kill": ("",)}, f"--never-kill (empty): {KIND}"),
        (
            {"never_kill": ("/usr/bin/",)},
            "--never-kill /usr/bin/: this is a directory; write the path of an executable",
        ),
        (
            {"never_kill": ("/a\0b",)},
            "--never-kill /a\\0b: a path has no zero byte",
        ),
        (
            {"never_kill": ("/" + "a" * 4096,)},
            f"--never-kill /{'a' * 39}…: the path is longer than any the kernel takes",
        ),
        (
            {"never_kill": ("4194304",)},
            "--never-kill 4194304: there is no such process; name its executable instead",
        ),
        (
            {"max_kills_per_minute": -1},
            "--max-kills-per-minute -1: write a number from 0 (no limit) to 4294967295",
        ),
        (
            {"max_kills_per_minute": 1 << 32},
            "--max-kills-per-minute 4294967296: write a number from 0 (no limit) to 4294967295",
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else "",
)
def test_refused_settings(tmp_path: Path, setting: dict[str, Any], expected: str) -> None:
    """One line names the option, what was given, and what would be right."""
    procfs = proc_of(tmp_path, {1: 0}, own=1)

    with pytest.raises(UsageError) as caught:
        enforcement_limits(AgentConfig(procfs=procfs, **setting))

    assert expected == str(caught.value)


def test_a_thread_is_no_process() -> None:
    """Its number is refused, with the one that is meant."""
    seen: list[str] = []

    def ask() -> None:
        with pytest.raises(UsageError) as caught:
            enforcement_limits(AgentConfig(never_kill=(str(threading.get_native_id()),)))
        seen.append(str(caught.value))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()

    own = os.getpid()
    words = f"this is a thread of process {own}; write that number"
    assert [f"--never-kill {thread.native_id}: {words}"] == seen
