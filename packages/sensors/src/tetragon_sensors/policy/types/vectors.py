# SPDX-License-Identifier: Apache-2.0
"""Arguments made of several parts: arrays of a tracepoint's record, lists of buffers. And nothing.

A list of buffers is shown as the bytes of all of them, one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue
from tetragon_sensors.kernel.btf import BtfError
from tetragon_sensors.policy.emitter import Emitter, Stack
from tetragon_sensors.policy.frames import WordsFrame
from tetragon_sensors.policy.record import LIMIT, SLOT, SLOT_HEAD, WALK_OFFSET, Offset
from tetragon_sensors.policy.rest import BUFFER_BYTES
from tetragon_sensors.program.linker import Function
from tetragon_sensors.program.opcodes import Helper

from .base import FP, R0, R1, R2, R3, R4, R6, R7, R8, R9, ArgumentType
from .texts import Buffer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_sensors.policy.plan import ArgumentPlan
    from tetragon_sensors.policy.reading import Environment
    from tetragon_sensors.program.assembler import Assembler

__all__ = ["ConstantBuffer", "Iterator", "Nothing", "Vector"]

_WORD: Final = 8
_ARRAY_BYTES: Final = 1024
"""Of an array, at most: more than any tracepoint has."""


class ConstantBuffer(ArgumentType):
    """An array in the record: of numbers, each of which is a value; of characters, a text."""

    names = ("const_buf",)
    is_address = False
    is_variable = True

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        size = plan.array.count * plan.array.element_bytes if plan.array else _WORD
        emitter.append(plan.slot, Helper.PROBE_READ_KERNEL, R8, min(size, _ARRAY_BYTES), failed)

    def values(self, record: bytes, plan: ArgumentPlan) -> Sequence[ArgumentValue]:
        _, length = SLOT_HEAD.unpack_from(record, plan.slot)
        array = plan.array
        if length < 0 or array is None or array.is_text or array.element_bytes == 1:
            return (self.decode(record, plan),)
        content = self.variable_bytes(record, plan)
        parts = range(0, len(content), array.element_bytes)
        numbers = [int.from_bytes(content[at : at + array.element_bytes], "little") for at in parts]
        return tuple(ArgumentValue("size_arg", number, plan.label) for number in numbers)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        content = self.variable_bytes(record, plan)
        if plan.array and plan.array.is_text:
            text = content.split(b"\0")[0].decode(errors="replace")
            return ArgumentValue("string_arg", text, plan.label)
        return ArgumentValue("bytes_arg", content, plan.label)


class Nothing(ArgumentType):
    """Holds a place among the arguments; it is neither read nor shown."""

    names = ("nop",)
    is_address = False
    cost = 0

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:  # noqa: ARG002  cannot fail
        emitter.asm.mov(R1, 0)
        emitter.asm.store(R7, plan.slot, R1, 8)

    def values(self, record: bytes, plan: ArgumentPlan) -> Sequence[ArgumentValue]:  # noqa: ARG002  none
        return ()


_ADDRESS: Final = SLOT + Buffer.payload_bytes


class Iterator(Buffer):
    """struct iov_iter: the first of its buffers."""

    names = ("iov_iter",)
    struct = "iov_iter"
    payload_bytes = Buffer.payload_bytes + 8
    rest_at = _ADDRESS

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm, btf = emitter.asm, emitter.btf
        list_member = "__iov" if btf.has_member("iov_iter", "__iov") else "iov"
        kind = "iter_type" if btf.has_member("iov_iter", "iter_type") else "type"
        vector, whole, read = (asm.new_label(name) for name in ("vector", "whole", "read"))
        emitter.load_member(R9, R8, "iov_iter", kind)
        if kind == "type":  # before 5.14 with the direction in the lowest bit
            asm.alu("and", R9, ~1)
        for name, target in (("ITER_IOVEC", vector), ("ITER_KVEC", vector), ("ITER_UBUF", whole)):
            try:
                asm.jump(R9, "==", btf.enum_value("iter_type", name), target)
            except BtfError:
                continue
        asm.mov(R8, 0)
        asm.mov(R9, 0)
        asm.goto(read)
        asm.label(vector)
        emitter.load_member(R8, R8, "iov_iter", list_member)
        emitter.read_kernel(Stack.WIDE, R8, 0, 16)
        asm.jump(R0, "s<", 0, failed)
        asm.load(R8, FP, Stack.WIDE, 8)
        asm.load(R9, FP, Stack.WIDE + 8, 8)
        asm.goto(read)
        asm.label(whole)
        emitter.load_member(R9, R8, "iov_iter", "count")
        asm.store(FP, Stack.SAVED, R9, 8)
        emitter.load_member(R9, R8, "iov_iter", "iov_offset")
        emitter.load_member(R8, R8, "iov_iter", "ubuf")
        asm.alu("add", R8, R9)
        asm.load(R9, FP, Stack.SAVED, 8)
        asm.label(read)
        asm.store(R7, plan.slot + _ADDRESS, R8, 8)
        self.emit_bytes(emitter, plan, failed)


_GATHER: Final = "gather"
_MOST_PARTS: Final = 64
"""Buffers of a list that are read; what is behind them is missing."""
# State of the loop, in the record's scratch memory: of what is there the verifier knows nothing, so
# that one round is like the other to it.
_NEXT: Final = WALK_OFFSET
_LEFT: Final = WALK_OFFSET + 8
_TOTAL: Final = WALK_OFFSET + 16
_COPIED: Final = WALK_OFFSET + 24
_PART: Final = WALK_OFFSET + 32


class Vector(Buffer):
    """An array of struct iovec with as many elements as another argument says."""

    names = ("char_iovec",)
    rest_at = None

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm = emitter.asm
        asm.store(FP, Stack.SAVED, R8, 8)
        if plan.size_index is None:
            asm.mov(R9, 0)
        else:
            emitter.frame.argument(emitter, R9, plan.size_index)
        emitter.add([_gather_function(emitter.environment)])
        asm.load(R1, R7, Offset.SIZE, 4)
        asm.mov(R0, -7)  # E2BIG
        asm.jump(R1, ">", LIMIT, failed)
        asm.store(R7, plan.slot, R1, 4)
        emitter.scratch_slot(R1)
        asm.mov(R2, plan.slot)
        asm.load(R3, FP, Stack.SAVED, 8)
        asm.mov(R4, R9)
        asm.call_function(_GATHER)
        asm.extend(R0, 4, signed=True)
        asm.jump(R0, "s<", 0, failed)
        asm.jump(R0, ">", BUFFER_BYTES, failed)
        asm.store(R7, plan.slot + 4, R0, 4)
        asm.load(R1, R7, Offset.SIZE, 4)
        asm.alu("add", R1, R0)
        asm.alu("add", R1, 7)
        asm.alu("and", R1, ~7)
        asm.store(R7, Offset.SIZE, R1, 4)


def _gather_function(environment: Environment) -> Function:
    """`gather(scratch slot, slot of the argument, address, count)`: bytes read, or an error.

    How many there are is stored behind the slot's head.
    """
    emitter = Emitter(_GATHER, environment, WordsFrame(0))
    asm = emitter.asm
    asm.store(FP, Stack.KEY, R1, 4)
    asm.mov(R8, R2)
    asm.mov(R9, R3)
    asm.mov(R6, R4)
    asm.mov(R2, FP)
    asm.alu("add", R2, Stack.KEY)
    asm.load_map(R1, environment.maps["scratch"])
    asm.call(Helper.MAP_LOOKUP_ELEM)
    asm.jump(R0, "==", 0, "failed")
    asm.mov(R7, R0)
    asm.alu("add", R7, 8)
    asm.store(R7, _NEXT, R9, 8)
    asm.extend(R6, 4, signed=False)
    asm.store(R7, _LEFT, R6, 8)
    asm.mov(R1, 0)
    asm.store(R7, _TOTAL, R1, 8)
    asm.store(R7, _COPIED, R1, 8)
    asm.jump(R8, ">", LIMIT, "failed")
    asm.alu("add", R8, R7)
    asm.load(R6, R8, 0, 4)
    asm.jump(R6, ">", LIMIT, "failed")
    asm.alu("add", R6, R7)
    asm.mov(R9, 0)
    asm.label("loop")
    _gather_part(emitter)
    asm.alu("add", R9, 1)
    asm.jump(R9, "<", _MOST_PARTS, "loop")
    asm.label("done")
    asm.load(R1, R7, _TOTAL, 8)
    asm.store(R8, SLOT, R1, 8)
    asm.load(R0, R7, _COPIED, 8)
    asm.exit()
    asm.label("failed")
    asm.mov(R0, -14)  # EFAULT
    asm.exit()
    return Function(asm, 4)


def _gather_part(emitter: Emitter) -> None:
    """One element of the list."""
    asm = emitter.asm
    asm.load(R1, R7, _LEFT, 8)
    asm.jump(R1, "==", 0, "done")
    asm.alu("sub", R1, 1)
    asm.store(R7, _LEFT, R1, 8)
    asm.load(R3, R7, _NEXT, 8)
    asm.mov(R1, R3)
    asm.alu("add", R1, 16)
    asm.store(R7, _NEXT, R1, 8)
    asm.mov(R2, 16)
    asm.mov(R1, R7)
    asm.alu("add", R1, _PART)
    _read_any(asm, "element")
    asm.jump(R0, "s<", 0, "failed")
    asm.load(R2, R7, _PART + 8, 8)
    asm.load(R1, R7, _TOTAL, 8)
    asm.alu("add", R1, R2)
    asm.store(R7, _TOTAL, R1, 8)
    asm.load(R4, R7, _COPIED, 8)
    asm.jump(R4, ">=", BUFFER_BYTES, "full")
    asm.mov(R1, BUFFER_BYTES)
    asm.alu("sub", R1, R4)
    asm.jump(R2, "<=", R1, "room")
    asm.mov(R2, R1)
    asm.label("room")
    asm.jump(R2, ">", BUFFER_BYTES, "full")
    asm.store(R7, _PART + 8, R2, 8)
    asm.mov(R1, R6)
    asm.alu("add", R1, R4)
    asm.load(R3, R7, _PART, 8)
    _read_any(asm, "bytes")
    asm.jump(R0, "s<", 0, "failed")
    asm.load(R4, R7, _COPIED, 8)
    asm.load(R2, R7, _PART + 8, 8)
    asm.alu("add", R4, R2)
    asm.store(R7, _COPIED, R4, 8)
    asm.label("full")


def _read_any(asm: Assembler, name: str) -> None:
    """Read R2 bytes from R3, in user space or the kernel, to R1."""
    asm.jump(R3, "s<", 0, f"{name}_kernel")
    asm.call(Helper.PROBE_READ_USER)
    asm.goto(f"{name}_read")
    asm.label(f"{name}_kernel")
    asm.call(Helper.PROBE_READ_KERNEL)
    asm.label(f"{name}_read")
