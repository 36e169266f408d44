# SPDX-License-Identifier: Apache-2.0
"""What the kernel counts of the base sensor's programs, the copies of each together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tetragon_core.program_runs import ProgramRuns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .libbpf import LoadedObject

__all__ = ["base_runs"]


def base_runs(objects: Iterable[Sequence[LoadedObject]]) -> list[ProgramRuns]:
    """Each of `objects` is one object's copies. Where one copy is skipped another runs."""
    return [one for copies in objects for one in _runs_of_copies(copies)]


def _runs_of_copies(copies: Sequence[LoadedObject]) -> list[ProgramRuns]:
    found: dict[str, list[tuple[int, int, int]]] = {}
    for section, info in (pair for copy in copies for pair in copy.program_info()):
        counts = (info.run_cnt, info.run_time_ns, info.recursion_misses)
        found.setdefault(section, []).append(counts)
    return [_sum(section, counts, len(copies)) for section, counts in found.items()]


def _sum(section: str, counts: Sequence[tuple[int, int, int]], copies: int) -> ProgramRuns:
    runs, time_ns, skipped = (sum(column) for column in zip(*counts, strict=True))
    return ProgramRuns(
        sensor="__base__",
        attach=section.rpartition("/")[2],
        section=section,
        runs=runs,
        time_ns=time_ns,
        skipped=skipped if copies == 1 else None,
    )
