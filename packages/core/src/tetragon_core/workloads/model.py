# SPDX-License-Identifier: Apache-2.0
"""Containers and pods as events show them. Values: who learns more makes a new one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HOST", "Container", "Pod", "Workload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container. An empty field is one nobody has told yet."""

    id: str
    """As its runtime names it, whole and without a scheme: mostly 64 hex digits, "t1" for ctr."""
    runtime: str = ""
    """Scheme of its id: containerd, cri-o, docker, podman, runc, crun."""
    name: str = ""
    image: str = ""
    """Reference, such as docker.io/library/nginx:1.27."""
    image_id: str = ""
    start_time_ns: int = 0
    """Wall clock; 0: has not started, or unknown."""
    is_privileged: bool = False
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    exec_probes: tuple[tuple[str, ...], ...] = ()
    """Commands that the kubelet runs in it to see how it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod, or what stands for one where there is no Kubernetes (`is_kubernetes` false)."""

    namespace: str
    name: str
    uid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Only filled where events shall show them."""
    workload: str = ""
    workload_kind: str = ""
    is_kubernetes: bool = True


class Workload:
    """Container and pod of a process, as they were known at its first event; never changes."""

    __slots__ = ("container", "encoded", "is_incomplete", "pod")

    def __init__(
        self, container: Container | None, pod: Pod | None, *, is_incomplete: bool = False
    ) -> None:
        self.container = container
        self.pod = pod
        self.is_incomplete = is_incomplete
        """Somebody should have told more, and did not in time; events say so."""
        self.encoded = b""
        """Serialized message Pod, without what differs by process; filled by the encoder."""

    def __repr__(self) -> str:
        return f"Workload({self.container!r}, {self.pod!r}, is_incomplete={self.is_incomplete})"


HOST: Final = Workload(None, None)
"""Of all processes that are in no container."""
