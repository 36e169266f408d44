# SPDX-License-Identifier: Apache-2.0
"""What a container runtime is to the agent: somebody who may know the container of a cgroup."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from tetragon_core.errors import TetragonError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tetragon_core.workloads.cgroup_table import Cgroup
    from tetragon_core.workloads.model import Container, Pod

__all__ = [
    "ANY_TIME_S",
    "REGISTERED_S",
    "Found",
    "NotServedError",
    "Runtime",
    "RuntimeFailedError",
    "bounded",
]

REGISTERED_S: Final = 0.3
"""Patience with a runtime that knows its containers before their cgroups are made."""
ANY_TIME_S: Final = math.inf
"""Patience that only the option limits."""
_MAX_LABELS: Final = 256
_MAX_TEXT: Final = 4096


class RuntimeFailedError(TetragonError):
    """A runtime cannot be asked now; the message says why, without naming it."""


class NotServedError(RuntimeFailedError):
    """What listens there does not know such questions at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a runtime knows of a container."""

    container: Container
    pod: Pod | None = None
    """Where the runtime knows one of Kubernetes."""


class Runtime(Protocol):
    """One runtime, by one way to ask it."""

    name: str
    """For the log: "docker at unix:///run/docker.sock"."""
    patience_s: float
    """How long to ask again about a cgroup it does not know; the option may say less."""

    def start(self) -> None:
        """Prepare for claims(); must not fail and not take long."""

    def claims(self, cgroup: Cgroup) -> bool:
        """Whether this may be a container of it; called in the event loop for every new cgroup."""

    async def find(self, cgroups: Sequence[Cgroup]) -> Mapping[int, Found | None]:
        """Cgroup id → what is known; those that are not known yet are left out, and None is for
        those that are none of its containers.

        Raises RuntimeFailedError.
        """

    async def close(self) -> None:
        """Leave nothing open."""


def bounded(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels, without those beyond 256 and those longer than 4096 characters.

    Anybody who makes an image chooses them; Kubernetes allows 63 characters for a value.
    """
    some = list(labels.items())[:_MAX_LABELS]
    return {key: value for key, value in some if len(key) + len(value) <= _MAX_TEXT}
