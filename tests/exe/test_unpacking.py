# SPDX-License-Identifier: Apache-2.0
"""Where the executable cannot unpack itself it tries elsewhere, or says in one line what to do."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exe.copies import VERSION, only_copy, start, version
from exe.executables import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = 1000
PLACES = ("/var/lib", "/run")
FULL, READ_ONLY, NOT_RUNNING, GOOD = (
    *("size=20m", "size=200m,ro", "size=200m,noexec", "size=200m"),
)
REASONS = {
    FULL: "No space left on device",
    READ_ONLY: "Read-only file system",
    NOT_RUNNING: "programs may not run from there (noexec)",
}
DAMAGED = "tetragon-mini: this file is not complete, or damaged: download it again\n"


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that other users can enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="tm-exe-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("missing", [1, 64, 1_000_000, -1], ids=str)
def test_a_damaged_download(executable: Path, tmp_path: Path, missing: int) -> None:
    """Cut at its end, or with a byte changed in the middle, it says so and writes nothing."""
    size = executable.stat().st_size
    if missing > 0:
        os.truncate(executable, size - missing)
    else:
        with executable.open("r+b") as file:
            file.seek(size // 2)
            byte = file.read(1)
            file.seek(size // 2)
            file.write(bytes([byte[0] ^ 1]))
    told = version(executable, tmp_path / "place")

    assert (1, "", DAMAGED) == told
    assert not (tmp_path / "place").exists()


@pytest.mark.parametrize(
    ("first", "second"),
    [(FULL, GOOD), (READ_ONLY, GOOD), (NOT_RUNNING, GOOD), (FULL, READ_ONLY), (NOT_RUNNING, FULL)],
)
def test_disks(executable: Path, first: str, second: str) -> None:
    """The second place serves when the first one cannot; else both are named."""
    script = "set -e\n" + "".join(
        f"mount -t tmpfs -o {options} none {place}\n"
        for place, options in zip(PLACES, (first, second), strict=True)
    )
    script += 'code=0; env -i "$1" version || code=$?\n'
    script += "find /run/tetragon-mini /var/lib/tetragon-mini -type f | wc -l >&2\nexit $code"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", executable],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    lines = [line for line in done.stderr.splitlines() if not line.startswith("find:")]

    if second == GOOD:
        assert VERSION[:2] == (done.returncode, done.stdout)
        assert 1 == len(lines)
        assert int(lines[0]) > 100
    else:
        assert (1, "", 2, "0") == (done.returncode, done.stdout, len(lines), lines[1])
        reasons = [
            f"{p}/tetragon-mini/program: {REASONS[o]}; "
            for p, o in zip(PLACES, (first, second), strict=True)
        ]
        assert lines[0].startswith("tetragon-mini: cannot unpack itself: " + "".join(reasons))


def make_public(place: Path) -> None:
    """Everybody can write there."""
    place.mkdir()
    place.chmod(0o777)


def make_anothers(place: Path) -> None:
    """It belongs to a user."""
    place.mkdir()
    os.chown(place, USER, USER)


def make_anothers_link(place: Path) -> None:
    """A user's link in a folder such as /tmp, to a good folder."""
    place.parent.chmod(0o1777)
    (place.parent / "good").mkdir()
    place.symlink_to(place.parent / "good")
    os.chown(place, USER, USER, follow_symlinks=False)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (make_public, "others can change it, or a folder above it"),
        (make_anothers, "others can change it, or a folder above it"),
        (make_anothers_link, "others can change it, or a folder above it"),
        (Path.touch, "Not a directory"),
    ],
)
def test_folders_that_are_no_good(executable: Path, public: Path, make: object, told: str) -> None:
    """Root unpacks nothing where another user could put something else."""
    assert callable(make)
    place = public / "place"
    make(place)
    code, output, errors = version(executable, place)

    assert (1, "") == (code, output)
    assert errors.startswith(f"tetragon-mini: cannot unpack itself: {place}: {told}; set ")
    assert 1 == errors.count("\n")


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("relative", "TETRAGON_MINI_PROGRAM_DIR=relative is no absolute path"),
        ("/" + "x" * 5000, "the path in TETRAGON_MINI_PROGRAM_DIR is too long"),
        (f"/{'x' * 256}", "File name too long"),
    ],
    ids=["relative", "no path", "no name"],
)
def test_paths_that_are_none(executable: Path, place: str, told: str) -> None:
    """One line tells what is wrong."""
    code, output, errors = version(executable, Path(place))

    assert (1, "", 1, True) == (code, output, errors.count("\n"), told in errors)


