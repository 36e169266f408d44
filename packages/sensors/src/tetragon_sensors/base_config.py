# SPDX-License-Identifier: Apache-2.0
"""What the base sensor is made with, and how its programs are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import UsageError

from . import _wire

if TYPE_CHECKING:
    from tetragon_core.cgroups import Hierarchy
    from tetragon_core.throttling import CgroupRate

__all__ = ["SensorConfig", "settings"]

_PAGE: Final = 4096
_CONTROLLERS: Final = {
    "": _wire.CgroupHierarchy.V2,
    "memory": _wire.CgroupHierarchy.MEMORY,
    "pids": _wire.CgroupHierarchy.PIDS,
    "cpuset": _wire.CgroupHierarchy.CPUSET,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorConfig:
    """Sizes and what the host is like."""

    ring_bytes: int = 8 << 20
    """A power of two, at least one page."""
    process_entries: int = 32768
    hierarchy: Hierarchy | None = None
    """None means the v2 hierarchy."""
    with_environment: bool = False
    """Exec messages carry the environment."""
    rate: CgroupRate | None = None
    """What a cgroup may do; None: anything."""

    @property
    def controller(self) -> str:
        """Of the hierarchy; empty for that of v2."""
        return self.hierarchy.controller if self.hierarchy else ""

    @property
    def ring_bytes_possible(self) -> int:
        """Rounded up to what a ring buffer can be. Raises UsageError."""
        if not 0 < self.ring_bytes <= 1 << 31:
            raise UsageError(
                f"a ring buffer of {self.ring_bytes} bytes is not possible: give 4K to 2G"
            )
        return max(_PAGE, 1 << (self.ring_bytes - 1).bit_length())


def settings(config: SensorConfig, copies: int, copy: int) -> bytes:
    """What the verifier takes for constants of this copy of a program."""
    events, interval_ns = config.rate or (0, 1)
    return _wire.LOADER_CONFIG.pack(
        *(
            _CONTROLLERS[config.controller],
            copies,
            copy,
            config.with_environment,
            events,
            interval_ns,
        )
    )
