# SPDX-License-Identifier: Apache-2.0
"""The cgroup of a process in the hierarchy that names containers, from /proc."""

from __future__ import annotations

from tetragon_core.errors import TetragonError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["cgroup_of", "pick"]

_CONTROLLERS: Final = ("memory", "pids", "cpuset")
"""As tetragon_core.cgroups picks the hierarchy, whose patterns take 6 ms to import."""


def cgroup_of(pid: int) -> str:
    """Path of the process's cgroup. Raises TetragonError when there is none."""
    name = f"/proc/{pid}/cgroup"
    try:
        with open(name, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123  # pathlib is slow
            found = pick(file.read())
    except OSError as error:
        raise TetragonError(f"cannot read {name}: {error.strerror}") from error
    if not found.strip("/"):
        raise TetragonError(f"{name} has no cgroup of a container")
    return found


def pick(text: str) -> str:
    """From the text of a /proc/PID/cgroup: of v1's memory, pids or cpuset, else of v2."""
    paths: dict[str, str] = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for controller in controllers.split(","):
            paths.setdefault(controller, path)
    for controller in (*_CONTROLLERS, ""):
        path = paths.get(controller, "")
        if path.strip("/"):
            return path
    return ""
