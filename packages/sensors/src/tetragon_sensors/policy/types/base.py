# SPDX-License-Identifier: Apache-2.0
"""What an argument type is: how it is read, how it is filtered, how its bytes become a value.

A type is one class in one file of this package and one name in the tuple of __init__.py. Filters
and reading are code for the kernel, decoding is for the agent; both use the layout the class keeps.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tetragon_core.hooks import ArgumentValue
from tetragon_sensors.policy.record import SLOT, SLOT_HEAD
from tetragon_sensors.program.opcodes import Register

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tetragon_core.policy.model import ArgumentFilter
    from tetragon_sensors.policy.emitter import Emitter
    from tetragon_sensors.policy.plan import ArgumentPlan

__all__ = ["ArgumentType", "error_value"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register


class ArgumentType:
    """Base of all types; instances have no state."""

    names: tuple[str, ...]
    """As policies write it; the first is the one we print."""
    struct: str = ""
    """Kernel structure that the value points to, for comparison with prototypes; empty: any."""
    payload_bytes: int = 0
    """In the slot, behind its head."""
    is_variable: bool = False
    """Whether bytes of it are behind the slots."""
    cost: int = 1
    """Of reading it: 0 registers, 1 a structure, 2 a string, 3 a path."""
    operators: frozenset[str] = frozenset()
    """Operators of matchArgs that work for it."""
    has_length: bool = False
    """Whether the argument behind it may say how long it is."""
    rest_at: int | None = None
    """Where the slot has the address of bytes for `maxData`; None: nowhere, 0: the value is it."""
    is_address: bool = True
    """Whether the raw value is an address that is read, and not a number."""
    filters_value: bool = False
    """Whether filters use the raw value alone, so that they need no record."""

    @property
    def slot_bytes(self) -> int:
        """All of its slot, a multiple of eight."""
        return SLOT + (self.payload_bytes + 7) // 8 * 8

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        """Write code that fills the slot from the raw value in R8.

        All registers but R6 and R7 may be used. On failure it jumps to `failed` with R0 negative.
        """
        raise NotImplementedError

    def emit_filter(
        self, emitter: Emitter, plan: ArgumentPlan, wanted: ArgumentFilter, found: str, no: str
    ) -> None:
        """Write code that jumps to `found` if one of the filter's values matches, else goes on.

        Negation is the caller's. Where neither answer is right, as for what could not be read, it
        jumps to `no`. Before it the slot was filled; with `filters_value` the raw value is in R8.
        """
        raise NotImplementedError

    def decode(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        """The value of the argument; `error_value` when it could not be read."""
        _, length = SLOT_HEAD.unpack_from(record, plan.slot)
        if length < 0:
            return error_value(length, plan.label)
        return self.value(record, plan)

    def values(self, record: bytes, plan: ArgumentPlan) -> Sequence[ArgumentValue]:
        """What events show of the argument: one value, but for few types."""
        return (self.decode(record, plan),)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        """The value, which was read."""
        raise NotImplementedError

    def variable_bytes(self, record: bytes, plan: ArgumentPlan) -> bytes:
        """What `append` put behind the slots."""
        offset, length = SLOT_HEAD.unpack_from(record, plan.slot)
        return record[offset : offset + length]


_ERRORS: dict[int, str] = {-14: "Bad address for basic type", -7: "No room in the record"}


def error_value(error: int, label: str = "") -> ArgumentValue:
    """What an argument that could not be read is reported as."""
    message = _ERRORS.get(error) or os.strerror(-error)
    value: Mapping[str, object] = {"Message": message}
    return ArgumentValue("error_arg", value, label)
