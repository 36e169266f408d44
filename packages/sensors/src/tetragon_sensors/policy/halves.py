# SPDX-License-Identifier: Apache-2.0
"""A call that two programs see: what the entry leaves for the return, and the return's program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tetragon_sensors.program.opcodes import Helper, Register

from .acting import emit_actions, enforces
from .actions import POST, posts
from .emitter import Stack
from .frames import RETURN_ADDRESS_BYTES, STACK_POINTER, UserRegistersFrame
from .plan import Timing
from .record import HitFlag, Offset
from .socktrack import emit_track

if TYPE_CHECKING:
    from tetragon_sensors.program.assembler import Assembler

    from .emitter import Emitter
    from .plan import HookPlan
    from .values import ArgumentCode

__all__ = ["Halves", "flag_acted", "flag_record"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register


def flag_record(asm: Assembler, flag: HitFlag) -> None:
    """Add a flag to the record's."""
    asm.load(R1, R7, Offset.FLAGS, 4)
    asm.alu("or", R1, int(flag))
    asm.store(R7, Offset.FLAGS, R1, 4)


def flag_acted(asm: Assembler, acted: int) -> None:
    """Add the flags that stand above an action's number on the stack; R1 and R2 are lost."""
    asm.load(R2, FP, acted, 8)
    asm.alu("rsh", R2, 32)
    asm.load(R1, R7, Offset.FLAGS, 4)
    asm.alu("or", R1, R2)
    asm.store(R7, Offset.FLAGS, R1, 4)


class Halves:
    """Code of one hook about entry and return of the same call."""

    def __init__(self, hook: HookPlan, emitter: Emitter, values: ArgumentCode) -> None:
        self.hook = hook
        self.emitter = emitter
        self.asm = emitter.asm
        self.values = values

    def remember_entry(self, number: int) -> None:
        """pending[thread] = time of the entry, selector, a value that only the entry sees.

        The record has the same time.
        """
        asm = self.asm
        asm.load(R8, R7, Offset.KTIME, 8)
        asm.store(R7, Offset.ENTRY_KTIME, R8, 8)
        asm.store(FP, Stack.WIDE, R8, 8)
        asm.mov(R1, number)
        asm.store(FP, Stack.WIDE + 8, R1, 8)
        if self.hook.kept is not None:
            self.values.load_value(self.hook.kept)
            asm.store(FP, Stack.WIDE + 16, R8, 8)
        else:
            asm.store(FP, Stack.WIDE + 16, R1, 8)
        self._pending_key()
        asm.mov(R3, FP)
        asm.alu("add", R3, Stack.WIDE)
        asm.mov(R4, 0)
        asm.call(Helper.MAP_UPDATE_ELEM)
        # a full table: the return will find nothing, so the record is whole as it is
        kept = asm.new_label("kept")
        asm.alu32("mov", R0, R0)
        asm.jump(R0, "==", 0, kept)
        asm.load(R1, R7, Offset.FLAGS, 4)
        asm.alu("and", R1, ~int(HitFlag.ENTRY_HALF))
        asm.store(R7, Offset.FLAGS, R1, 4)
        self.emitter.count("RETURN_LOST")
        asm.label(kept)

    def _pending_key(self) -> None:
        """R1 and R2 for a call about the running thread's call of this function."""
        asm = self.asm
        self.emitter.hook_number(R0, self.hook.targets[0].hook)
        if isinstance(self.hook.frame, UserRegistersFrame):
            self._add_depth()
        asm.store(FP, Stack.WIDE + 40, R0, 8)
        asm.call(Helper.GET_CURRENT_PID_TGID)
        asm.store(FP, Stack.WIDE + 32, R0, 8)
        asm.mov(R2, FP)
        asm.alu("add", R2, Stack.WIDE + 32)
        asm.load_map(R1, self.emitter.environment.maps["pending"])

    def _add_depth(self) -> None:
        """Functions of processes call themselves: where the stack was tells the calls apart.

        The upper half of R0 becomes the lower half of the stack pointer at the entry.
        """
        asm = self.asm
        asm.load(R1, R6, STACK_POINTER, 8)
        if self.hook.timing is Timing.RETURN_HALF:
            asm.alu("sub", R1, RETURN_ADDRESS_BYTES)
        asm.alu("lsh", R1, 32)
        asm.alu("or", R0, R1)

    def write_return(self) -> None:
        """All of the program at the return."""
        asm, emitter = self.asm, self.emitter
        self._pending_key()
        asm.call(Helper.MAP_LOOKUP_ELEM)
        asm.jump(R0, "==", 0, emitter.done)
        for offset, kept in ((0, Stack.ENTRY), (8, Stack.ENTRY_SELECTOR), (16, Stack.KEPT)):
            asm.load(R1, R0, offset, 8)
            asm.store(FP, kept, R1, 8)
        self._pending_key()
        asm.call(Helper.MAP_DELETE_ELEM)
        self._check_return_arguments()
        self._act_at_return()
        emitter.claim(self.values.fixed_bytes)
        if self.hook.result is not None:
            self.values.ensure_read(self.hook.result)
        for plan in self.hook.arguments:
            self.values.ensure_read(plan)
        emitter.write_header(self.hook.targets[0].hook)
        if self.hook.result is not None and self.hook.result_action:
            emit_track(emitter, self.hook.result, self.hook.result_action)
        self._suppress_return()
        asm.load(R1, FP, Stack.ACTED, 8)
        asm.store(R7, Offset.ACTION, R1, 4)
        flag_acted(asm, Stack.ACTED)
        flag_record(asm, HitFlag.RETURN_HALF)
        asm.load(R1, FP, Stack.ENTRY, 8)
        asm.store(R7, Offset.ENTRY_KTIME, R1, 8)
        asm.load(R1, FP, Stack.ENTRY_SELECTOR, 8)
        asm.store(R7, Offset.SELECTOR, R1, 2)
        emitter.send()

    def _check_return_arguments(self) -> None:
        asm = self.asm
        passed = asm.new_label("passed")
        result = self.hook.result
        for number, selector in enumerate(self.hook.selectors):
            if not selector.match_return_args or result is None:
                continue
            following = asm.new_label("selector")
            asm.load(R1, FP, Stack.ENTRY_SELECTOR, 8)
            asm.jump(R1, "!=", number, following)
            for wanted in selector.match_return_args:
                self.values.check(result, wanted, self.emitter.done)
            asm.goto(passed)
            asm.label(following)
        asm.label(passed)

    def _act_at_return(self) -> None:
        """What the selector that won at the entry asks for in matchReturnActions."""
        asm, over = self.asm, self.asm.new_label("acted")
        asm.mov(R1, POST)
        asm.store(FP, Stack.ACTED, R1, 8)
        for number, selector in enumerate(self.hook.selectors):
            actions = selector.match_return_actions
            if not enforces(actions):
                continue
            following = asm.new_label("selector")
            asm.load(R1, FP, Stack.ENTRY_SELECTOR, 8)
            asm.jump(R1, "!=", number, following)
            first = not enforces(selector.match_actions)
            fixed = self.values.fixed_bytes
            emit_actions(self.emitter, self.hook, fixed, actions, is_first=first)
            asm.goto(over)
            asm.label(following)
        asm.label(over)

    def _suppress_return(self) -> None:
        """NoPost in matchReturnActions: the entry was sent, but makes no event without this."""
        for number, selector in enumerate(self.hook.selectors):
            if not posts(selector.match_return_actions):
                self.asm.load(R1, FP, Stack.ENTRY_SELECTOR, 8)
                self.asm.jump(R1, "==", number, self.emitter.done)