def test_a_path_without_room_in_the_program(executable: Path, public: Path) -> None:
    """The path of a copy has a limit that is smaller than the system's."""
    code, output, errors = version(executable, public / ("x" * 120) / ("y" * 120))

    assert (1, "", 1) == (code, output, errors.count("\n"))
    assert ": File name too long; set TETRAGON_MINI_PROGRAM_DIR" in errors


def test_a_user_and_the_copy_of_root(executable: Path, public: Path) -> None:
    """A user runs root's copy in a chosen folder, until it is changed; then there is one line."""
    place = public / "place"
    version(executable, place)
    readable = public / "program"
    executable.rename(readable)
    told = version(readable, place, user=USER)
    (only_copy(place) / "lib/libz.so.1").chmod(0o666)
    code, output, errors = version(readable, place, user=USER)

    assert VERSION == told
    assert (1, "", 1) == (code, output, errors.count("\n"))
    assert "run it once as root, whose copy everybody uses" in errors


EXECUTE = "import ctypes, sys; ctypes.CDLL(None).execv(sys.argv[1].encode(), ctypes.c_void_p())"


def test_an_empty_argument_list(executable: Path, tmp_path: Path) -> None:
    """Started without even a name it shows its help, as it does without arguments."""
    place = {"TETRAGON_MINI_PROGRAM_DIR": str(tmp_path / "place")}
    nameless = [sys.executable, "-c", EXECUTE, str(executable)]
    results = [
        subprocess.run(words, env=place, capture_output=True, text=True, check=False)
        for words in (nameless, [str(executable)])
    ]

    assert [0, 0] == [one.returncode for one in results]
    assert results[0].stdout.partition("Options:")[2] == results[1].stdout.partition("Options:")[2]


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_closed_streams(executable: Path, tmp_path: Path, closed: tuple[int, ...]) -> None:
    """No file of the program takes the number of a stream that is closed, now or later."""
    closing = " ".join(f"{number}>&-" for number in closed)
    for _ in range(2):
        done = subprocess.run(
            ["sh", "-c", f'"$1" version {closing}', "sh", executable],
            env={"TETRAGON_MINI_PROGRAM_DIR": str(tmp_path / "place")},
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_S,
        )

        assert (0, "") == (done.returncode, done.stderr)
        assert ("" if 1 in closed else VERSION[1]) == done.stdout


def test_libraries_of_the_host_are_not_loaded(executable: Path, tmp_path: Path) -> None:
    """They are made for another C library than the program's, and are not even looked for."""
    more = {"LD_PRELOAD": "/none.so", "LD_AUDIT": "/none.so", "LD_LIBRARY_PATH": "/none"}

    assert VERSION == version(executable, tmp_path / "place", more=more)


def test_root_of_a_user_namespace(executable: Path, public: Path) -> None:
    """Who is root only there has no place of root's, and unpacks at home."""
    home = public / "home"
    home.mkdir()
    os.chown(home, USER, USER)
    readable = executable.rename(public / "program")
    done = subprocess.run(
        ["unshare", "--map-root-user", readable, "version"],
        env={"HOME": str(home)},
        user=USER,
        group=USER,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )

    assert VERSION == (done.returncode, done.stdout, done.stderr)
    assert only_copy(home / ".cache/tetragon-mini/program").is_dir()


def test_without_proc(executable: Path) -> None:
    """It cannot find its own file there, and says so."""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", 'umount -l /proc && exec "$1"', "sh", executable],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )

    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert "is /proc mounted?" in done.stderr


def test_a_limit_of_file_sizes(executable: Path, tmp_path: Path) -> None:
    """An error as any other, which leaves nothing."""
    place = tmp_path / "place"
    limited = tmp_path / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -f 1000\nexec {executable} "$@"\n')
    limited.chmod(0o755)
    process = start(limited, place, "version")
    output, errors = process.communicate(timeout=DEADLINE_S)

    assert (1, "", 1) == (process.returncode, output, errors.count("\n"))
    assert f"{place}: File too large; set " in errors
    assert [] == list(place.iterdir())
