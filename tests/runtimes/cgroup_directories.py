# SPDX-License-Identifier: Apache-2.0
"""Cgroups made by a test, as something beside or inside of a container makes them."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tetragon_core.cgroups import pick_hierarchy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtimes.model import Started

__all__ = ["cgroup_of", "made_cgroup", "run_in"]


def cgroup_of(container: Started) -> str:
    """The path of its cgroup; it runs."""
    mount = _mount()
    (own,) = mount.rglob(f"*{container.id}")
    return f"/{own.relative_to(mount)}"


@contextmanager
def made_cgroup(path: str) -> Iterator[str]:
    """A cgroup in the hierarchy that the agent reports; it has to be empty again at the end."""
    made = []
    directory = _mount() / path.lstrip("/")
    for one in (*reversed(directory.parents), directory):
        if not one.exists():
            one.mkdir()
            made.append(one)
    try:
        yield path
    finally:
        for one in reversed(made):
            one.rmdir()


def run_in(cgroup: str, *command: str | Path) -> None:
    """Run a program of this host in the cgroup, to its end."""
    enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    directory = _mount() / cgroup.lstrip("/")
    subprocess.run(["sh", "-ec", enter, directory, *command], check=True)


def _mount() -> Path:
    kinds, mounts = Path("/proc/cgroups").read_text(), Path("/proc/mounts").read_text()
    return Path(pick_hierarchy(kinds, mounts).mount)
