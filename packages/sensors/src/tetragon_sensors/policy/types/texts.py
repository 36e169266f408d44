# SPDX-License-Identifier: Apache-2.0
"""Arguments that are bytes: strings, file names, buffers. Filters compare what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue
from tetragon_sensors.policy.emitter import STRING_BYTES, Stack
from tetragon_sensors.policy.matching import emit_equal, emit_prefix, emit_suffix
from tetragon_sensors.policy.operands import texts_of
from tetragon_sensors.policy.record import SLOT
from tetragon_sensors.policy.rest import BUFFER_BYTES
from tetragon_sensors.policy.substrings import search_functions
from tetragon_sensors.program.opcodes import Helper

from .base import FP, R0, R1, R2, R3, R6, R7, R8, R9, ArgumentType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.policy.model import ArgumentFilter
    from tetragon_sensors.policy.emitter import Emitter
    from tetragon_sensors.policy.plan import ArgumentPlan

__all__ = ["TEXT_OPERATORS", "Buffer", "DataLocation", "Device", "FileName", "String", "Text"]

TEXT_OPERATORS: Final = frozenset(
    {"Equal", "NotEqual", "Prefix", "NotPrefix", "Postfix", "NotPostfix"}
    | {"SubString", "SubStringIgnCase"}
)


class Text(ArgumentType):
    """What all of them share: bytes behind the slots, and operators on them."""

    is_variable = True
    cost = 2
    operators = TEXT_OPERATORS
    keeps_nul = True
    """Whether a trailing NUL of a policy's value is part of it."""

    def emit_filter(
        self, emitter: Emitter, plan: ArgumentPlan, wanted: ArgumentFilter, found: str, no: str
    ) -> None:
        values = texts_of(wanted, keeps_nul=self.keeps_nul)
        emitter.text_of(plan.slot, R8, R9, no)
        match wanted.operator.removeprefix("Not"):
            case "Equal":
                emit_equal(emitter.asm, R8, R9, values, found)
            case "Prefix":
                emit_prefix(emitter.asm, R8, R9, values, found)
            case "Postfix":
                emit_suffix(emitter.asm, R8, R9, values, found)
            case "SubString" | "SubStringIgnCase":
                _emit_search(emitter, plan, wanted, values, found)
            case other:
                raise AssertionError(f"{other} was let through for {self.names[0]}")


def _emit_search(
    emitter: Emitter,
    plan: ArgumentPlan,
    wanted: ArgumentFilter,
    values: Sequence[bytes],
    found: str,
) -> None:
    """The text's length is in R9."""
    asm = emitter.asm
    name = f"search_{len(emitter.functions)}"
    ignore_case = wanted.operator.endswith("IgnCase")
    emitter.add(search_functions(name, emitter.environment, values, ignore_case=ignore_case))
    emitter.scratch_slot(R1)
    asm.load(R2, R7, plan.slot, 4)
    asm.mov(R3, R9)
    asm.call_function(name)
    asm.alu32("mov", R0, R0)
    asm.jump(R0, "!=", 0, found)


class String(Text):
    """`char *`, of user space or the kernel: the sign of an address tells which it is."""

    names = ("string",)
    keeps_nul = False

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm = emitter.asm
        kernel, over = asm.new_label("kernel"), asm.new_label("read")
        asm.jump(R8, "s<", 0, kernel)
        emitter.append(plan.slot, Helper.PROBE_READ_USER_STR, R8, STRING_BYTES, failed)
        asm.goto(over)
        asm.label(kernel)
        emitter.append(plan.slot, Helper.PROBE_READ_KERNEL_STR, R8, STRING_BYTES, failed)
        asm.label(over)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        text = self.variable_bytes(record, plan).decode(errors="replace")
        return ArgumentValue("string_arg", text, plan.label)


class FileName(String):
    """struct filename: the name a system call was given, copied by the kernel."""

    names = ("filename",)
    struct = "filename"

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        emitter.load_member(R8, R8, "filename", "name")
        emitter.append(plan.slot, Helper.PROBE_READ_KERNEL_STR, R8, STRING_BYTES, failed)


class Device(String):
    """struct net_device: its name."""

    names = ("net_device",)
    struct = "net_device"

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        emitter.asm.alu("add", R8, emitter.btf.member("net_device", "name").offset_bytes)
        emitter.append(plan.slot, Helper.PROBE_READ_KERNEL_STR, R8, 16, failed)


class DataLocation(String):
    """Text of a tracepoint: an offset in its record and a length, in one u32 (__data_loc)."""

    names = ("data_loc",)

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm = emitter.asm
        asm.alu("and", R8, 0xFFFF)
        asm.alu("add", R8, R6)
        emitter.append(plan.slot, Helper.PROBE_READ_KERNEL_STR, R8, STRING_BYTES, failed)


class Buffer(Text):
    """Bytes as many as another argument says, or as the function returned (`returnCopy`)."""

    names = ("char_buf",)
    payload_bytes = 8
    """How long it is, though not all of it may have been read."""
    rest_at: int | None = 0

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm = emitter.asm
        asm.store(FP, Stack.SAVED, R8, 8)
        if plan.size_is_result:
            emitter.frame.result(emitter, R9)
        elif plan.size_index is not None:
            emitter.frame.argument(emitter, R9, plan.size_index)
        else:
            asm.mov(R9, 0)
        asm.load(R8, FP, Stack.SAVED, 8)
        self.emit_bytes(emitter, plan, failed)

    def emit_bytes(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        """Fill the slot from the address in R8 and the length in R9."""
        asm = emitter.asm
        kernel, over, fits = (asm.new_label(name) for name in ("kernel", "read", "fits"))
        asm.store(R7, plan.slot + SLOT, R9, 8)
        asm.mov(R0, R9)
        asm.jump(R9, "s<", 0, failed)
        asm.jump(R9, "<=", BUFFER_BYTES, fits)
        asm.mov(R9, BUFFER_BYTES)
        asm.label(fits)
        asm.jump(R8, "s<", 0, kernel)
        emitter.append(plan.slot, Helper.PROBE_READ_USER, R8, R9, failed)
        asm.goto(over)
        asm.label(kernel)
        emitter.append(plan.slot, Helper.PROBE_READ_KERNEL, R8, R9, failed)
        asm.label(over)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        content = self.variable_bytes(record, plan)
        whole = int.from_bytes(record[plan.slot + SLOT : plan.slot + SLOT + 8], "little")
        if whole > len(content):
            value = {"bytes_arg": content, "orig_size": whole}
            return ArgumentValue("truncated_bytes_arg", value, plan.label)
        return ArgumentValue("bytes_arg", content, plan.label)
