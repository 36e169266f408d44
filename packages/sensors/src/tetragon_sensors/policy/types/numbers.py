# SPDX-License-Identifier: Apache-2.0
"""Integers of every width; filters compare the value in a register, so no record is needed."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue
from tetragon_sensors.policy.integers import IntegerSet, emit_membership
from tetragon_sensors.policy.operands import mask_of, ranges_of
from tetragon_sensors.policy.record import SLOT
from tetragon_sensors.program.assembler import fits_in_imm

from .base import R1, R5, R7, R8, ArgumentType

if TYPE_CHECKING:
    from tetragon_core.policy.model import ArgumentFilter
    from tetragon_sensors.policy.emitter import Emitter
    from tetragon_sensors.policy.plan import ArgumentPlan

__all__ = ["INTEGER_OPERATORS", "Integer"]

_U64: Final = Struct("<Q")
_S64: Final = Struct("<q")

INTEGER_OPERATORS: Final = frozenset(
    {"Equal", "NotEqual", "GT", "LT", "Mask", "InMap", "NotInMap", "InRange", "NotInRange"}
    | {"CelExpr"}
)


class Integer(ArgumentType):
    """One width and signedness; the API has a field for each kind of number."""

    payload_bytes = 8
    cost = 0
    operators = INTEGER_OPERATORS
    filters_value = True
    is_address = False

    def __init__(self, names: tuple[str, ...], field: str, width: int, *, signed: bool) -> None:
        self.names = names
        self.field = field
        self.width = width
        self.signed = signed

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:  # noqa: ARG002  cannot fail
        emitter.asm.extend(R8, self.width, signed=self.signed)
        emitter.asm.mov(R1, 0)
        emitter.asm.store(R7, plan.slot, R1, 8)
        emitter.asm.store(R7, plan.slot + SLOT, R8, 8)

    def emit_filter(
        self,
        emitter: Emitter,
        plan: ArgumentPlan,  # noqa: ARG002  the value is in R8
        wanted: ArgumentFilter,
        found: str,
        no: str,  # noqa: ARG002  a number can always be read
    ) -> None:
        asm = emitter.asm
        asm.extend(R8, self.width, signed=self.signed)
        if wanted.operator == "Mask":
            mask = mask_of(wanted)
            if fits_in_imm(mask):
                asm.jump(R8, "&", mask, found)
            else:
                asm.mov(R5, mask)
                asm.jump(R8, "&", R5, found)
            return
        members = IntegerSet.of(
            ranges_of(wanted, self.width, signed=self.signed), signed=self.signed
        )
        emit_membership(asm, R8, members, found)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        number = (_S64 if self.signed else _U64).unpack_from(record, plan.slot + SLOT)[0]
        return ArgumentValue(self.field, number, plan.label)
