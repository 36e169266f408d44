# SPDX-License-Identifier: Apache-2.0
"""What every part of a generated program is written with: frame, scratch memory, kernel reads.

Registers: R6 is the context, R7 the record once it is claimed; R8 and R9 belong to whoever emits at
the moment; calls lose R0 to R5. State that outlives a part is on the stack (Stack) or in the
record, never in registers: verifiers before 6.3 tell far fewer states apart then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_sensors.program.opcodes import Helper, Register

from .reading import Environment, KernelReader, Stack
from .record import HEADER_BYTES, KIND_HIT, LIMIT, Offset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tetragon_sensors.program.linker import Function

    from .frames import Frame

__all__ = ["COUNTERS", "STRING_BYTES", "Emitter", "Environment", "Stack"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

STRING_BYTES: Final = 4096
COUNTERS: Final = ("LOST_HIT", "HOOK_BUSY", "RETURN_LOST", "TABLE_FULL")
"""Numbers in the map `hook_counters`: records the ring refused, hits without a free buffer, returns
and processes that a map had no room for."""
_TICK_NS: Final = 10_000_000
_ALIGN: Final = 7


class Emitter(KernelReader):
    """One hook's main function in the making."""

    def __init__(self, name: str, environment: Environment, frame: Frame) -> None:
        super().__init__(name, environment)
        self.frame = frame
        self.done = self.asm.new_label("done")
        """Leave the program."""
        self.denies = False
        """Whether the program returns what is in Stack.VERDICT, and not 0."""
        self.functions: dict[str, Function] = {}
        """That were written for this program, by name."""

    def add(self, functions: Iterable[Function]) -> None:
        """Have these in the program, unless it has functions of these names."""
        for function in functions:
            self.functions.setdefault(function.code.name, function)

    # ---- the record ----

    def begin(self) -> None:
        """First instructions of the program."""
        asm = self.asm
        asm.mov(R6, R1)
        self._keep_cpu(on=True)
        asm.mov(R1, 0)
        asm.store(FP, Stack.SCRATCH, R1, 8)
        asm.store(FP, Stack.READ, R1, 8)
        if self.denies:
            asm.store(FP, Stack.VERDICT, R1, 8)

    def claim(self, fixed_bytes: int) -> None:
        """Make R7 the record, unless it is already; leave the program if there is no memory."""
        asm = self.asm
        claimed, got = asm.new_label("claimed"), asm.new_label("got")
        asm.load(R7, FP, Stack.SCRATCH, 8)
        asm.jump(R7, "!=", 0, claimed)
        for slot in range(self.environment.scratch_slots):
            following = asm.new_label("taken")
            asm.store(FP, Stack.KEY, slot, 4)
            asm.mov(R2, FP)
            asm.alu("add", R2, Stack.KEY)
            asm.load_map(R1, self.environment.maps["scratch"])
            asm.call(Helper.MAP_LOOKUP_ELEM)
            asm.jump(R0, "==", 0, following)
            asm.mov(R7, R0)
            self._take(following)
            asm.mov(R1, slot)
            asm.store(FP, Stack.SELECTOR + 4, R1, 4)
            asm.goto(got)
            asm.label(following)
        self.count("HOOK_BUSY")
        self._leave()
        asm.label(got)
        asm.alu("add", R7, 8)
        asm.store(FP, Stack.SCRATCH, R7, 8)
        asm.mov(R1, HEADER_BYTES + fixed_bytes)
        asm.store(R7, Offset.SIZE, R1, 4)
        asm.label(claimed)

    def _take(self, taken: str) -> None:
        asm = self.asm
        asm.mov(R1, 1)
        if self.environment.has_exchange:
            asm.exchange(R7, 0, R1)
            asm.jump(R1, "!=", 0, taken)
        else:
            asm.load(R2, R7, 0, 8)
            asm.jump(R2, "!=", 0, taken)
            asm.store(R7, 0, R1, 8)

    def end(self) -> None:
        """Last instructions: give the memory back."""
        asm = self.asm
        out = asm.new_label("out")
        asm.label(self.done)
        asm.load(R7, FP, Stack.SCRATCH, 8)
        asm.jump(R7, "==", 0, out)
        asm.mov(R1, 0)
        asm.store(R7, -8, R1, 8)
        asm.label(out)
        self._leave()

    def _leave(self) -> None:
        """Return; what was decided holds, reported or not."""
        self._keep_cpu(on=False)
        if self.denies:
            self.asm.load(R0, FP, Stack.VERDICT, 8)
        else:
            self.asm.mov(R0, 0)
        self.asm.exit()

    def _keep_cpu(self, *, on: bool) -> None:
        """No other task may run in the middle: those that wait would have all the buffers.

        A program without a buffer decides nothing, so that what it guards would be let through.
        """
        if self.environment.preemption is not None and not self.sleeps:
            disable, enable = self.environment.preemption
            self.asm.call_kernel(disable if on else enable)

    def scratch_slot(self, target: Register) -> None:
        """Which of the CPU's buffers was claimed."""
        self.asm.load(target, FP, Stack.SELECTOR + 4, 4)

    def count(self, counter: str) -> None:
        """Add one to a counter of the agent."""
        asm = self.asm
        asm.load_map_value(R1, self.environment.maps["hook_counters"], 8 * COUNTERS.index(counter))
        asm.mov(R2, 1)
        asm.atomic_add(R1, 0, R2)

    # ---- variable parts of the record ----

    def append(
        self, slot: int, helper: Helper, source: Register, length: Register | int, failed: str
    ) -> None:
        """Read up to STRING_BYTES at `source` to the end of the record and enter them in `slot`.

        With a helper for strings the NUL does not count. Jumps to `failed` with R0 negative when
        nothing could be read or there is no room. `length` is a constant or a register the verifier
        knows to be at most STRING_BYTES; source and length must not be R1 or R2.
        """
        asm = self.asm
        is_string = helper in {Helper.PROBE_READ_KERNEL_STR, Helper.PROBE_READ_USER_STR}
        if source is not R3:
            asm.mov(R3, source)
        asm.mov(R2, length)
        if isinstance(length, Register):
            asm.store(FP, Stack.TEMPORARY, length, 8)
        asm.load(R1, R7, Offset.SIZE, 4)
        asm.mov(R0, -7)  # E2BIG
        asm.jump(R1, ">", LIMIT, failed)
        asm.store(R7, slot, R1, 4)
        asm.alu("add", R1, R7)
        asm.call(helper)
        asm.jump(R0, "s<", 0, failed)
        if is_string:
            # before 6.13 the NUL of an empty string of user space is not counted
            empty = asm.new_label("empty")
            asm.jump(R0, "==", 0, empty)
            asm.alu("sub", R0, 1)
            asm.label(empty)
        elif isinstance(length, Register):
            asm.load(R0, FP, Stack.TEMPORARY, 8)
        else:
            asm.mov(R0, length)
        asm.store(R7, slot + 4, R0, 4)
        asm.load(R1, R7, Offset.SIZE, 4)
        asm.alu("add", R1, R0)
        asm.alu("add", R1, _ALIGN)
        asm.alu("and", R1, ~_ALIGN)
        asm.store(R7, Offset.SIZE, R1, 4)

    def text_of(self, slot: int, text: Register, length: Register, missing: str) -> None:
        """Set registers to the bytes `append` read: address and length, bounds known.

        Jumps to `missing` when the slot has an error in place of a length.
        """
        asm = self.asm
        asm.load(length, R7, slot + 4, 4)
        asm.jump(length, ">", STRING_BYTES, missing)  # negative numbers are too
        asm.load(text, R7, slot, 4)
        asm.jump(text, ">", LIMIT, missing)
        asm.alu("add", text, R7)

    def fail_slot(self, slot: int) -> None:
        """Enter the error in R0 as the slot's."""
        self.asm.store(R7, slot + 4, R0, 4)

    # ---- who ----

    def write_header(self, hook: int) -> None:
        """All of the header but size and what the actions decide."""
        asm = self.asm
        asm.store(R7, Offset.KIND, KIND_HIT, 2)
        self.hook_number(R0, hook)
        asm.store(R7, Offset.HOOK, R0, 4)
        asm.call(Helper.GET_CURRENT_PID_TGID)
        asm.store(R7, Offset.TID, R0, 4)
        asm.alu("rsh", R0, 32)
        asm.store(R7, Offset.TGID, R0, 4)
        asm.store(FP, Stack.KEY, R0, 4)
        self.process_ktime()
        asm.store(R7, Offset.PROCESS_KTIME, R8, 8)
        asm.call(Helper.KTIME_GET_BOOT_NS)
        asm.store(R7, Offset.KTIME, R0, 8)
        asm.mov(R1, 0)
        for offset in (Offset.FLAGS, Offset.ACTION, Offset.RETURN_ACTION):
            asm.store(R7, offset, R1, 4)
        for offset in (Offset.ENTRY_KTIME, Offset.KERNEL_STACK, Offset.USER_STACK):
            asm.store(R7, offset, R1, 8)

    def hook_number(self, target: Register, first: int) -> None:
        """Set `target` to the number of the hook: that of the first target, plus the cookie."""
        asm = self.asm
        if not self.environment.cookie:
            asm.mov(target, first)
            return
        asm.mov(R1, R6)
        asm.call(Helper.GET_ATTACH_COOKIE)
        asm.alu("add", R0, first)
        if target is not R0:
            asm.mov(target, R0)

    def process_ktime(self) -> None:
        """R8 = ktime of the key of the running process, whose tgid is at KEY.

        The same rule as in bpf/include/identity.h.
        """
        asm = self.asm
        derive, known = asm.new_label("derive"), asm.new_label("known")
        asm.mov(R2, FP)
        asm.alu("add", R2, Stack.KEY)
        asm.load_map(R1, self.environment.maps["processes"])
        asm.call(Helper.MAP_LOOKUP_ELEM)
        asm.jump(R0, "==", 0, derive)
        asm.load(R8, R0, 0, 8)
        asm.goto(known)
        asm.label(derive)
        self.current_task(R8)
        self.follow(R8, R8, ("task_struct", "group_leader"), ("task_struct", "start_boottime"))
        asm.mov(R1, R8)
        asm.alu("mod", R1, _TICK_NS)
        asm.alu("sub", R8, R1)
        asm.label(known)

    def send(self) -> None:
        """Hand the record over; a full ring is counted."""
        asm = self.asm
        sent = asm.new_label("sent")
        asm.load(R3, R7, Offset.SIZE, 4)
        asm.jump(R3, ">", LIMIT + STRING_BYTES, sent)
        asm.mov(R2, R7)
        asm.load_map(R1, self.environment.maps["ring"])
        asm.mov(R4, 0)
        asm.call(Helper.RINGBUF_OUTPUT)
        asm.jump(R0, "==", 0, sent)
        self.count("LOST_HIT")
        asm.label(sent)
