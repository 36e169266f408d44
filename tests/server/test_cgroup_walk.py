# SPDX-License-Identifier: Apache-2.0
"""Walks over the cgroup file system, on directories that stand for it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from tetragon_core.cgroups import Hierarchy
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_server import cgroup_walk
from tetragon_server.cgroup_walk import CgroupWalk, host_cgroups

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAR = 1 << 40
"""Numbers no directory of a test has."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is taken for a hierarchy."""
    made = tmp_path / "cgroup"
    made.mkdir()
    (made / "cgroup.procs").touch()
    monkeypatch.setattr(cgroup_walk, "_ROOT_ID", made.stat().st_ino)
    return made


def make(root: Path, *paths: str) -> list[int]:
    """Directories, each with a file; their numbers."""
    for path in paths:
        (root / path).mkdir(parents=True)
        (root / path / "cgroup.procs").touch()
    return [(root / path).stat().st_ino for path in paths]


def paths_of(table: CgroupTable) -> dict[int, str]:
    """All but the root."""
    return {one.id: one.path for one in table if one.path}


def test_all_there_are(root: Path) -> None:
    """With the numbers of their directories, outer ones first; no links, no files."""
    ids = make(root, "a", "a/b", "a/b/c", "d")
    (root / "link").symlink_to(root / "a")
    table = CgroupTable()
    order: list[str] = []
    table.made.append(lambda cgroup: order.append(cgroup.path))

    CgroupWalk(table, str(root)).enter_all()

    assert dict(zip(ids, ("/a", "/a/b", "/a/b/c", "/d"), strict=True)) == paths_of(table)
    assert order.index("/a") < order.index("/a/b") < order.index("/a/b/c")
    assert root.stat().st_ino in table


def test_what_is_gone(root: Path) -> None:
    """Is taken out; what is there stays as it is."""
    (kept,) = make(root, "kept")
    table = CgroupTable()
    table.add(FAR, "/gone")
    table.add(kept, "/kept")
    before = table.get(kept)

    CgroupWalk(table, str(root)).enter_all()

    assert {kept: "/kept"} == paths_of(table)
    assert before is table.get(kept)


def test_what_cannot_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too deep for a path, say: what records told of it stays."""
    make(root, "a/b")
    table = CgroupTable()
    table.add(FAR, "/a/b/deep")
    table.add(FAR + 1, "/a/bc")
    scan = os.scandir

    def refuse(path: str) -> Any:
        if path.endswith("/b"):
            raise OSError(36, "File name too long")
        return scan(path)

    make(root, "a/b/c")
    monkeypatch.setattr(os, "scandir", refuse)
    CgroupWalk(table, str(root)).enter_all()

    assert FAR in table
    assert FAR + 1 not in table


def test_not_the_root_of_a_hierarchy(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Paths would be wrong: a warning, no walk, and nobody waits for one."""
    make(tmp_path, "a")
    table = CgroupTable()

    CgroupWalk(table, str(tmp_path)).enter_all()

    assert {} == paths_of(table)
    assert [] == table.doubted
    assert "not the root of its cgroup hierarchy" in caplog.text


def test_the_path_of_a_directory(root: Path, tmp_path: Path) -> None:
    """Wherever it is mounted; of the root and of other directories it is empty."""
    make(root, "pods/agent")
    (tmp_path / "mount").symlink_to(root / "pods/agent")
    walk = CgroupWalk(CgroupTable(), str(root))
    walk.enter_all()

    found = [walk.path_of(str(one)) for one in (tmp_path / "mount", root, tmp_path, "/gone")]

    assert ["/pods/agent", "", "", ""] == found


def test_where_the_host_sees_it(root: Path, tmp_path: Path) -> None:
    """In the root directory of the host's first process, else in ours."""
    procfs = tmp_path / "proc"
    hierarchy = Hierarchy(controller="", mount=str(root))
    ours = host_cgroups(str(procfs), hierarchy)
    place = procfs / "1/root" / str(root).lstrip("/")
    place.parent.mkdir(parents=True)
    place.symlink_to(root)

    assert str(root) == ours
    assert str(place) == host_cgroups(str(procfs), hierarchy)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Pauses that take no time; what they were to take."""
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", pause)
    yield pauses
    monkeypatch.undo()


def test_walks_in_doubt(root: Path, clock: list[float]) -> None:
    """One for all doubts that come before it; a pause after each, and turns for others."""
    make(root, *(f"d{number}" for number in range(450)))
    table = CgroupTable()
    walk = CgroupWalk(table, str(root))

    async def doubt() -> None:
        task = asyncio.create_task(walk.keep_right())
        for _ in range(3):
            table.doubt()
        settled = asyncio.Event()
        table.settled.append(settled.set)
        await settled.wait()
        task.cancel()

    asyncio.run(doubt())

    assert 450 == len(paths_of(table))
    assert 1 == walk.walks
    assert [0, 0] == clock[:2]
    assert all(seconds >= 1 for seconds in clock[2:])


def test_made_while_it_walks(root: Path) -> None:
    """What a record told of meanwhile is not taken for gone, though the walk had passed by."""
    make(root, "a", "b")
    table = CgroupTable()
    walk = CgroupWalk(table, str(root))
    steps = walk._steps()
    next(steps)

    table.add(FAR, "/new")
    for _ in steps:
        pass

    assert FAR in table
