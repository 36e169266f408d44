# SPDX-License-Identifier: Apache-2.0
"""Capabilities: one by its number, and sets of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue
from tetragon_core.policy.task_names import CAPABILITIES, capability_mask
from tetragon_sensors.policy.integers import IntegerSet, emit_membership
from tetragon_sensors.policy.record import SLOT
from tetragon_sensors.program.opcodes import Helper

from .base import R0, R1, R2, R3, R7, R8, ArgumentType
from .numbers import Integer

if TYPE_CHECKING:
    from tetragon_core.policy.model import ArgumentFilter
    from tetragon_sensors.policy.emitter import Emitter
    from tetragon_sensors.policy.plan import ArgumentPlan

__all__ = ["Capability", "CapabilitySet", "emit_gained"]

_OTHER_NAMES: Final = {"CAP_DAC_OVERRIDE": "DAC_OVERRIDE"}
"""Which Tetragon spells in its own way."""
_GREATEST: Final = (1 << 64) - 1


class Capability(Integer):
    """The number of one."""

    def __init__(self) -> None:
        super().__init__(("capability",), "capability_arg", 4, signed=True)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        number = super().value(record, plan).value
        assert isinstance(number, int)
        name = CAPABILITIES[number] if 0 <= number < len(CAPABILITIES) else ""
        value = {"value": number, "name": _OTHER_NAMES.get(name, name)}
        return ArgumentValue(self.field, value, plan.label)


class CapabilitySet(ArgumentType):
    """kernel_cap_t: 64 bits, behind a pointer."""

    payload_bytes = 8
    operators = frozenset({"Equal", "NotEqual", "GT", "LT", "Mask", "CapabilitiesGained"})

    def __init__(self, name: str) -> None:
        self.names = (name,)
        self.field = f"{name}_arg"

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm = emitter.asm
        asm.mov(R1, 0)
        asm.store(R7, plan.slot, R1, 8)
        asm.mov(R3, R8)
        asm.mov(R2, 8)
        asm.mov(R1, R7)
        asm.alu("add", R1, plan.slot + SLOT)
        asm.call(Helper.PROBE_READ_KERNEL)
        asm.jump(R0, "s<", 0, failed)

    def emit_filter(
        self, emitter: Emitter, plan: ArgumentPlan, wanted: ArgumentFilter, found: str, no: str
    ) -> None:
        del no
        asm = emitter.asm
        masks = [capability_mask(str(value)) for value in wanted.values]
        asm.load(R8, R7, plan.slot + SLOT, 8)
        match wanted.operator.removeprefix("Not"):
            case "Mask":
                together = 0
                for mask in masks:
                    together |= mask
                asm.mov(R1, together)
                asm.jump(R8, "&", R1, found)
                return
            case "GT":
                ranges = [(mask + 1, _GREATEST) for mask in masks]
            case "LT":
                ranges = [(0, mask - 1) for mask in masks]
            case _:
                ranges = [(mask, mask) for mask in masks]
        emit_membership(asm, R8, IntegerSet.of(ranges), found)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        at = plan.slot + SLOT
        mask = int.from_bytes(record[at : at + 8], "little")
        return ArgumentValue(self.field, f"{mask:016x}", plan.label)


def emit_gained(emitter: Emitter, old: ArgumentPlan, new: ArgumentPlan, found: str) -> None:
    """Jump to `found` if the second set has a bit that the first does not have; both were read."""
    asm = emitter.asm
    asm.load(R1, R7, old.slot + SLOT, 8)
    asm.load(R2, R7, new.slot + SLOT, 8)
    asm.alu("xor", R1, -1)
    asm.alu("and", R1, R2)
    asm.jump(R1, "!=", 0, found)
