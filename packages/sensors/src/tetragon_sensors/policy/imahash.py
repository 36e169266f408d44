# SPDX-License-Identifier: Apache-2.0
"""`imaHash` of LSM hooks: the hash of the file, taken only for what a selector wants it of.

To hash a file is to read it, so that program sleeps. One that sleeps in the middle of its decision
would hold memory others need, and kernels before 6.2 skip it for whoever comes to the same CPU
meanwhile. Hence three programs on the hook: the first decides, and leaves the number of the
selector for the others; the second, the only one that sleeps, adds the hash; the third acts,
reports and denies. What the second is skipped for has no hash, and nothing else is missing.

The kernel runs what was attached last first (kernel/bpf/trampoline.c).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tetragon_sensors.kernel.maps import MapKind, MapSpec
from tetragon_sensors.program.opcodes import Helper, Register

from .plan import ArgumentPlan, Denial, HookPlan, Source, Timing
from .types.ima import HASH_BYTES, ImaHash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tetragon_core.policy.model import Selector
    from tetragon_sensors.kernel.facts import Kernel

    from .emitter import Emitter

__all__ = [
    "emit_defer",
    "emit_deferred",
    "emit_is_selector",
    "hashes_map",
    "wants_hash",
    "why_no_hash",
    "with_hashes",
    "write_hash",
]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

_HASHES: Final = "hashes"
_CALLS: Final = 1024
"""Whose file is hashed at the same time; one that finds no room is reported without."""
_STATE, _SELECTOR, _ALGORITHM, _HASH = 0, 4, 8, 16
"""Of a value of the map."""
_VALUE_BYTES: Final = _HASH + HASH_BYTES
_WANTED, _BUSY, _DONE = range(3)
_KEY: Final = -192
_VALUE: Final = _KEY - _VALUE_BYTES
"""On the stack of the programs that decide and act."""


def wants_hash(selector: Selector) -> bool:
    """Whether events of a selector have the hash of the file."""
    return any(action.ima_hash for action in selector.match_actions)


def why_no_hash(kernel: Kernel) -> str:
    """Why the kernel makes no hashes; empty when it does."""
    if not kernel.abilities.has_helper("ima_file_hash"):
        return "it needs kernel 5.18 or newer (bpf_ima_file_hash)"
    if kernel.btf.find_function("ima_file_hash") is None:
        return "this kernel was built without IMA (CONFIG_IMA)"
    return ""


def with_hashes(hook: HookPlan) -> list[HookPlan]:
    """The programs of an LSM hook, in the order they are attached."""
    if not any(map(wants_hash, hook.selectors)):
        return [hook]

    def of(kind: ImaHash) -> HookPlan:
        plan = ArgumentPlan(
            type=kind,
            index=-1,
            source=Source.CURRENT_TASK,
            position=len(hook.arguments),
            slot=hook.record_bytes,
            text="hash of the file",
        )
        arguments = (*hook.arguments, plan)
        size = hook.record_bytes + kind.slot_bytes
        return replace(hook, arguments=arguments, record_bytes=size, ima_hash=plan)

    decides = of(ImaHash())
    hashes = replace(
        hook, timing=Timing.HASH, arguments=(), selectors=(), denial=Denial.NONE, sleeps=True
    )
    acts = replace(of(ImaHash(_VALUE + _ALGORITHM)), timing=Timing.DEFERRED)
    return [acts, hashes, decides]


def hashes_map(hooks: Iterable[HookPlan]) -> list[MapSpec]:
    """(thread, hook) -> what the programs of a call leave for each other; of a policy."""
    if not any(hook.timing is Timing.HASH for hook in hooks):
        return []
    return [
        MapSpec(
            kind=MapKind.HASH,
            key_bytes=16,
            value_bytes=_VALUE_BYTES,
            max_entries=_CALLS,
            name=_HASHES,
        )
    ]


def _find(emitter: Emitter, hook: HookPlan) -> None:
    """R0 = the value of the running thread's call, or 0."""
    asm = emitter.asm
    asm.call(Helper.GET_CURRENT_PID_TGID)
    asm.store(FP, _KEY, R0, 8)
    asm.mov(R1, hook.targets[0].hook)
    asm.store(FP, _KEY + 8, R1, 8)
    _call(emitter, Helper.MAP_LOOKUP_ELEM)


