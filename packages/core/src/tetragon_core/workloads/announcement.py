# SPDX-License-Identifier: Apache-2.0
"""What a container runtime says of a container that is about to start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Announcement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """An empty field is one that was not told."""

    cgroups_path: str
    """A path, or systemd's slice:prefix:name."""
    container_id: str = ""
    runtime: str = ""
    name: str = ""
    image: str = ""
    pod_uid: str = ""
    pod_name: str = ""
    pod_namespace: str = ""
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
