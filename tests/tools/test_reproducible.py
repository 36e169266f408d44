# SPDX-License-Identifier: Apache-2.0
"""Two executables are compared by their files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from distlib.archive import pack
from rebuildlib.comparing import differences
from rebuildlib.contents import contents_of

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"lib/a.so": b"abc", "lib/b/c.txt": b"text"}


def executable(folder: Path, files: dict[str, bytes], launcher: bytes = b"launcher") -> Path:
    """One that is put together as the real one is, of these files."""
    for name, content in files.items():
        path = folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "launcher").write_bytes(launcher)
    pack(folder / "launcher", folder / "tree", folder / "executable")
    return folder / "executable"


def test_the_same_files_are_the_same_executable(tmp_path: Path) -> None:
    """Times, order of making and modes but for x change nothing."""
    first = executable(tmp_path / "one", FILES)
    second = executable(tmp_path / "two", dict(reversed(FILES.items())))
    for path in (tmp_path / "two/tree").rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o600 if path.is_file() else 0o700)
    pack(tmp_path / "two/launcher", tmp_path / "two/tree", second)

    assert [] == differences(first, second)
    assert FILES == {
        name: entry.content for name, entry in contents_of(second).entries.items() if entry.content
    }


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"lib/a.so": b"abcd"}, "lib/a.so: 3 and 4 bytes"),
        ({"lib/a.so": b"axc"}, "lib/a.so: byte 1 and others"),
        ({"lib/d": b""}, "lib/d: only in the second"),
    ],
    ids=["length", "byte", "file"],
)
def test_each_difference_is_a_line(tmp_path: Path, changes: dict[str, bytes], line: str) -> None:
    """Who looks for what is not reproducible starts with the file."""
    first = executable(tmp_path / "one", FILES)
    second = executable(tmp_path / "two", FILES | changes)

    assert [line] == differences(first, second)


def test_another_launcher_is_a_difference(tmp_path: Path) -> None:
    """What is before the archive counts too."""
    first = executable(tmp_path / "one", FILES)
    second = executable(tmp_path / "two", FILES, launcher=b"other")

    assert ["the launcher"] == differences(first, second)


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A file of another form is told by its name."""
    path = tmp_path / "program"
    path.write_bytes(b"x" * 100)

    with pytest.raises(ValueError, match=r"program: is no executable of tetragon-mini"):
        contents_of(path)