def _call(emitter: Emitter, helper: Helper) -> None:
    """A helper on the map; the key is on the stack, R3 and R4 are set."""
    asm = emitter.asm
    asm.mov(R2, FP)
    asm.alu("add", R2, _KEY)
    asm.load_map(R1, emitter.environment.maps[_HASHES])
    asm.call(helper)


def emit_defer(emitter: Emitter, hook: HookPlan, number: int, at_once: str) -> None:
    """Leave a selector for the program that acts; jump to `at_once` where that is not possible.

    To read a file may open it, and so come back to the hook in the middle of the same call.
    """
    asm = emitter.asm
    free = asm.new_label("free")
    _find(emitter, hook)
    asm.jump(R0, "==", 0, free)
    asm.load(R1, R0, _STATE, 4)
    asm.jump(R1, "==", _BUSY, at_once)
    asm.label(free)
    asm.mov(R1, 0)
    for offset in range(0, _VALUE_BYTES, 8):
        asm.store(FP, _VALUE + offset, R1, 8)
    asm.store(FP, _VALUE + _SELECTOR, number, 4)
    asm.mov(R3, FP)
    asm.alu("add", R3, _VALUE)
    asm.mov(R4, 0)
    _call(emitter, Helper.MAP_UPDATE_ELEM)
    asm.alu32("mov", R0, R0)
    asm.jump(R0, "==", 0, emitter.done)


def write_hash(emitter: Emitter, hook: HookPlan) -> None:
    """The program that sleeps: add the hash to what was left, if anything was."""
    asm = emitter.asm
    no_file = asm.new_label("no_file")
    _find(emitter, hook)
    asm.jump(R0, "==", 0, emitter.done)
    asm.mov(R7, R0)
    asm.load(R1, R7, _STATE, 4)
    asm.jump(R1, "!=", _WANTED, emitter.done)
    asm.load(R1, R6, 0, 8)
    asm.jump(R1, "==", 0, no_file)
    if hook.targets[0].symbol.startswith("bprm_"):
        asm.load(R1, R1, emitter.btf.member("linux_binprm", "file").offset_bytes, 8)
        asm.jump(R1, "==", 0, no_file)
    asm.store(R7, _STATE, _BUSY, 4)
    asm.mov(R2, R7)
    asm.alu("add", R2, _HASH)
    asm.mov(R3, HASH_BYTES)
    asm.call(Helper.IMA_FILE_HASH)
    asm.store(R7, _ALGORITHM, R0, 8)
    asm.label(no_file)
    asm.store(R7, _STATE, _DONE, 4)
    asm.goto(emitter.done)


def emit_deferred(emitter: Emitter, hook: HookPlan) -> None:
    """Take what was left, with the hash, to the stack; leave the program when that is nothing."""
    asm = emitter.asm
    _find(emitter, hook)
    asm.jump(R0, "==", 0, emitter.done)
    asm.load(R1, R0, _STATE, 4)
    asm.jump(R1, "==", _BUSY, emitter.done)
    for offset in range(0, _VALUE_BYTES, 8):
        asm.load(R1, R0, offset, 8)
        asm.store(FP, _VALUE + offset, R1, 8)
    _call(emitter, Helper.MAP_DELETE_ELEM)


def emit_is_selector(emitter: Emitter, number: int, no: str) -> None:
    """Jump to `no` unless this is the selector that was left."""
    emitter.asm.load(R1, FP, _VALUE + _SELECTOR, 4)
    emitter.asm.jump(R1, "!=", number, no)
