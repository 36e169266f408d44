# SPDX-License-Identifier: Apache-2.0
"""What the path of a cgroup tells: the container's id and the pod's uid."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ..cgroups import container_id

__all__ = ["CgroupName", "is_of_user", "read_path"]

_POD: Final = re.compile(
    r"(?:^|[-/])pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}"
    r"|[0-9a-f]{32})(?:\.slice)?\Z"
)
"""A static pod's uid is the hash of its file: 32 digits without dashes."""

_OF_USER: Final = re.compile(r"(?:^|/)user@[0-9]+\.service/")
"""What systemd leaves to a user, who may name cgroups in there like root's containers."""
_SYSBOX: Final = "syscont-cgroup-root"
"""Sysbox gives a container everything below; what is in there are containers of its own."""
_PODMAN: Final = "libpod_parent"
"""Of podman without systemd: pods are in there by their id alone, containers as libpod-<id>."""


class CgroupName(NamedTuple):
    """Both empty for a cgroup of the host."""

    container_id: str
    pod_uid: str


def read_path(path: str) -> CgroupName:
    """Read the innermost container of a path, and the pod around it."""
    parts = path.split("/")
    if _SYSBOX in parts:
        del parts[parts.index(_SYSBOX) :]
    for index in range(len(parts) - 1, -1, -1):
        found = container_id(parts[index])
        if found and not (parts[index] == found and parts[index - 1] == _PODMAN):
            return CgroupName(found, _innermost_pod(parts[:index]))
    return CgroupName("", _innermost_pod(parts))


def is_of_user(path: str) -> bool:
    """Whether a user who is not root may have made the cgroup."""
    return _OF_USER.search(path) is not None


def _innermost_pod(parts: list[str]) -> str:
    for part in reversed(parts):
        found = _POD.search(part)
        if found:
            return found[1].replace("_", "-")
    return ""
