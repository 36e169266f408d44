# SPDX-License-Identifier: Apache-2.0
"""The program of a hook into the kernel, and to all its targets. A method is a row and a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_sensors.kernel.attachments import (
    attach_raw_tracepoint,
    attach_tracepoint,
    attach_trampoline,
    join,
)
from tetragon_sensors.kernel.calls import AttachKind
from tetragon_sensors.kernel.kprobes import attach_kprobe, attach_kprobe_multi
from tetragon_sensors.kernel.programs import ProgramKind

from .plan import Method, Timing
from .probing import attach_probes

if TYPE_CHECKING:
    from tetragon_sensors.kernel.attachments import Attachment
    from tetragon_sensors.kernel.facts import Kernel
    from tetragon_sensors.kernel.programs import Program

    from .plan import HookPlan

__all__ = ["PROGRAM_KINDS", "attach_hook"]

PROGRAM_KINDS: Final = {
    Method.FENTRY: (ProgramKind.TRACING, AttachKind.TRACE_FENTRY),
    Method.FEXIT: (ProgramKind.TRACING, AttachKind.TRACE_FEXIT),
    Method.KPROBE: (ProgramKind.KPROBE, AttachKind.NONE),
    Method.KRETPROBE: (ProgramKind.KPROBE, AttachKind.NONE),
    Method.KPROBE_MULTI: (ProgramKind.KPROBE, AttachKind.KPROBE_MULTI),
    Method.KRETPROBE_MULTI: (ProgramKind.KPROBE, AttachKind.KPROBE_MULTI),
    Method.TRACEPOINT: (ProgramKind.TRACEPOINT, AttachKind.NONE),
    Method.RAW_TRACEPOINT: (ProgramKind.RAW_TRACEPOINT, AttachKind.NONE),
    Method.FMOD_RET: (ProgramKind.TRACING, AttachKind.MODIFY_RETURN),
    Method.LSM: (ProgramKind.LSM, AttachKind.LSM_MAC),
    Method.UPROBE: (ProgramKind.KPROBE, AttachKind.NONE),
    Method.URETPROBE: (ProgramKind.KPROBE, AttachKind.NONE),
    Method.UPROBE_MULTI: (ProgramKind.KPROBE, AttachKind.UPROBE_MULTI),
    Method.URETPROBE_MULTI: (ProgramKind.KPROBE, AttachKind.UPROBE_MULTI),
}
"""What a program for it is loaded as."""


def attach_hook(hook: HookPlan, program: Program, kernel: Kernel) -> Attachment:
    """At all its targets. Raises LoadError."""
    on_return = hook.timing in {Timing.RETURN_HALF, Timing.VERDICT_END}
    match hook.method:
        case Method.FENTRY | Method.FEXIT | Method.FMOD_RET | Method.LSM:
            return attach_trampoline(program, function=hook.targets[0].symbol)
        case Method.RAW_TRACEPOINT:
            return attach_raw_tracepoint(program, hook.targets[0].info.tracepoint)
        case Method.KPROBE_MULTI | Method.KRETPROBE_MULTI:
            symbols = [target.symbol for target in hook.targets]
            cookies = range(len(symbols)) if hook.uses_cookie else ()
            return attach_kprobe_multi(program, symbols, on_return=on_return, cookies=cookies)
        case Method.KPROBE | Method.KRETPROBE:
            return join(
                attach_kprobe(program, target.symbol, on_return=on_return, cookie=number)
                for number, target in enumerate(hook.targets)
            )
        case Method.UPROBE | Method.URETPROBE | Method.UPROBE_MULTI | Method.URETPROBE_MULTI:
            return attach_probes(hook, program)
        case Method.TRACEPOINT:
            return join(
                attach_tracepoint(
                    program,
                    target.tracepoint_id
                    or _syscall_event(target.symbol, kernel, on_return=on_return),
                    number,
                )
                for number, target in enumerate(hook.targets)
            )


def _syscall_event(symbol: str, kernel: Kernel, *, on_return: bool) -> int:
    name = symbol.split("sys_", 1)[1]
    event = f"sys_{'exit' if on_return else 'enter'}_{name}"
    return kernel.tracefs.event("syscalls", event).event_id
