# SPDX-License-Identifier: Apache-2.0
"""Which cgroup hierarchy of this host names containers, and the id in a cgroup's name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["V2", "Hierarchy", "container_id", "container_id_of_path", "pick_hierarchy"]

_ID: Final = re.compile(r"(?:^|[-:])([0-9a-f]{64})(?:\.scope)?\Z")
_CONTROLLERS: Final = ("memory", "pids", "cpuset")
_CGROUP_ROOT: Final = "/sys/fs/cgroup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """The hierarchy whose cgroups are reported."""

    controller: str
    """Name of the v1 controller; empty for the v2 hierarchy."""
    mount: str
    """Where the hierarchy is mounted."""


V2: Final = Hierarchy(controller="", mount=_CGROUP_ROOT)


def container_id(name: str) -> str:
    """Return the container id (64 hex digits) in the last component of a cgroup path, else "".

    Knows the names all runtimes make: the bare id, or "<runtime>-<id>.scope", or
    "slice:prefix:<id>". The monitor of a container (conmon) has its own cgroup and is not in the
    container.
    """
    found = _ID.search(name)
    return found[1] if found and "conmon" not in name else ""


def container_id_of_path(path: str) -> str:
    """Return the container id for a full path; looks above podman's inner "container"."""
    above, _, last = path.rpartition("/")
    return container_id(above.rpartition("/")[2] if last == "container" else last)


def pick_hierarchy(cgroups: str, mounts: str) -> Hierarchy:
    """Choose from the texts of /proc/cgroups and /proc/mounts.

    A host with v2 on /sys/fs/cgroup uses v2. Else (v1, or hybrid with v2 aside) containers are made
    in the v1 hierarchies: the first of memory, pids and cpuset that is enabled and mounted counts.
    """
    where = [line.split() for line in mounts.splitlines()]
    v2 = [fields[1] for fields in where if fields[2] == "cgroup2"]
    if _CGROUP_ROOT in v2:
        return V2
    # The first mount of a hierarchy counts: later ones are bind mounts, as in a chroot.
    v1 = {o: f[1] for f in reversed(where) if f[2] == "cgroup" for o in f[3].split(",")}
    lines = [line.split() for line in cgroups.splitlines() if not line.startswith("#")]
    usable = {f[0] for f in lines if f[1] != "0" and f[3] == "1"}
    for controller in _CONTROLLERS:
        if controller in usable and controller in v1:
            return Hierarchy(controller=controller, mount=v1[controller])
    return Hierarchy(controller="", mount=v2[0]) if v2 else V2
