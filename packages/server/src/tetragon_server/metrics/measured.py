# SPDX-License-Identifier: Apache-2.0
"""What metrics need of a sensor, apart from what reads it: every agent knows of this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tetragon_core.program_runs import ProgramRuns

__all__ = ["MeasuredSensor"]


class MeasuredSensor(Protocol):
    """What is measured of the base sensor."""

    def received(self) -> Mapping[str, int]:
        """Records so far by the name of their kind: exec, fork, exit, …; cheap."""

    @property
    def process_entries(self) -> int:
        """Processes the kernel's table can hold."""

    def program_runs(self) -> Sequence[ProgramRuns]:
        """Its programs; costs a system call for each."""
