# SPDX-License-Identifier: Apache-2.0
"""The hash of a file as the kernel's integrity measurement makes it, behind a hit's arguments.

No type that policies can name: `imaHash` uses it. Hits show it in a field of their own.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from tetragon_sensors.policy.record import SLOT

from .base import FP, R1, R7, ArgumentType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.hooks import ArgumentValue
    from tetragon_sensors.policy.emitter import Emitter
    from tetragon_sensors.policy.plan import ArgumentPlan

__all__ = ["HASH_BYTES", "ImaHash", "hash_text"]

HASH_BYTES: Final = 64
"""Of the longest."""
_PAYLOAD: Final = Struct(f"<q{HASH_BYTES}s")
_ALGORITHMS: Final = {
    1: ("md5", 16),
    2: ("sha1", 20),
    4: ("sha256", 32),
    5: ("sha384", 48),
    6: ("sha512", 64),
    7: ("sha224", 28),
    13: ("wp512", 64),
    17: ("sm3", 32),
}
"""Numbers of enum hash_algo (include/uapi/linux/hash_info.h), names and bytes."""


class ImaHash(ArgumentType):
    """A number of an algorithm, or a negative errno, and the bytes."""

    names = ("ima_hash",)
    payload_bytes = _PAYLOAD.size
    is_address = False

    def __init__(self, stack: int | None = None) -> None:
        """`stack`: where on the stack the payload is; None: there is none."""
        self._stack = stack

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:  # noqa: ARG002  cannot fail
        asm = emitter.asm
        asm.mov(R1, 0)
        asm.store(R7, plan.slot, R1, 8)
        for offset in range(0, _PAYLOAD.size, 8):
            if self._stack is not None:
                asm.load(R1, FP, self._stack + offset, 8)
            asm.store(R7, plan.slot + SLOT + offset, R1, 8)

    def values(self, record: bytes, plan: ArgumentPlan) -> Sequence[ArgumentValue]:  # noqa: ARG002  as of every type
        """It is no argument."""
        return ()


def hash_text(record: bytes, plan: ArgumentPlan) -> str:
    """`algorithm:hexadecimal`; empty when the kernel made none."""
    number, content = _PAYLOAD.unpack_from(record, plan.slot + SLOT)
    name, size = _ALGORITHMS.get(number, ("", 0))
    return f"{name}:{content[:size].hex()}" if name else ""
