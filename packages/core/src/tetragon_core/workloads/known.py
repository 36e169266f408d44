# SPDX-License-Identifier: Apache-2.0
"""What is known of one container so far, and how what several sources tell goes together."""

from __future__ import annotations

from dataclasses import fields, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from .model import Container, Pod

if TYPE_CHECKING:
    from .cgroup_table import Cgroup
    from .model import Workload

__all__ = ["RUNTIMES", "Known", "Rank", "merged", "standing_in"]

RUNTIMES: Final = ("containerd", "cri-o", "crun", "docker", "podman", "runc")
"""Container.runtime of those that are asked or announce: the namespaces that stand-in pods have."""

_FIELDS: Final = tuple(one.name for one in fields(Container) if one.name != "id")


class Rank(IntEnum):
    """How well a source knows; a field of a higher one stays."""

    ANNOUNCED = 1
    """By a hook or NRI when the container was made."""
    RUNTIME = 2
    """The container runtime was asked."""
    API = 3
    """Kubernetes' API server."""


class Known:
    """What is known of one container."""

    __slots__ = (
        "cgroup",
        "container",
        "is_final",
        "is_late",
        "pending",
        "pod",
        "pod_uid",
        "rank",
        "workload",
    )

    def __init__(self, container: Container) -> None:
        self.container = container
        self.cgroup: Cgroup | None = None
        self.pod_uid = ""
        self.pod: Pod | None = None
        """As the container's own source has it."""
        self.rank = 0
        self.pending = 0
        """Sources that still look it up."""
        self.is_final = False
        """Its name will not be told."""
        self.is_late = False
        """Events have waited for long enough."""
        self.workload: Workload | None = None


def merged(old: Container, new: Container, *, wins: bool) -> Container:
    """All that is known: where both say something, `new` is right if it `wins`."""
    changes = {
        name: getattr(new, name)
        for name in _FIELDS
        if getattr(new, name) and (wins or not getattr(old, name))
    }
    if not old.id:
        changes["id"] = new.id
    return replace(old, **changes)


def standing_in(container: Container) -> Pod:
    """For a container of no pod: namespace and name make it found and shown by every client."""
    return Pod(
        namespace=container.runtime,
        name=container.name,
        labels=container.labels,
        workload=container.name,
        workload_kind="Container",
        is_kubernetes=False,
    )
