# SPDX-License-Identifier: Apache-2.0
"""Arguments of a hook as code: the raw value, what is read behind it, and the filters on both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.policy.expressions import parse_expression
from tetragon_sensors.program.opcodes import Register

from .emitter import Stack
from .expressions import ExpressionCode
from .operands import is_negative
from .plan import Source
from .record import HEADER_BYTES, SLOT
from .rest import BUFFER_BYTES, rest_function
from .types.capabilities import emit_gained
from .types.numbers import Integer
from .usdt_frame import UsdtFrame

if TYPE_CHECKING:
    from tetragon_core.policy.model import ArgumentFilter

    from .emitter import Emitter
    from .plan import ArgumentPlan, HookPlan

__all__ = ["ArgumentCode"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

_EFAULT: Final = -14
_ERRORS_FROM: Final = 0x7FFF_FFFF
"""A length above it is a negative error number."""


class ArgumentCode:
    """Writes what has to do with the arguments and the result of one hook."""

    def __init__(self, hook: HookPlan, emitter: Emitter) -> None:
        self.hook = hook
        self.emitter = emitter
        self.asm = emitter.asm
        self.fixed_bytes = hook.record_bytes - HEADER_BYTES

    def check(self, plan: ArgumentPlan, wanted: ArgumentFilter, no: str) -> None:
        """Jump to `no` unless the filter holds."""
        asm = self.asm
        if wanted.operator == "CapabilitiesGained":
            self._check_gained(plan, wanted, no)
            return
        if wanted.operator == "CelExpr":
            self._check_expression(plan, wanted, no)
            return
        if plan.type.filters_value:
            self.load_value(plan, no)
        else:
            self._read_or(no, plan)
        if is_negative(wanted.operator):
            plan.type.emit_filter(self.emitter, plan, wanted, no, no)
            return
        found = asm.new_label("found")
        plan.type.emit_filter(self.emitter, plan, wanted, found, no)
        asm.goto(no)
        asm.label(found)

    def _check_gained(self, old: ArgumentPlan, wanted: ArgumentFilter, no: str) -> None:
        """The only filter on two arguments."""
        place = old.position + wanted.args[1] - wanted.args[0]
        new = next(one for one in self.hook.arguments if one.position == place)
        found = self.asm.new_label("found")
        self._read_or(no, old)
        self._read_or(no, new)
        emit_gained(self.emitter, old, new, found)
        self.asm.goto(no)
        self.asm.label(found)

    def _check_expression(self, plan: ArgumentPlan, wanted: ArgumentFilter, no: str) -> None:
        """A filter on all arguments of the list that `plan` is in; their values are enough."""
        hook, first = self.hook, 0
        if plan is hook.result:
            plans = {0: plan}
        else:
            first = hook.data_from if plan.position >= hook.data_from else 0
            plans = {one.position - first: one for one in hook.arguments if one.position >= first}

        def load(position: int) -> None:
            kind = plans[position].type
            assert isinstance(kind, Integer)
            self.load_value(plans[position], no)
            self.asm.extend(R8, kind.width, signed=kind.signed)

        types = [
            plans[one].type.names[0] if one in plans else "nop" for one in range(max(plans) + 1)
        ]
        tree = parse_expression(str(wanted.values[0]), types)
        ExpressionCode(self.asm, load).jump_if(tree, no, when=False)

    def _read_or(self, no: str, plan: ArgumentPlan) -> None:
        """Read the argument; jump to `no` if that is not possible."""
        self.ensure_read(plan)
        self.asm.load(R1, R7, plan.slot + 4, 4)
        self.asm.jump(R1, ">", _ERRORS_FROM, no)

    def load_value(self, plan: ArgumentPlan, failed: str = "") -> None:
        """R8 = the raw value.

        Where it is in memory of the process that cannot be read, jumps to `failed` with R0
        negative; without `failed` it is 0.
        """
        emitter, asm = self.emitter, self.asm
        match plan.source:
            case Source.ARGUMENT if isinstance(emitter.frame, UsdtFrame):
                emitter.frame.argument_or(emitter, R8, plan.index, failed)
            case Source.ARGUMENT:
                emitter.frame.argument(emitter, R8, plan.index)
            case Source.RESULT:
                emitter.frame.result(emitter, R8)
            case Source.CURRENT_TASK:
                emitter.current_task(R8)
            case Source.REGISTER:
                asm.load(R8, R6, plan.register_offset, plan.register_bytes)
            case Source.KEPT:
                asm.load(R8, FP, Stack.KEPT, 8)
        if plan.source is not Source.KEPT:  # which was resolved before it was kept
            self._resolve(plan)

    def _resolve(self, plan: ArgumentPlan) -> None:
        emitter, asm = self.emitter, self.asm
        load = emitter.load_user if plan.in_user else emitter.load_kernel
        there, null = asm.new_label("there"), asm.new_label("null")
        if plan.steps:  # the verifier lets nobody add to what may be none, as the file of mmap_file
            asm.jump(R8, "!=", 0, there)
            asm.mov(R8, 0)  # to verifiers before 6.3 it is still a pointer
            asm.goto(null)
        asm.label(there)
        for step in plan.steps:
            if step.offset:
                asm.alu("add", R8, step.offset)
            if step.dereference:
                load(R8, R8, 0, 8)
        if plan.load_bytes:
            load(R8, R8, 0, plan.load_bytes)
        if plan.bit_size:
            asm.alu("rsh", R8, plan.bit_offset)
            asm.mov(R1, (1 << plan.bit_size) - 1)
            asm.alu("and", R8, R1)
        asm.label(null)

    def ensure_read(self, plan: ArgumentPlan) -> None:
        """Fill the argument's slot unless it is filled already; the record is claimed."""
        emitter, asm = self.emitter, self.asm
        bit = 1 << self._number(plan)
        have, failed, read = (asm.new_label(name) for name in ("have", "failed", "read"))
        emitter.claim(self.hook.record_bytes - HEADER_BYTES)
        asm.load(R1, FP, Stack.READ, 8)
        asm.jump(R1, "&", bit, have)
        self.load_value(plan, failed)
        if plan.of_user and plan.type.is_address and not plan.steps:
            asm.mov(R0, _EFAULT)
            asm.jump(R8, "s<", 0, failed)
        plan.type.emit_read(emitter, plan, failed)
        asm.goto(read)
        if asm.is_used(failed):
            asm.label(failed)
            asm.store(R7, plan.slot + 4, R0, 4)
        asm.label(read)
        asm.load(R1, FP, Stack.READ, 8)
        asm.alu("or", R1, bit)
        asm.store(FP, Stack.READ, R1, 8)
        asm.label(have)

    def send_rest(self, plan: ArgumentPlan) -> None:
        """Send the bytes of a buffer that its record has no room for, as `maxData` asks."""
        emitter, asm = self.emitter, self.asm
        over = asm.new_label("rest")
        asm.load(R1, R7, plan.slot + 4, 4)
        asm.jump(R1, "!=", BUFFER_BYTES, over)
        if plan.type.rest_at:
            asm.load(R8, R7, plan.slot + plan.type.rest_at, 8)
        else:
            self.load_value(plan)
        emitter.add([rest_function(emitter.environment)])
        emitter.scratch_slot(R1)
        asm.mov(R2, R8)
        asm.load(R3, R7, plan.slot + SLOT, 8)
        asm.mov(R4, plan.position)
        asm.call_function("send_rest")
        asm.label(over)

    def _number(self, plan: ArgumentPlan) -> int:
        return (
            len(self.hook.arguments)
            if plan is self.hook.result
            else self.hook.arguments.index(plan)
        )
