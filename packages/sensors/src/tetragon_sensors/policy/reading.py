# SPDX-License-Identifier: Apache-2.0
"""How generated code reads the kernel's memory, and what it is generated for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_sensors.program.assembler import Assembler
from tetragon_sensors.program.opcodes import Helper, Register

from .tables import NO_TABLES, ProcessTables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tetragon_sensors.kernel.btf import Btf

__all__ = ["Environment", "KernelReader", "Stack"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register


class Stack:
    """Offsets from the frame pointer."""

    TEMPORARY: Final = -8
    """Any eight bytes that are read out of the kernel and used at once."""
    KEY: Final = -16
    SCRATCH: Final = -24
    """The claimed record, or 0."""
    READ: Final = -32
    """Bit N: argument N is in the record."""
    SELECTOR: Final = -40
    WIDE: Final = -104
    """Sixty-four bytes for whoever emits at the moment."""
    SAVED: Final = -112
    SAVED_2: Final = -120
    KEPT: Final = -128
    """What the entry of a call left for its return."""
    ENTRY: Final = -136
    """At its return: when the call was entered."""
    ENTRY_SELECTOR: Final = -144
    VERDICT: Final = -152
    """What a program that can deny returns."""
    ACTED: Final = -160
    """Number of the action that was taken last, and above it HitFlag bits."""
    ACTED_FIRST: Final = ENTRY
    """The same of the entry, in a program that acts for entry and return at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What a program is generated for."""

    btf: Btf
    maps: Mapping[str, int]
    """Descriptors: ring, processes, hook_counters, scratch, and those of the policy."""
    has_exchange: bool
    """Atomic exchange (5.12). Before it no program is preempted, so none is needed."""
    cookie: bool
    """The hook's number is the sum of the program's and of the attachment's cookie (5.15)."""
    tables: ProcessTables = NO_TABLES
    """Tables of processes the policy has."""
    scratch_slots: int = 2
    """Buffers a CPU has."""
    controller: str = ""
    """Of the hierarchy that names containers; empty for that of cgroup v2."""
    preemption: tuple[int, int] | None = None
    """BTF ids of the functions that keep the CPU for the program, and give it free; None: no need,
    or no such functions (6.10)."""


class KernelReader:
    """A function in the making that reads structures by the names of their members."""

    def __init__(self, name: str, environment: Environment) -> None:
        self.asm = Assembler(name)
        self.environment = environment
        self.btf = environment.btf
        self.sleeps = False
        """Whether the program may wait for memory of the process."""

    def load_kernel(self, target: Register, base: Register, offset: int, size: int) -> None:
        """Set `target` to the `size` bytes at `base + offset`, zero-extended; 0 if unreadable."""
        self.read_kernel(Stack.TEMPORARY, base, offset, size)
        self.asm.load(target, FP, Stack.TEMPORARY, size)

    def load_user(self, target: Register, base: Register, offset: int, size: int) -> None:
        """The same out of the memory of the process."""
        helper = Helper.COPY_FROM_USER if self.sleeps else Helper.PROBE_READ_USER
        self._read(helper, Stack.TEMPORARY, base, offset, size)
        self.asm.load(target, FP, Stack.TEMPORARY, size)

    def read_kernel(self, stack: int, base: Register, offset: int, size: int) -> None:
        """Copy to the stack; R0 is negative and the bytes are zero when that fails."""
        self._read(Helper.PROBE_READ_KERNEL, stack, base, offset, size)

    def _read(self, helper: Helper, stack: int, base: Register, offset: int, size: int) -> None:
        asm = self.asm
        if base is not R3:
            asm.mov(R3, base)
        if offset:
            asm.alu("add", R3, offset)
        asm.mov(R2, size)
        asm.mov(R1, FP)
        asm.alu("add", R1, stack)
        asm.call(helper)

    def load_member(self, target: Register, base: Register, struct: str, path: str) -> None:
        """Set `target` to a member of a kernel structure; 0 when this kernel does not have it."""
        if not self.btf.has_member(struct, path):
            self.asm.mov(target, 0)
            return
        member = self.btf.member(struct, path)
        self.load_kernel(target, base, member.offset_bytes, member.size_bytes)

    def follow(self, target: Register, base: Register, *steps: tuple[str, str]) -> None:
        """`load_member` along a chain of (struct, member)."""
        source = base
        for struct, path in steps:
            self.load_member(target, source, struct, path)
            source = target

    def current_task(self, target: Register) -> None:
        """Set `target` to the address of the running task's task_struct."""
        self.asm.call(Helper.GET_CURRENT_TASK)
        self.asm.mov(target, R0)

    # ---- maps, whose key is on the stack at KEY ----

    def lookup(self, name: str) -> None:
        """R0 = address of the value, or 0."""
        self._keyed(name)
        self.asm.call(Helper.MAP_LOOKUP_ELEM)

    def update(self, name: str, value: int, flags: int = 0) -> None:
        """Enter the value that is on the stack; the low half of R0 is 0 when that worked."""
        self._keyed(name)
        self.asm.mov(R3, FP)
        self.asm.alu("add", R3, value)
        self.asm.mov(R4, flags)
        self.asm.call(Helper.MAP_UPDATE_ELEM)

    def update_from_record(self, name: str, value: int, flags: int = 0) -> None:
        """The same with a value that is in the record's buffer."""
        self._keyed(name)
        self.asm.mov(R3, R7)
        self.asm.alu("add", R3, value)
        self.asm.mov(R4, flags)
        self.asm.call(Helper.MAP_UPDATE_ELEM)

    def delete(self, name: str) -> None:
        """Remove the entry, if there is one."""
        self._keyed(name)
        self.asm.call(Helper.MAP_DELETE_ELEM)

    def _keyed(self, name: str) -> None:
        self.asm.mov(R2, FP)
        self.asm.alu("add", R2, Stack.KEY)
        self.asm.load_map(R1, self.environment.maps[name])
