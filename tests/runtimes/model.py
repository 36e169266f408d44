# SPDX-License-Identifier: Apache-2.0
"""What tests need of any runtime, and of a container that it has started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Runtime", "Started"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A container as its runtime tells of it: what events must say."""

    id: str
    name: str
    image: str
    """Reference; empty for a runtime that has no images."""


class Runtime(Protocol):
    """A runtime that runs containers of the image of busybox."""

    @property
    def kind(self) -> str:
        """As the agent names it: podman, runc, containerd, docker..."""

    @property
    def agent_prefix(self) -> tuple[str, ...]:
        """A command that runs the agent where it sees the runtime's cgroups."""

    @property
    def agent_options(self) -> tuple[str, ...]:
        """Options with which the agent finds it."""

    def start(self, name: str, *command: str) -> Started:
        """Start a container in the background; returns when its first process runs or has run."""

    def execute(self, container: Started, *command: str) -> None:
        """Run a command in a running container, to its end."""

    def pause(self, container: Started) -> None:
        """Freeze all its processes."""

    def unpause(self, container: Started) -> None:
        """Let them go on."""

    def remove(self, container: Started) -> None:
        """Kill and forget it."""

    def restart_daemon(self) -> None:
        """Kill the runtime's daemon and start it again; containers go on. Nothing without one."""
