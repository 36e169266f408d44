# SPDX-License-Identifier: Apache-2.0
"""The executable unpacks itself once; a copy that is not as it was left is never used."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exe.copies import VERSION, changed_digest, contents, only_copy, start, version
from exe.executables import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AT_ONCE = 6
USER = 1000
LIBRARY = "lib/libz.so.1"
TWO_DAYS_S = 2 * 24 * 3600


MEMORY = Path("/dev/shm")


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the copies are: in memory if programs may run from there, since each is 66 MB."""
    is_good = MEMORY.is_dir() and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    with tempfile.TemporaryDirectory(prefix="tm-exe-", dir=MEMORY if is_good else None) as name:
        yield Path(name) / "place"


def change_a_byte(copy: Path) -> None:
    """The size stays, and so does the time that everybody can set."""
    file = copy / LIBRARY
    before = file.stat()
    with file.open("r+b") as opened:
        opened.seek(100)
        opened.write(b"x")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_the_program(copy: Path) -> None:
    """By one that says so."""
    (copy / "tetragon-mini").write_text("#!/bin/sh\necho other\n")


def make_a_link(copy: Path) -> None:
    """To a file with the same content."""
    file = copy / LIBRARY
    file.rename(copy.parent.parent / "moved")
    file.symlink_to(copy.parent.parent / "moved")


def link_the_folder(copy: Path) -> None:
    """To one with the same content, elsewhere."""
    moved = copy.parent.parent / "moved"
    shutil.copytree(copy, moved)
    shutil.rmtree(copy)
    copy.symlink_to(moved)


def make_a_file(copy: Path) -> None:
    """Instead of the folder."""
    shutil.rmtree(copy)
    copy.write_text("none")


def link_the_list(copy: Path) -> None:
    """To a file beside it."""
    (copy / "complete").rename(copy / "list")
    (copy / "complete").symlink_to("list")


def restore_from_a_backup(copy: Path) -> None:
    """All files with their content, owners and times, but written anew."""
    moved = copy.with_name("moved")
    copy.rename(moved)
    shutil.copytree(moved, copy)
    shutil.rmtree(moved)


CHANGES: dict[str, Callable[[Path], object]] = {
    "changed": change_a_byte,
    "other program": replace_the_program,
    "shorter": lambda copy: os.truncate(copy / LIBRARY, 1000),
    "removed": lambda copy: (copy / LIBRARY).unlink(),
    "a link": make_a_link,
    "a file more": lambda copy: (copy / "lib/sitecustomize.py").write_text("print('other')"),
    "writable by others": lambda copy: (copy / LIBRARY).chmod(0o666),
    "another's file": lambda copy: os.chown(copy / LIBRARY, USER, USER),
    "folder writable by others": lambda copy: copy.chmod(0o777),
    "another's folder": lambda copy: os.chown(copy, USER, USER),
    "folder is a link": link_the_folder,
    "folder is a file": make_a_file,
    "from a backup": restore_from_a_backup,
    "not complete": lambda copy: (copy / "complete").unlink(),
    "list is empty": lambda copy: (copy / "complete").write_text(""),
    "list is a link": link_the_list,
    "without its lock": lambda copy: (copy / "lock").unlink(),
}


def test_the_second_start_unpacks_nothing(executable: Path, place: Path, tmp_path: Path) -> None:
    """The copy of the first one is used as it is, by an executable of another name too."""
    place /= "with space/é'\"%"
    told = version(executable, place)
    copy = only_copy(place)
    before = (copy.stat().st_ino, (copy / "complete").stat().st_ctime_ns)
    told_again = version(executable.rename(tmp_path / "other"), place)

    assert (VERSION, VERSION) == (told, told_again)
    assert before == (copy.stat().st_ino, (copy / "complete").stat().st_ctime_ns)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_was_changed_is_not_used(
    executable: Path, place: Path, change: Callable[[Path], object]
) -> None:
    """The next start replaces the whole copy, and runs what it has unpacked itself."""
    version(executable, place)
    copy = only_copy(place)
    before = contents(copy)
    change(copy)
    told = version(executable, place)

    assert VERSION == told
    assert before == contents(only_copy(place))
    assert not copy.is_symlink()


def test_many_first_starts_at_once(executable: Path, place: Path) -> None:
    """Each runs, and one copy is left; also where a copy that is no good is replaced."""
    for _ in range(2):
        started = [start(executable, place, "version") for _ in range(AT_ONCE)]
        told = [one.communicate(timeout=DEADLINE_S) for one in started]

        assert [VERSION] * AT_ONCE == [
            (one.returncode, *texts) for one, texts in zip(started, told, strict=True)
        ]
        change_a_byte(only_copy(place))


def test_killed_while_it_unpacks(executable: Path, place: Path) -> None:
    """What is left then is removed by the next start, which is not disturbed by it."""
    place.mkdir()
    first = start(executable, place, "version")
    deadline = time.monotonic() + DEADLINE_S
    # Its folder has another name until all is there.
    while not list(place.glob(".new-*/lib")) and time.monotonic() < deadline:
        assert first.poll() is None
    first.kill()
    first.communicate(timeout=DEADLINE_S)
    left = [path.name for path in place.iterdir()]
    told = version(executable, place)

    assert (1, ".new-") == (len(left), left[0][:5])
    assert VERSION == told
    assert only_copy(place).name[:1] != "."


@pytest.mark.parametrize(
    ("age_s", "is_used", "is_left"),
    [(0, False, True), (TWO_DAYS_S, True, True), (TWO_DAYS_S, False, False)],
    ids=["used today", "in use", "not used any more"],
)
def test_another_version_beside_it(
    executable: Path, place: Path, age_s: int, *, is_used: bool, is_left: bool
) -> None:
    """Each version has its copy; one that nobody has used for a day is removed by the next."""
    version(executable, place)
    old = only_copy(place)
    os.utime(old / "lock", (time.time() - age_s,) * 2)
    changed_digest(executable)
    with (old / "lock").open() as lock:
        if is_used:
            fcntl.flock(lock, fcntl.LOCK_SH)
        told = version(executable, place)

    assert VERSION == told
    assert (is_left, True) == (old.exists(), (place / ("0" * 16)).exists())
