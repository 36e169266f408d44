# SPDX-License-Identifier: Apache-2.0
"""Pages of the process that are not in memory: a program that may sleep has them fetched first.

Reads of user memory (bpf_probe_read_user) fail where a page is missing, as for a string of an
executable that no one has looked at yet. bpf_copy_from_user waits for the page. It is done for the
first and the last byte an argument can have, before a record is claimed, so that no one waits for
a buffer that a sleeping program has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_sensors.program.opcodes import Helper, Register

from .emitter import STRING_BYTES
from .plan import Source
from .reading import Stack
from .usdt_frame import UsdtFrame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .emitter import Emitter
    from .plan import ArgumentPlan, HookPlan
    from .values import ArgumentCode

__all__ = ["emit_fetches", "reads_process"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

_OF_PROCESS: Final = frozenset({Source.ARGUMENT, Source.RESULT, Source.REGISTER})


def reads_process(plans: Iterable[ArgumentPlan]) -> bool:
    """Whether there are arguments for which a program wants to sleep."""
    return any(_is_text(plan) or (plan.in_user and plan.steps) for plan in plans)


def _is_text(plan: ArgumentPlan) -> bool:
    return plan.type.is_variable and plan.source in _OF_PROCESS


def emit_fetches(emitter: Emitter, hook: HookPlan, values: ArgumentCode) -> None:
    """For each argument that is text or a variable of the process, or behind its pointers.

    R8 is used.
    """
    plans = (*hook.arguments, *([hook.result] if hook.result is not None else []))
    for plan in plans:
        if _is_text(plan):
            _fetch(emitter, plan, values)
        elif plan.in_user and (plan.steps or _is_variable(plan, hook)):
            values.load_value(plan)


def _is_variable(plan: ArgumentPlan, hook: HookPlan) -> bool:
    return isinstance(hook.frame, UsdtFrame) and hook.frame.is_in_memory(plan.index)


def _fetch(emitter: Emitter, plan: ArgumentPlan, values: ArgumentCode) -> None:
    asm = emitter.asm
    over = asm.new_label("fetched")
    values.load_value(plan)
    asm.jump(R8, "s<=", 0, over)
    for distance in (0, STRING_BYTES - 1):
        asm.mov(R1, FP)
        asm.alu("add", R1, Stack.TEMPORARY)
        asm.mov(R2, 1)
        asm.mov(R3, R8)
        if distance:
            asm.alu("add", R3, distance)
        asm.call(Helper.COPY_FROM_USER)
        asm.jump(R0, "!=", 0, over)
    asm.label(over)
