# SPDX-License-Identifier: Apache-2.0
"""Parts of what makes the executable; whether it runs, other levels tell."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from distlib.archive import tree_archive

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"b/second": b"2", "a": b"1" * 1000, "b/c/third": b""}


def tree_at(path: Path, names: list[str]) -> Path:
    """A folder with these files, made in this order."""
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(FILES[name])
    return path


def test_an_archive_depends_on_content_only(tmp_path: Path) -> None:
    """Order of creation, times and permissions of folders make no difference."""
    one = tree_at(tmp_path / "one", list(FILES))
    two = tree_at(tmp_path / "two", list(reversed(FILES)))
    os.utime(two / "a", (1, 1))
    (two / "b").chmod(0o700)
    (two / "a").chmod(0o600)

    assert tree_archive(one) == tree_archive(two)


def test_an_archive_has_what_the_launcher_reads(tmp_path: Path) -> None:
    """Folders come before what is in them; nobody's name or number is in it."""
    (tmp_path / "run").write_bytes(b"x")
    (tmp_path / "run").chmod(0o700)
    tree = tree_at(tmp_path, list(FILES))

    with tarfile.open(fileobj=io.BytesIO(tree_archive(tree))) as archive:
        entries = [(one.name, one.mode, one.isdir()) for one in archive]
        owners = {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in archive}

    expected = [
        ("a", 0o644, False),
        ("b", 0o755, True),
        ("b/c", 0o755, True),
        ("b/c/third", 0o644, False),
        ("b/second", 0o644, False),
        ("run", 0o755, False),
    ]
    assert (expected, {(0, 0, "", "", 0)}) == (entries, owners)


def test_a_name_the_launcher_could_not_read(tmp_path: Path) -> None:
    """It is refused when the executable is made, by name."""
    (tmp_path / ("n" * 100)).touch()
    with pytest.raises(SystemExit, match="names in the executable have up to 99 bytes"):
        tree_archive(tmp_path)
