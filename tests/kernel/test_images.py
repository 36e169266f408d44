# SPDX-License-Identifier: Apache-2.0
"""What runs: files named by path or descriptor, scripts, files without a name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel.recorder import ROOT_FLAGS
from tetragon_core.messages import ExecFlag

if TYPE_CHECKING:
    from kernel.recorder import Recorder

BY_DESCRIPTOR = ROOT_FLAGS | ExecFlag.BY_EXECVEAT


@pytest.fixture
def finish(workload: Path, tmp_path: Path) -> Path:
    """A private copy of a program that can be removed."""
    return Path(shutil.copy(workload / "finish", tmp_path / "finish")).resolve()


def test_file_by_path(recorder: Recorder, finish: Path) -> None:
    """An exec by path has the resolved path and no flags but that it is the first."""
    message = recorder.run([str(finish), "3"]).only_exec

    assert (ROOT_FLAGS, os.fsencode(finish)) == (message.flags, message.executable)
    assert (os.fsencode(finish), b"") == (message.filename, message.interpreter)
    assert (finish.stat().st_ino, 1) == (message.inode, message.nlink)


def test_relative_name_through_a_link(recorder: Recorder, finish: Path) -> None:
    """The name stays as given, the executable is the file behind the link."""
    link = finish.with_name("link")
    link.symlink_to(finish)

    message = recorder.run(["./link"], prepare=lambda: os.chdir(finish.parent)).only_exec

    assert b"./link" == message.filename
    assert os.fsencode(finish) == message.executable
    assert os.fsencode(finish.parent) == message.cwd


def test_hard_link(recorder: Recorder, finish: Path) -> None:
    """A second name of the file: the one that was called, and two links."""
    other = finish.with_name("other")
    other.hardlink_to(finish)

    message = recorder.run([str(other)]).only_exec

    assert (os.fsencode(other), 2) == (message.executable, message.nlink)


def test_descriptor_of_a_file(recorder: Recorder, finish: Path) -> None:
    """fexecve: marked, and resolved to the path of the file."""
    fd = os.open(finish, os.O_PATH | os.O_CLOEXEC)

    message = recorder.run(["by-descriptor", "4"], program=fd).only_exec

    assert b"/dev/fd/%d" % fd == message.filename
    assert (BY_DESCRIPTOR, os.fsencode(finish)) == (message.flags, message.executable)
    assert (b"by-descriptor", b"4") == message.argv
    os.close(fd)


def test_memfd(recorder: Recorder, finish: Path) -> None:
    """A file that only ever was in memory: its name, no links, its inode."""
    fd = os.memfd_create("in memory")
    os.write(fd, finish.read_bytes())

    tree = recorder.run(["memfd"], program=fd)

    message = tree.only_exec
    assert b"/memfd:in memory (deleted)" == message.executable
    assert BY_DESCRIPTOR | ExecFlag.DELETED == message.flags
    assert (os.fstat(fd).st_ino, 0) == (message.inode, message.nlink)
    image = tree.exec_events[0].process.image
    assert image is not None
    assert image.properties is not None
    assert message.inode == image.properties.inode
    os.close(fd)


def test_deleted_file(recorder: Recorder, finish: Path) -> None:
    """A descriptor of a removed file: the path it had, marked, no links, its inode."""
    fd = os.open(finish, os.O_RDONLY | os.O_CLOEXEC)
    finish.unlink()

    message = recorder.run(["gone"], program=fd).only_exec

    assert os.fsencode(finish) + b" (deleted)" == message.executable
    assert BY_DESCRIPTOR | ExecFlag.DELETED == message.flags
    assert (os.fstat(fd).st_ino, 0) == (message.inode, message.nlink)
    os.close(fd)


def test_removed_name_of_a_file_with_another(recorder: Recorder, finish: Path) -> None:
    """The name that was called is gone, a second link is left: deleted, one link."""
    fd = os.open(finish, os.O_RDONLY | os.O_CLOEXEC)
    finish.with_name("other").hardlink_to(finish)
    finish.unlink()

    message = recorder.run(["gone"], program=fd).only_exec

    assert os.fsencode(finish) + b" (deleted)" == message.executable
    assert (BY_DESCRIPTOR | ExecFlag.DELETED, 1) == (message.flags, message.nlink)
    os.close(fd)


def make_script(path: Path, interpreter: str) -> Path:
    """An executable script."""
    path.write_text(f"#!{interpreter}\n")
    path.chmod(0o755)
    return path


def test_script(recorder: Recorder, finish: Path) -> None:
    """A script runs its interpreter: that is the executable, the script stays the name."""
    script = make_script(finish.with_name("script"), f"{finish} 5")

    message = recorder.run([str(script), "x"]).only_exec

    assert os.fsencode(script) == message.filename
    assert os.fsencode(finish) == message.interpreter
    assert os.fsencode(finish) == message.executable
    assert (os.fsencode(finish), b"5", os.fsencode(script), b"x") == message.argv


def test_script_of_a_script(recorder: Recorder, finish: Path) -> None:
    """An interpreter that is itself a script: the last one is the interpreter."""
    inner = make_script(finish.with_name("inner"), f"{finish} 6")
    outer = make_script(finish.with_name("outer"), str(inner))

    tree = recorder.run([str(outer), "x"])

    message = tree.only_exec
    assert os.fsencode(outer) == message.filename
    assert os.fsencode(finish) == message.interpreter == message.executable
    assert [str(finish), "6", str(inner), str(outer), "x"] == [*map(os.fsdecode, message.argv)]
    assert 6 << 8 == tree.status


def test_script_with_a_long_first_line(recorder: Recorder, finish: Path) -> None:
    """The kernel takes 255 bytes of the first line: all of them arrive."""
    argument = "7" + " " * 10 + "a" * (255 - len(f"#!{finish} 7") - 10 - 1)
    script = make_script(finish.with_name("script"), f"{finish} {argument}")

    message = recorder.run([str(script)]).only_exec

    assert (os.fsencode(finish), argument.encode(), os.fsencode(script)) == message.argv


def test_script_by_descriptor(recorder: Recorder, finish: Path) -> None:
    """The interpreter gets /dev/fd/N as the script's name."""
    script = make_script(finish.with_name("script"), str(finish))
    fd = os.open(script, os.O_RDONLY)
    os.set_inheritable(fd, True)  # noqa: FBT003  # takes no name

    message = recorder.run(["name"], program=fd).only_exec

    assert b"/dev/fd/%d" % fd == message.filename
    assert (os.fsencode(finish), b"/dev/fd/%d" % fd) == message.argv
    assert message.flags & ExecFlag.BY_EXECVEAT
    os.close(fd)


def test_exec_after_exec(recorder: Recorder, finish: Path) -> None:
    """A process that execs twice: the second is not the first, and names the image it replaced."""
    script = make_script(finish.with_name("script"), "/bin/sh")
    script.write_text(f"#!/bin/sh\nexec {finish} 8\n")

    tree = recorder.run([str(script)])

    first, second = tree.execs
    assert first.flags & ExecFlag.FIRST
    assert not second.flags & ExecFlag.FIRST
    assert first.process == second.previous
    assert first.parent == second.parent
    assert [second.process] == [message.process for message in tree.exits]
    events = tree.exec_events
    assert events[0].process.exec_id == events[1].process.parent_exec_id


def test_failed_exec(recorder: Recorder, finish: Path) -> None:
    """A file that is no program: nothing is reported but the fork and the exit."""
    finish.write_bytes(b"\x7fELF nothing")

    tree = recorder.run(["/bin/true"], prepare=lambda: _try_exec(finish))

    assert 1 == len(tree.execs)
    assert b"/bin/true" == tree.only_exec.filename


def _try_exec(path: Path) -> None:
    with pytest.raises(OSError, match="Exec format"):
        os.execv(path, [str(path)])
