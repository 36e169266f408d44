# SPDX-License-Identifier: Apache-2.0
"""Walks over the cgroup file system: one at start, and one when records of cgroups went missing.

    start ───────────────────────► every cgroup ──► CgroupTable
    ring full, path unknown ─► doubt ─► walk, in turns, not one right after the other ─┘

A record that is read after a walk may be older than it; that does no harm, as each cgroup's last
record says what became of it. Ids are never used again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.cgroups import Hierarchy
    from tetragon_core.workloads.cgroup_table import CgroupTable

__all__ = ["CgroupWalk", "host_cgroups"]

_log = logging.getLogger(__name__)

_ROOT_ID: Final = 1
"""Of a hierarchy's own root. Elsewhere the mount shows a part of it, and paths would be wrong."""
_NO_DIRECTORIES: Final = 2
"""Links to a directory without others inside. To list all files of one takes ten times as long."""
_PER_TURN: Final = 200
"""About 2 ms."""
_PAUSE_S: Final = 1.0
_SHARE: Final = 20
"""A walk is followed by a pause that is so many times as long, so that nobody can keep us busy."""


def host_cgroups(procfs: str, hierarchy: Hierarchy) -> str:
    """Where the host sees the hierarchy, which in a container is not where we do."""
    for place in (f"{procfs}/1/root{hierarchy.mount}", hierarchy.mount):
        if _is_root(place):
            return place
    return hierarchy.mount


def _is_root(place: str) -> bool:
    """Whether all of a cgroup hierarchy is mounted there."""
    try:
        is_root = Path(place).stat().st_ino == _ROOT_ID
        return is_root and Path(place, "cgroup.procs").exists()  # a tmpfs may have the number too
    except OSError:
        return False


class CgroupWalk:
    """One per agent."""

    def __init__(self, table: CgroupTable, root: str) -> None:
        """`root`: directory at which the whole hierarchy is mounted."""
        self._table = table
        self._root = root
        self._is_whole = _is_root(root)
        self._doubted = asyncio.Event()
        self._unreadable: list[str] = []
        self.walks = 0
        """That came to their end."""
        if self._is_whole:
            table.doubted.append(self._doubted.set)

    def enter_all(self) -> None:
        """Enter every cgroup there is."""
        if not self._is_whole:
            _log.warning(
                "%s is not the root of its cgroup hierarchy: containers that run already may stay"
                " unknown; run the agent in the host's cgroup namespace",
                self._root,
            )
            return
        self._table.is_starting = True
        for _ in self._steps():
            pass
        self._table.is_starting = False
        _log.info("cgroups are known", extra={"attrs": {"count": len(self._table)}})

    def path_of(self, directory: str) -> str:
        """Of the cgroup whose directory this is, after enter_all(); empty for the root or none."""
        try:
            cgroup = self._table.get(Path(directory).stat().st_ino)
        except OSError:
            return ""
        return cgroup.path if cgroup is not None else ""

    async def keep_right(self) -> None:
        """Walk whenever the table is in doubt; never returns."""
        while True:
            await self._doubted.wait()
            began_s = time.monotonic()
            await self._walk_in_turns()
            await asyncio.sleep(_PAUSE_S + _SHARE * (time.monotonic() - began_s))

    async def _walk_in_turns(self) -> None:
        self._doubted.clear()
        _log.debug("records of cgroups are missing: cgroups are listed again")
        for number, _ in enumerate(self._steps()):
            if number % _PER_TURN == _PER_TURN - 1:
                await asyncio.sleep(0)

    def _steps(self) -> Iterator[None]:
        """Enter what is there, one cgroup a step, then take out what was there and is no more.

        What is seen is entered at once, before any newer record is handled.
        """
        self._unreadable = []
        before = {cgroup.id for cgroup in self._table}
        for cgroup_id, path in self._directories():
            before.discard(cgroup_id)
            self._table.add(cgroup_id, path)
            yield
        for cgroup_id in before:
            cgroup = self._table.get(cgroup_id)
            if cgroup is not None and not self._is_unreadable(cgroup.path):
                self._table.remove(cgroup_id)
        self.walks += 1
        self._table.settle()

    def _directories(self) -> Iterator[tuple[int, str]]:
        """Id and path in the hierarchy of each cgroup but the root; outer ones first."""
        yield _ROOT_ID, ""
        waiting = [""]
        while waiting:
            path = waiting.pop()
            for name, cgroup_id in self._inside(path):
                inner = f"{path}/{name}"
                yield cgroup_id, inner
                waiting.append(inner)

    def _inside(self, path: str) -> list[tuple[str, int]]:
        """Names and ids of the directories in one."""
        try:
            if path and os.stat(f"{self._root}{path}").st_nlink == _NO_DIRECTORIES:  # noqa: PTH116  fast
                return []
            with os.scandir(f"{self._root}{path}") as entries:
                return [
                    (one.name, one.inode()) for one in entries if one.is_dir(follow_symlinks=False)
                ]
        except FileNotFoundError:
            return []  # gone meanwhile
        except OSError:  # too deep for a path, or forbidden: what is known of it stays
            self._unreadable.append(f"{path}/")
            return []

    def _is_unreadable(self, path: str) -> bool:
        return any(path.startswith(one) for one in self._unreadable)
