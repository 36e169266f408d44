# SPDX-License-Identifier: Apache-2.0
"""What the path of a cgroup tells: the container's id and the pod's uid."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ..cgroups import container_id

__all__ = ["CgroupName", "read_path"]

_POD: Final = re.compile(
    r"(?:^|[-/])pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}"
    r"|[0-9a-f]{32})(?:\.slice)?\Z"
)
"""A static pod's uid is the hash of its file: 32 digits without dashes."""


class CgroupName(NamedTuple):
    """Both empty for a cgroup of the host."""

    container_id: str
    pod_uid: str


def read_path(path: str) -> CgroupName:
    """Read the innermost container of a path, and the pod around it."""
    parts = path.split("/")
    for index in range(len(parts) - 1, -1, -1):
        found = container_id(parts[index])
        if found:
            return CgroupName(found, _innermost_pod(parts[:index]))
    return CgroupName("", _innermost_pod(parts))


def _innermost_pod(parts: list[str]) -> str:
    for part in reversed(parts):
        found = _POD.search(part)
        if found:
            return found[1].replace("_", "-")
    return ""
