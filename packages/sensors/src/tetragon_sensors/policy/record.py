# SPDX-License-Identifier: Apache-2.0
"""Layout of the record a policy's program sends: written by generated code, read by decode.py.

A header, a slot for each argument, then the bytes of what varies in length. A slot starts with
eight bytes: offset in the record and length of the argument's bytes (both 0 for an argument that
has none), or in place of the length a negative error number when the argument could not be read.
What follows in the slot is up to the argument's type.
"""

from __future__ import annotations

from enum import IntFlag
from struct import Struct
from typing import Final, NamedTuple

__all__ = [
    "HEADER",
    "HEADER_BYTES",
    "KIND_HIT",
    "LIMIT",
    "SCRATCH_BYTES",
    "SLOT",
    "SLOT_HEAD",
    "HitFlag",
    "HitHeader",
    "Offset",
]

KIND_HIT: Final = 16
"""Above every kind of the base sensor (enum rec_kind in bpf/include/wire.h)."""


class HitHeader(NamedTuple):
    """Fields of the header, in order."""

    size: int
    kind: int
    selector: int
    """Position of the selector that wanted it."""
    hook: int
    """Number of the hook, unique in the agent."""
    flags: int
    process_ktime: int
    tgid: int
    tid: int
    ktime: int
    """Now, on the boot clock."""
    entry_ktime: int
    """Time of the entry that a return belongs to; 0 when the record is whole."""
    action: int
    return_action: int
    """Of an event that has arguments and result at once."""
    kernel_stack_offset: int
    kernel_stack_bytes: int
    user_stack_offset: int
    user_stack_bytes: int


HEADER: Final = Struct("<IHHIIQIIQQIIIiIi")
HEADER_BYTES: Final = HEADER.size


class Offset:
    """Where the fields of the header are."""

    SIZE: Final = 0
    KIND: Final = 4
    SELECTOR: Final = 6
    HOOK: Final = 8
    FLAGS: Final = 12
    PROCESS_KTIME: Final = 16
    TGID: Final = 24
    TID: Final = 28
    KTIME: Final = 32
    ENTRY_KTIME: Final = 40
    ACTION: Final = 48
    RETURN_ACTION: Final = 52
    KERNEL_STACK: Final = 56
    USER_STACK: Final = 64


class HitFlag(IntFlag):
    """Bits of HitHeader.flags."""

    ENTRY_HALF = 0x1
    """The return of the same call follows."""
    RETURN_HALF = 0x2
    MONITORED = 0x4
    """Actions were counted and not taken."""


SLOT_HEAD: Final = Struct("<Ii")
SLOT: Final = SLOT_HEAD.size

LIMIT: Final = 12_288
"""No argument starts behind this offset; what would is reported as not read."""

_LAST: Final = 4104
"""Room for one whole argument that starts at LIMIT."""
WALK_OFFSET: Final = LIMIT + _LAST
"""Where the state of a path walk starts."""
WALK_BYTES: Final = 48 + 4096 + 4096
"""State, text, and as much behind it: a comparison may look at bytes that are no text."""
SCRATCH_BYTES: Final = 8 + WALK_OFFSET + WALK_BYTES
"""Of one scratch buffer: the mark that it is taken, the record, the path walk."""
