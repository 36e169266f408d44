# SPDX-License-Identifier: Apache-2.0
"""What the kernel counts of a policy's programs, under names that tell where they run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import HookEvent
from tetragon_core.program_runs import ProgramRuns

if TYPE_CHECKING:
    from tetragon_sensors.kernel.attachments import Attachment
    from tetragon_sensors.kernel.programs import Program

    from .plan import HookPlan

__all__ = ["runs_of_hook", "runs_of_upkeep"]

_SENSORS: Final = {
    HookEvent.KPROBE: "generic_kprobe",
    HookEvent.TRACEPOINT: "generic_tracepoint",
    HookEvent.LSM: "generic_lsm",
    HookEvent.UPROBE: "generic_uprobe",
    HookEvent.USDT: "generic_usdt",
    HookEvent.LOADER: "__loader__",
}
_UPKEEP: Final = "process_tables"


def runs_of_hook(hook: HookPlan, program: Program, attachment: Attachment | None) -> ProgramRuns:
    """One program of a hook; `attachment` is None while it is disabled. Raises LoadError."""
    names = {target.symbol for target in hook.targets}
    attach = names.pop() if len(names) == 1 else f"{len(names)} places"
    event = hook.targets[0].info.event
    missed = attachment.missed() if attachment is not None else None
    found = _runs(program, _SENSORS[event], attach, hook.method.value, missed)
    if hook.guarding is None:
        return found
    turn = f"/guard-{hook.guarding.turn}" if hook.is_guard else ""
    return replace(found, section=found.section + turn, skipped=None)  # others act in its place


def runs_of_upkeep(event: str, program: Program) -> ProgramRuns:
    """A program that keeps a policy's tables of processes. Raises LoadError."""
    return _runs(program, _UPKEEP, event, "raw-tracepoint", None)


def _runs(
    program: Program, sensor: str, attach: str, method: str, probe_missed: int | None
) -> ProgramRuns:
    info = program.info()
    return ProgramRuns(
        sensor=sensor,
        attach=attach,
        section=f"{method}/{attach}",
        runs=info.run_count,
        time_ns=info.run_time_ns,
        skipped=info.recursion_misses,
        probe_missed=probe_missed,
    )
