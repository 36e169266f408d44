# SPDX-License-Identifier: Apache-2.0
"""Code that counts in a policy's ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tetragon_sensors.program.opcodes import Register

from .state import STATE, StateOffset, ledger_offset

if TYPE_CHECKING:
    from .emitter import Emitter

__all__ = ["count", "emit_failed"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register


def count(emitter: Emitter, counter: str) -> None:
    """Add one to a counter of the policy's ledger."""
    asm = emitter.asm
    asm.load_map_value(R1, emitter.environment.maps[STATE], ledger_offset(counter))
    asm.mov(R2, 1)
    asm.atomic_add(R1, 0, R2)


def emit_failed(emitter: Emitter) -> None:
    """Count an action that the kernel refused with the negative errno in R0."""
    asm = emitter.asm
    asm.mov(R3, 0)
    asm.alu("sub", R3, R0)
    asm.load_map_value(R1, emitter.environment.maps[STATE], StateOffset.LAST_ERRNO)
    asm.store(R1, 0, R3, 8)
    count(emitter, "failed")
