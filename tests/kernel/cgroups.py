# SPDX-License-Identifier: Apache-2.0
"""A cgroup for a test, in the hierarchy that the agent would report."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.cgroups import Hierarchy

__all__ = ["enter", "made_cgroup"]


@contextmanager
def made_cgroup(hierarchy: Hierarchy, name: str) -> Iterator[Path]:
    """It has to be empty again at the end of the block."""
    path = Path(hierarchy.mount) / name
    path.mkdir()
    for setting in ("cpuset.cpus", "cpuset.mems"):  # v1 takes no process before these are set
        if hierarchy.controller == "cpuset":
            (path / setting).write_text((path.parent / setting).read_text())
    try:
        yield path
    finally:
        path.rmdir()


def enter(cgroup: Path) -> None:
    """Move this process there."""
    (cgroup / "cgroup.procs").write_text(str(os.getpid()))
