# SPDX-License-Identifier: Apache-2.0
"""Filters on changes: matchNamespaceChanges and matchCapabilityChanges.

The map `baselines` has for each process its namespaces and capabilities as they were at fork, at
exec, or when a filter on changes last held for it. The function `snapshot` reads what they are now.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tetragon_core.messages import Namespaces
from tetragon_core.policy.task_names import capability_bit
from tetragon_sensors.program.linker import Function
from tetragon_sensors.program.opcodes import Helper, Register

from .emitter import Emitter, Stack
from .frames import WordsFrame
from .processes import CAPABILITY_SETS, emit_namespace_number, namespace_field
from .record import WALK_OFFSET
from .tables import BASELINES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tetragon_core.messages import Capabilities
    from tetragon_core.policy.model import CapabilityFilter, ChangeFilter, Selector

    from .emitter import Environment

__all__ = [
    "emit_changes",
    "emit_remember",
    "emit_snapshot",
    "pack_baseline",
    "snapshot_function",
]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

_SNAPSHOT: Final = "snapshot"
_NO_EXIST: Final = 1
_AT: Final = WALK_OFFSET + 48
"""In a record's buffer; a path walk uses the same place."""
_SETS: Final = tuple(CAPABILITY_SETS)
_VALUE: Final = struct.Struct(f"<Q{len(_SETS)}Q{len(Namespaces._fields)}I8x")
"""start_boottime (0: entered later), sets of capabilities, inode numbers."""
_CAPABILITIES: Final = 8
_NAMESPACES: Final = _CAPABILITIES + 8 * len(_SETS)


def pack_baseline(capabilities: Capabilities, namespaces: Namespaces) -> bytes:
    """A value of the map, for a process that was there before the policy."""
    return _VALUE.pack(0, *(getattr(capabilities, name) for name in _SETS), *namespaces)


def snapshot_function(environment: Environment) -> Function:
    """`snapshot(slot, task)`: what a task has now, in that scratch buffer."""
    emitter = Emitter(_SNAPSHOT, environment, WordsFrame(0))
    asm = emitter.asm
    out = asm.new_label("out")
    asm.store(FP, Stack.KEY, R1, 4)
    asm.store(FP, Stack.SAVED, R2, 8)
    emitter.lookup("scratch")
    asm.jump(R0, "==", 0, out)
    asm.mov(R6, R0)
    base = 8 + _AT
    asm.load(R8, FP, Stack.SAVED, 8)
    emitter.follow(R8, R8, ("task_struct", "group_leader"), ("task_struct", "start_boottime"))
    asm.store(R6, base, R8, 8)
    for number, name in enumerate(_SETS):
        asm.load(R8, FP, Stack.SAVED, 8)
        emitter.follow(R8, R8, ("task_struct", "cred"), ("cred", CAPABILITY_SETS[name]))
        asm.store(R6, base + _CAPABILITIES + 8 * number, R8, 8)
    for number, name in enumerate(Namespaces._fields):
        asm.load(R8, FP, Stack.SAVED, 8)
        emit_namespace_number(emitter, name)
        asm.store(R6, base + _NAMESPACES + 4 * number, R8, 4)
    asm.mov(R1, 0)
    asm.store(R6, base + _VALUE.size - 8, R1, 8)
    asm.label(out)
    asm.mov(R0, 0)
    asm.exit()
    return Function(asm, 2)


def emit_snapshot(emitter: Emitter, task: Register, fixed_bytes: int) -> None:
    """Take a snapshot of a task, which is in R8 or R9; R7 = the record."""
    emitter.claim(fixed_bytes)
    emitter.scratch_slot(R1)
    emitter.asm.mov(R2, task)
    emitter.asm.call_function(_SNAPSHOT)


def emit_remember(emitter: Emitter, task: Register, tgid: Register, fixed_bytes: int) -> None:
    """Make what a task has now the baseline of its process."""
    emit_snapshot(emitter, task, fixed_bytes)
    emitter.asm.store(FP, Stack.KEY, tgid, 4)
    emitter.update_from_record(BASELINES, _AT)


def emit_changes(
    emitter: Emitter, selector: Selector, host: Mapping[str, int], fixed_bytes: int, no: str
) -> None:
    """Jump to `no` unless all of the selector's filters on changes hold."""
    asm = emitter.asm
    for wanted in selector.match_capability_changes:
        if wanted.is_namespace_capability:
            emitter.current_task(R8)
            emit_namespace_number(emitter, "user")
            asm.mov(R1, host.get("user", 0))  # too large to be in the comparison
            asm.jump(R8, "==", R1, no)
    known = asm.new_label("known")
    emitter.current_task(R9)
    emit_snapshot(emitter, R9, fixed_bytes)
    asm.call(Helper.GET_CURRENT_PID_TGID)
    asm.alu("rsh", R0, 32)
    asm.store(FP, Stack.KEY, R0, 4)
    emitter.lookup(BASELINES)
    asm.jump(R0, "!=", 0, known)
    emitter.update_from_record(BASELINES, _AT, _NO_EXIST)
    asm.goto(no)
    asm.label(known)
    for spaces in selector.match_namespace_changes:
        _namespaces(emitter, spaces, no)
    for capabilities in selector.match_capability_changes:
        _capabilities(emitter, capabilities, no)


def _namespaces(emitter: Emitter, wanted: ChangeFilter, no: str) -> None:
    """In: one of these has changed; NotIn: one that is not among these."""
    asm = emitter.asm
    listed = {namespace_field(str(value)) for value in wanted.values}
    changed = asm.new_label("changed")
    for number in _numbers(listed, negative=wanted.operator == "NotIn"):
        asm.load(R1, R0, _NAMESPACES + 4 * number, 4)
        asm.load(R2, R7, _AT + _NAMESPACES + 4 * number, 4)
        asm.jump(R1, "!=", R2, changed)
    asm.goto(no)
    if asm.is_used(changed):
        asm.label(changed)


def _numbers(listed: set[str], *, negative: bool) -> Sequence[int]:
    return [
        number for number, name in enumerate(Namespaces._fields) if (name in listed) is not negative
    ]


def _capabilities(emitter: Emitter, wanted: CapabilityFilter, no: str) -> None:
    """In: one of these was gained or lost; NotIn: one that is not among these."""
    asm = emitter.asm
    mask = 0
    for value in wanted.values:
        mask |= 1 << capability_bit(str(value))
    if wanted.operator == "NotIn":
        mask ^= (1 << 64) - 1
    at = _CAPABILITIES + 8 * _SETS.index(wanted.type.lower())
    asm.load(R1, R0, at, 8)
    asm.load(R2, R7, _AT + at, 8)
    asm.alu("xor", R1, R2)
    asm.mov(R2, mask)
    asm.alu("and", R1, R2)
    asm.jump(R1, "==", 0, no)
