# SPDX-License-Identifier: Apache-2.0
"""Arguments that are a kernel structure of which some members are copied: a table says which."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.hooks import ArgumentValue
from tetragon_sensors.policy.emitter import STRING_BYTES, Stack
from tetragon_sensors.policy.record import SLOT
from tetragon_sensors.program.opcodes import Helper

from .base import FP, R0, R1, R2, R3, R7, R8, R9, ArgumentType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tetragon_sensors.policy.emitter import Emitter
    from tetragon_sensors.policy.plan import ArgumentPlan
    from tetragon_sensors.program.opcodes import Register

    Values = Mapping[str, object]
    MakeValue = Callable[[Mapping[str, int | bytes]], Values]

__all__ = ["Member", "Structure", "emit_copy", "emit_gather", "emit_string", "text_of_array"]

_WIDE_BYTES: Final = 64
"""Room at Stack.WIDE."""
_BYTES: Final = {"B": 1, "H": 2, "I": 4, "i": 4, "Q": 8}


class Member(NamedTuple):
    """One thing to copy."""

    name: str
    """What `make` knows it by."""
    form: str
    """As in the module struct: `I`, `Q`, `16s`."""
    path: tuple[tuple[str, str], ...]
    """(struct, member) steps; all but the last lead through a pointer."""

    @property
    def size(self) -> int:
        """Bytes in the record."""
        return _BYTES.get(self.form) or int(self.form.removesuffix("s"))


class Structure(ArgumentType):
    """A structure behind a pointer. A member this kernel does not have is 0."""

    def __init__(
        self,
        name: str,
        struct: str,
        field: str,
        members: tuple[Member, ...],
        make: MakeValue,
        text: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """`text` leads to a pointer to a string, which `make` gets as the bytes "text"."""
        self.names = (name,)
        self.struct = struct
        self.field = field
        self.members = members
        self.make = make
        self.text = text
        self.layout = Struct("<" + "".join(member.form for member in members))
        self.payload_bytes = self.layout.size
        self.is_variable = bool(text)
        self.cost = 2 if text else 1

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm = emitter.asm
        asm.mov(R1, 0)
        asm.store(R7, plan.slot, R1, 8)
        to = plan.slot + SLOT
        for number, member in enumerate(self.members):
            base = R8
            for step in member.path[:-1]:
                emitter.load_member(R9, base, *step)
                base = R9
            emit_copy(emitter, to, base, member.path[-1], member.size)
            to += member.size
            if number == 0:
                asm.jump(R0, "s<", 0, failed)
        if self.text:
            emitter.follow(R8, R8, *self.text)
            emit_string(emitter, plan.slot, R8)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        values = self.layout.unpack_from(record, plan.slot + SLOT)
        read = {member.name: one for member, one in zip(self.members, values, strict=True)}
        if self.text:
            read["text"] = self.variable_bytes(record, plan)
        return ArgumentValue(self.field, self.make(read), plan.label)


def emit_gather(
    emitter: Emitter, struct: str, members: Iterable[tuple[int, str, int]], failed: str
) -> None:
    """Copy members of the structure at R8 into the record, with as few reads as can be.

    `members` are (place in the record, member, 1, 2, 4 or 8 bytes). Jumps to `failed` with R0
    negative when the structure cannot be read.
    """
    asm, btf = emitter.asm, emitter.btf
    there = sorted(
        (btf.member(struct, path).offset_bytes, size, to)
        for to, path, size in members
        if btf.has_member(struct, path)
    )
    while there:
        start = there[0][0]
        near = [one for one in there if one[0] + one[1] <= start + _WIDE_BYTES]
        end = max(offset + size for offset, size, _ in near)
        emitter.read_kernel(Stack.WIDE, R8, start, end - start)
        asm.jump(R0, "s<", 0, failed)
        for offset, size, to in near:
            asm.load(R1, FP, Stack.WIDE + offset - start, size)
            asm.store(R7, to, R1, size)
        there = there[len(near) :]


def emit_copy(
    emitter: Emitter, to: int, base: Register, member: tuple[str, str], size: int
) -> None:
    """Copy a member of the structure at `base` to `to` in the record; R0 is negative on failure.

    What this kernel does not have, or has shorter, is filled up with zeros.
    """
    asm = emitter.asm
    struct, path = member
    there = emitter.btf.has_member(struct, path)
    found = emitter.btf.member(struct, path) if there else None
    have = min(size, found.size_bytes) if found else 0
    if have < size:
        asm.mov(R1, 0)
        for at in range(0, size, 8):
            width = next(one for one in (8, 4, 2, 1) if one <= size - at)
            for part in range(0, min(8, size - at), width):
                asm.store(R7, to + at + part, R1, min(width, size - at - part))
    if found is None:
        asm.mov(R0, 0)
        return
    asm.mov(R3, base)
    asm.alu("add", R3, found.offset_bytes)
    asm.mov(R2, have)
    asm.mov(R1, R7)
    asm.alu("add", R1, to)
    asm.call(Helper.PROBE_READ_KERNEL)


def emit_string(emitter: Emitter, slot: int, address: Register) -> None:
    """Append the string at `address`, of user space or the kernel; none when it is unreadable."""
    asm = emitter.asm
    kernel, failed, over = (asm.new_label(name) for name in ("kernel", "unread", "read"))
    asm.jump(address, "s<", 0, kernel)
    emitter.append(slot, Helper.PROBE_READ_USER_STR, address, STRING_BYTES, failed)
    asm.goto(over)
    asm.label(kernel)
    emitter.append(slot, Helper.PROBE_READ_KERNEL_STR, address, STRING_BYTES, failed)
    asm.goto(over)
    asm.label(failed)
    asm.mov(R1, 0)
    asm.store(R7, slot, R1, 8)
    asm.label(over)


def text_of_array(value: int | bytes) -> str:
    """The text in an array of characters: up to its first NUL."""
    assert isinstance(value, bytes)
    return value.split(b"\0")[0].decode(errors="replace")
