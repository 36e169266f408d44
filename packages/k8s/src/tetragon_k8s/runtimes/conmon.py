# SPDX-License-Identifier: Apache-2.0
"""What Podman told the monitor of a container (conmon): its name, and where its storage is.

The monitor is the parent of a container's first process, or that one's grandparent while the
container is being made.
"""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Monitor", "find_monitor"]

_MAX_BYTES: Final = 1 << 16
_GENERATIONS: Final = 5
_NAME: Final = frozenset({"-n", "--name"})
_ID: Final = frozenset({"-c", "--cid"})
_BUNDLE: Final = frozenset({"-b", "--bundle"})
_INSIDE: Final = ("", "/container")
"""crun puts processes into a cgroup of its own inside, with systemd."""


class Monitor(NamedTuple):
    """What its command line says."""

    name: str
    storage: str
    """Root of the storage; empty if it cannot be told."""


def find_monitor(container_id: str, cgroup: str, procfs: str) -> Monitor | None:
    """The monitor of the container whose cgroup's directory this is; None if there is none (yet).

    Never raises: processes come and go.
    """
    for inside in _INSIDE:
        pid = _first_pid(f"{cgroup}{inside}/cgroup.procs")
        for _ in range(_GENERATIONS):
            pid = _parent(pid, procfs) if pid > 1 else 0
            found = _of_command(_command_line(pid, procfs), container_id) if pid > 1 else None
            if found is not None:
                return found
    return None


def _of_command(arguments: Sequence[str], container_id: str) -> Monitor | None:
    if not arguments or os.path.basename(arguments[0]) != "conmon":  # noqa: PTH119  # a text of others
        return None
    if _option(arguments, _ID) != container_id:
        return None
    return Monitor(_option(arguments, _NAME), _storage(_option(arguments, _BUNDLE), container_id))


def _option(arguments: Sequence[str], names: frozenset[str]) -> str:
    for option, value in pairwise(arguments):
        if option in names:
            return value
    return ""


def _storage(bundle: str, container_id: str) -> str:
    """ROOT of ROOT/<driver>-containers/<id>/userdata."""
    root, *rest = bundle.rsplit("/", 3)
    if not root.startswith("/") or len(rest) != 3 or rest[1:] != [container_id, "userdata"]:
        return ""
    return root if rest[0].endswith("-containers") and ".." not in root.split("/") else ""


def _first_pid(path: str) -> int:
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # as above
            return int(file.readline())
    except (OSError, ValueError):
        return 0


def _parent(pid: int, procfs: str) -> int:
    try:
        with open(f"{procfs}/{pid}/stat", "rb") as file:  # noqa: PTH123  # as above
            return int(file.read(_MAX_BYTES).rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _command_line(pid: int, procfs: str) -> Sequence[str]:
    try:
        with open(f"{procfs}/{pid}/cmdline", "rb") as file:  # noqa: PTH123  # as above
            text = file.read(_MAX_BYTES)
    except OSError:
        return []
    return text.decode(errors="replace").split("\0")
