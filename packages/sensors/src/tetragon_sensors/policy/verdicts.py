# SPDX-License-Identifier: Apache-2.0
"""Programs that apply what another program decided about the running thread's system call.

Where a system call cannot be denied itself, the LSM hook inside it can; where a tracepoint decides,
a program on the call acts. What was decided waits in the map of verdicts, under the thread, until
the call is over.
"""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING, Final

from tetragon_sensors.kernel.maps import MapFlag, MapKind, MapSpec
from tetragon_sensors.program.opcodes import Helper, Register

from .acting import VERDICTS, Verdict
from .emitter import Stack
from .ledger import count, emit_failed
from .plan import Denial

if TYPE_CHECKING:
    from tetragon_sensors.kernel.maps import Map

    from .emitter import Emitter
    from .plan import HookPlan

__all__ = ["await_denials", "forget_verdict", "verdicts_map", "write_verdict", "write_verdict_end"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

_THREADS: Final = 16_384
"""In such a call at once; one that finds no room counts as failed."""
_ERRNOS: Final = 4095
_CALLS_END_S: Final = 1.0
_PAUSE_S: Final = 0.001


def verdicts_map(flags: MapFlag = MapFlag.NONE) -> MapSpec:
    """The map of a policy."""
    return MapSpec(
        kind=MapKind.HASH,
        key_bytes=8,
        value_bytes=Verdict.BYTES,
        max_entries=_THREADS,
        name=VERDICTS,
        flags=flags,
    )


def await_denials(verdicts: Map) -> None:
    """Return when no call has still to be denied, or after a second; nothing may decide any more.

    A call that was decided about before a policy's successor was there is denied by nobody else.
    """
    pause, deadline = Event(), time.monotonic() + _CALLS_END_S
    while any(map(_is_pending, verdicts.items())) and time.monotonic() < deadline:
        pause.wait(_PAUSE_S)


def _is_pending(entry: tuple[bytes, bytes]) -> bool:
    """Whether an entry of the map is about a call that has still to be denied."""
    return not any(entry[1][Verdict.APPLIED :])


def _find(emitter: Emitter) -> None:
    """R9 = what was decided about the running thread's call; leaves when that is nothing."""
    asm = emitter.asm
    asm.call(Helper.GET_CURRENT_PID_TGID)
    asm.store(FP, Stack.KEY, R0, 8)
    emitter.lookup(VERDICTS)
    asm.jump(R0, "==", 0, emitter.done)
    asm.mov(R9, R0)


def forget_verdict(emitter: Emitter) -> None:
    """The thread's call begins: what an earlier one left is not about it.

    The end of a call is no certain place for that: kretprobes are missed when many wait.
    """
    asm = emitter.asm
    none = asm.new_label("no_verdict")
    asm.call(Helper.GET_CURRENT_PID_TGID)
    asm.store(FP, Stack.KEY, R0, 8)
    emitter.lookup(VERDICTS)
    asm.jump(R0, "==", 0, none)
    emitter.delete(VERDICTS)
    asm.label(none)


def write_verdict(emitter: Emitter, hook: HookPlan) -> None:
    """Deny, signal, or both; the verdict holds until the call is over."""
    asm = emitter.asm
    _find(emitter)
    if "signal" in hook.wants:
        _send_signal(emitter)
    if "error" in hook.wants and hook.denial is Denial.RETURNED:
        asm.load(R1, R9, Verdict.ERROR, 4)
        asm.jump(R1, "==", 0, emitter.done)
        asm.store(R9, Verdict.APPLIED, 1, 8)
        asm.alu("and", R1, _ERRNOS)  # the verifier wants to know that it is an errno
        asm.mov(R2, 0)
        asm.alu("sub", R2, R1)
        asm.store(FP, Stack.VERDICT, R2, 8)
    asm.goto(emitter.done)


def _send_signal(emitter: Emitter) -> None:
    """The signal of the verdict in R9, once."""
    asm = emitter.asm
    over, failed = asm.new_label("signalled"), asm.new_label("failed")
    asm.load(R1, R9, Verdict.SIGNAL, 4)
    asm.jump(R1, "==", 0, over)
    asm.store(R9, Verdict.SIGNAL, 0, 4)
    asm.call(Helper.SEND_SIGNAL)
    asm.extend(R0, 4, signed=True)
    asm.jump(R0, "!=", 0, failed)
    count(emitter, "signal")
    asm.store(R9, Verdict.APPLIED, 1, 8)
    asm.goto(over)
    asm.label(failed)
    emit_failed(emitter)
    asm.label(over)


def write_verdict_end(emitter: Emitter, hook: HookPlan) -> None:
    """The call returns: forget what was decided; if it should have failed and did not, say so."""
    asm = emitter.asm
    forget = asm.new_label("forget")
    _find(emitter)
    if "signal" in hook.wants:
        _send_signal(emitter)
    asm.load(R1, R9, Verdict.APPLIED, 8)
    asm.jump(R1, "!=", 0, forget)
    hook.frame.result(emitter, R8)
    asm.jump(R8, "s<", 0, forget)  # it failed by itself before it got to that
    count(emitter, "failed")
    asm.label(forget)
    asm.call(Helper.GET_CURRENT_PID_TGID)
    asm.store(FP, Stack.KEY, R0, 8)
    emitter.delete(VERDICTS)
    asm.goto(emitter.done)
