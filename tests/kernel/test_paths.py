# SPDX-License-Identifier: Apache-2.0
"""Paths as the process sees them: long, deep, through mounts, below another root, or gone."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kernel.recorder import ROOT_FLAGS
from kernel.system import MS_BIND, mount, private_mounts
from tetragon_core.messages import ExecFlag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.recorder import Recorder

PATH_MAX: Final = 4096
"""What one record field holds, and the kernel takes as a name, with its NUL."""


@pytest.fixture
def finish(workload: Path, tmp_path: Path) -> Iterator[Path]:
    """A private copy of a program; its directory is removed, as deep as it may have become."""
    directory = tmp_path.resolve() / "paths"
    directory.mkdir()
    yield Path(shutil.copy(workload / "finish", directory))
    subprocess.run(["rm", "-rf", directory], check=True)


def descend(names: list[str]) -> None:
    """Make a directory for each name in the one before and go there, never by a long name."""
    for name in names:
        os.mkdir(name)  # noqa: PTH102  relative, thousands of times
        os.chdir(name)


def descended(start: Path, names: list[str]) -> None:
    """Go to `start`, then descend."""
    os.chdir(start)
    descend(names)


@pytest.mark.parametrize("depth", [1, 127, 128, 129, 256, 1000])
def test_deep_working_directory(recorder: Recorder, finish: Path, depth: int) -> None:
    """However many components: the whole path."""
    tree = recorder.run([str(finish)], prepare=lambda: descended(finish.parent, ["d"] * depth))

    message = tree.only_exec
    assert os.fsencode(finish.parent) + b"/d" * depth == message.cwd
    assert ROOT_FLAGS == message.flags


def test_two_thousand_components(recorder: Recorder, finish: Path) -> None:
    """As deep as a path of PATH_MAX can be: every byte of it."""
    base = os.fsencode(finish.parent)
    depth = (PATH_MAX - 1 - len(base)) // 2

    tree = recorder.run([str(finish)], prepare=lambda: descended(finish.parent, ["d"] * depth))

    message = tree.only_exec
    assert (base + b"/d" * depth, ROOT_FLAGS) == (message.cwd, message.flags)


def test_directory_longer_than_a_path(recorder: Recorder, finish: Path) -> None:
    """A longer path than the system itself can give: its end, in whole names, and marked."""
    names = [f"{number:03}-" + "n" * 250 for number in range(20)]

    tree = recorder.run([str(finish)], prepare=lambda: descended(finish.parent, names))

    message = tree.only_exec
    assert ROOT_FLAGS | ExecFlag.PARTIAL_CWD == message.flags
    fitting = PATH_MAX // (1 + len(names[0]))
    assert "".join(f"/{name}" for name in names[-fitting:]).encode() == message.cwd


def test_deeper_than_the_walk(recorder: Recorder, finish: Path) -> None:
    """More components than fit: the innermost ones, and marked."""
    tree = recorder.run([str(finish)], prepare=lambda: descended(finish.parent, ["d"] * 3000))

    message = tree.only_exec
    assert ROOT_FLAGS | ExecFlag.PARTIAL_CWD == message.flags
    assert b"/d" * (PATH_MAX // 2) == message.cwd


def test_long_file_name(recorder: Recorder, finish: Path) -> None:
    """A name of the greatest length exec takes, and the longest directory names."""
    base = str(finish.parent)
    names = ["n" * 255] * ((PATH_MAX - len(base) - 60) // 256)
    directory = Path(base, *names)
    directory.mkdir(parents=True)
    last = "f" * min(255, PATH_MAX - 1 - len(str(directory)) - 1)
    name = f"{directory}/{last}"
    finish.rename(name)

    message = recorder.run([name]).only_exec

    assert (name.encode(), name.encode()) == (message.filename, message.executable)
    assert ROOT_FLAGS == message.flags


def test_removed_working_directory(recorder: Recorder, finish: Path) -> None:
    """A directory that is gone: the path it had."""

    def prepare() -> None:
        descended(finish.parent, ["gone"])
        Path("../gone").rmdir()

    message = recorder.run([str(finish)], prepare=prepare).only_exec

    assert os.fsencode(finish.parent / "gone") == message.cwd


def test_root_directory(recorder: Recorder, finish: Path) -> None:
    """The root is a path of one byte."""
    message = recorder.run([str(finish)], prepare=lambda: os.chdir("/")).only_exec

    assert (b"/", ROOT_FLAGS) == (message.cwd, message.flags)


def test_changed_root(recorder: Recorder, finish: Path) -> None:
    """Below another root paths are as seen from there."""

    def prepare() -> None:
        os.chroot(finish.parent)
        os.chdir("/")

    message = recorder.run(["/finish"], prepare=prepare).only_exec

    assert (b"/", b"/finish", ROOT_FLAGS) == (message.cwd, message.executable, message.flags)


def test_directory_outside_the_root(recorder: Recorder, finish: Path) -> None:
    """A working directory that is not below the root: its path, marked as not reached."""
    jail = finish.parent / "jail"
    jail.mkdir()
    shutil.copy(finish, jail)
    (finish.parent / "outside").mkdir()

    def prepare() -> None:
        os.chdir(finish.parent / "outside")
        os.chroot(jail)

    message = recorder.run(["/finish"], prepare=prepare).only_exec

    assert os.fsencode(finish.parent / "outside") == message.cwd
    assert ROOT_FLAGS | ExecFlag.PARTIAL_CWD == message.flags
    assert b"/finish" == message.executable


def test_bind_mount(recorder: Recorder, finish: Path) -> None:
    """Through a bind mount in a mount namespace of its own: the path that was used."""
    target = finish.parent / "bound"
    target.mkdir()
    (finish.parent / "real").mkdir()
    real = finish.rename(finish.parent / "real" / "finish")

    def prepare() -> None:
        private_mounts()
        mount(real.parent, target, "none", MS_BIND)
        os.chdir(target)

    message = recorder.run([str(target / "finish")], prepare=prepare).only_exec

    assert os.fsencode(target / "finish") == message.executable
    assert (os.fsencode(target), ROOT_FLAGS) == (message.cwd, message.flags)


def test_bind_mount_of_a_file(recorder: Recorder, finish: Path) -> None:
    """A single file mounted elsewhere under another name."""
    other = finish.with_name("other")
    other.touch()

    def prepare() -> None:
        private_mounts()
        mount(finish, other, "none", MS_BIND)

    message = recorder.run([str(other)], prepare=prepare).only_exec

    assert (os.fsencode(other), ROOT_FLAGS) == (message.executable, message.flags)


def test_stacked_mounts(recorder: Recorder, finish: Path) -> None:
    """A file system on a file system on a directory, each of which is mounted."""
    target = finish.parent / "a" / "b"
    target.mkdir(parents=True)

    def prepare() -> None:
        private_mounts()
        mount("one", target.parent, "tmpfs")
        target.mkdir()
        mount("two", target, "tmpfs")
        mount("three", target, "tmpfs")
        shutil.copy(finish, target)
        os.chdir(target)

    message = recorder.run([str(target / "finish")], prepare=prepare).only_exec

    assert os.fsencode(target / "finish") == message.executable
    assert (os.fsencode(target), ROOT_FLAGS) == (message.cwd, message.flags)


def test_overlay(recorder: Recorder, finish: Path) -> None:
    """A file of a lower layer: the path in the merged directory, not in the layer."""
    base = finish.parent / "layers"
    merged = base / "merged"

    def prepare() -> None:
        private_mounts()
        base.mkdir()
        mount("layers", base, "tmpfs")
        for name in ("lower", "upper", "work", "merged"):
            (base / name).mkdir()
        shutil.copy(finish, base / "lower")
        layers = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
        mount("overlay", merged, "overlay", 0, layers)

    message = recorder.run([str(merged / "finish")], prepare=prepare).only_exec

    assert (os.fsencode(merged / "finish"), ROOT_FLAGS) == (message.executable, message.flags)


def test_odd_names(recorder: Recorder, finish: Path) -> None:
    """Blanks, newlines and bytes that are no UTF-8 in names: as they are."""
    directory = os.fsencode(finish.parent) + b"/a b\n\xff"
    os.mkdir(directory)  # noqa: PTH102  bytes
    name = directory + b"/pro gram\xe9"
    os.rename(finish, name)  # noqa: PTH104  bytes

    message = recorder.run([name], prepare=lambda: os.chdir(directory)).only_exec

    assert (name, name, directory) == (message.filename, message.executable, message.cwd)
