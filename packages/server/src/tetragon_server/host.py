# SPDX-License-Identifier: Apache-2.0
"""What the agent reads of its host's files besides the processes, which /proc is given for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tetragon_core.cgroups import pick_hierarchy
from tetragon_core.errors import UsageError

if TYPE_CHECKING:
    from tetragon_core.cgroups import Hierarchy

__all__ = ["host_root", "own_cgroup_namespace", "passwd_file", "read_hierarchy"]


def read_hierarchy(procfs: Path) -> Hierarchy:
    """The cgroup hierarchy in use. Raises UsageError when `procfs` is none."""
    try:
        mounts = (procfs / "mounts").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise UsageError(
            f"{procfs} is no proc file system ({error.strerror}: mounts); see --procfs"
        ) from error
    try:
        cgroups = (procfs / "cgroups").read_text(encoding="utf-8")
    except FileNotFoundError:
        cgroups = ""  # a kernel with cgroup v2 alone may not have it
    return pick_hierarchy(cgroups, mounts)


def own_cgroup_namespace() -> int:
    """Number of the cgroup namespace that we are in; 0 where the kernel has none."""
    try:
        return Path("/proc/self/ns/cgroup").stat().st_ino
    except OSError:
        return 0


def passwd_file(procfs: Path) -> Path:
    """The host's file, which is not ours when the agent runs in a container."""
    of_host = procfs / "1" / "root" / "etc" / "passwd"
    return of_host if os.access(of_host, os.R_OK) else Path("/etc/passwd")


def host_root(procfs: Path) -> str:
    """What stands before paths of the host: nothing, unless the agent has a root of its own, as in
    a container.
    """
    root = f"{procfs}/1/root"
    try:
        return "" if os.path.samefile(root, "/") else root  # noqa: PTH121  # as paths are used
    except OSError:
        return ""
