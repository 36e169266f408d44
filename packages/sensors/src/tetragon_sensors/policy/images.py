# SPDX-License-Identifier: Apache-2.0
"""Filters on executables: matchBinaries and matchParentBinaries.

The map `images` has for each process the verdict on its executable: a bit for each set of paths
the policy asks for. A hit looks it up. The path is walked and compared by the function `verdict`,
at exec, or when a process is hit that is not in the map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_sensors.program.assembler import fits_in_imm
from tetragon_sensors.program.linker import Function
from tetragon_sensors.program.opcodes import Helper, Register

from .emitter import Emitter, Stack
from .frames import WordsFrame
from .matching import emit_equal, emit_prefix, emit_suffix
from .operands import is_negative
from .pathwalk import ANSWER, WALK_CUT, emit_file_path, emit_walked
from .tables import IMAGES, OLDER, READABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.policy.model import BinaryFilter

    from .emitter import Environment
    from .tables import BinaryTest

__all__ = ["IMAGE", "Image", "emit_binaries", "emit_verdict", "verdict_function"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

_VERDICT: Final = "verdict"
_NO_EXIST: Final = 1
"""BPF_NOEXIST: what fork and exec have entered is newer than what a hit found out."""


class Image:
    """Offsets in a value of the map `images`."""

    START: Final = 0
    """start_boottime of the process; 0: entered later."""
    OWN: Final = 8
    """Verdict on its executable."""
    INHERITED: Final = 16
    """Bits of what it, and those it descends from, have executed before."""
    ORIGIN: Final = 24
    """tgid of the process it descends from that was there before the policy: a key of `older`."""


IMAGE: Final = Stack.WIDE
"""Where a value is put together."""


def verdict_function(environment: Environment) -> Function:
    """`verdict(slot, task)`: look at a task's executable; the verdict is in the buffer's ANSWER."""
    emitter = Emitter(_VERDICT, environment, WordsFrame(0))
    asm = emitter.asm
    answer, out = asm.new_label("answer"), asm.new_label("out")
    asm.store(FP, Stack.SAVED, R1, 8)
    asm.store(FP, Stack.KEY, R1, 4)
    asm.mov(R9, R2)
    asm.mov(R1, 0)
    asm.store(FP, Stack.SAVED_2, R1, 8)
    emitter.lookup("scratch")
    asm.jump(R0, "==", 0, out)
    asm.mov(R6, R0)
    emitter.follow(R8, R9, ("task_struct", "mm"), ("mm_struct", "exe_file"))
    asm.jump(R8, "==", 0, answer)
    emit_file_path(emitter, R8, R9, R6, Stack.SAVED)
    asm.jump(R0, ">=", WALK_CUT, answer)
    emit_walked(emitter, R6, R8, R9, answer)
    _set_bit(emitter, READABLE)
    for number, test in enumerate(environment.tables.tests):
        found, following = asm.new_label("is"), asm.new_label("is_not")
        _compare(emitter, test, found)
        asm.goto(following)
        asm.label(found)
        _set_bit(emitter, READABLE << 1 + number)
        asm.label(following)
    asm.label(answer)
    asm.load(R1, FP, Stack.SAVED_2, 8)
    asm.store(R6, 8 + ANSWER, R1, 8)
    asm.label(out)
    asm.mov(R0, 0)
    asm.exit()
    return Function(asm, 2)


def _set_bit(emitter: Emitter, bit: int) -> None:
    asm = emitter.asm
    asm.load(R1, FP, Stack.SAVED_2, 8)
    asm.mov(R2, bit)
    asm.alu("or", R1, R2)
    asm.store(FP, Stack.SAVED_2, R1, 8)


def _compare(emitter: Emitter, test: BinaryTest, found: str) -> None:
    match test.operator:
        case "Prefix":
            emit_prefix(emitter.asm, R8, R9, test.values, found)
        case "Postfix":
            emit_suffix(emitter.asm, R8, R9, test.values, found)
        case _:
            emit_equal(emitter.asm, R8, R9, test.values, found)


def emit_verdict(emitter: Emitter, task: Register, fixed_bytes: int) -> None:
    """R8 = verdict on the executable of a task, which is in R8 or R9; R7 = the record."""
    emitter.claim(fixed_bytes)
    emitter.scratch_slot(R1)
    emitter.asm.mov(R2, task)
    emitter.asm.call_function(_VERDICT)
    emitter.asm.load(R8, R7, ANSWER, 8)


def emit_binaries(
    emitter: Emitter,
    filters: Sequence[BinaryFilter],
    fixed_bytes: int,
    no: str,
    *,
    of_parent: bool = False,
) -> None:
    """Jump to `no` unless all these filters hold for the process, or for its parent.

    A path that could not be read satisfies no filter, whether positive or negative.
    """
    asm = emitter.asm
    follows = any(wanted.follow_children for wanted in filters)
    missing, known = asm.new_label("missing"), asm.new_label("known")
    _load_tgid(emitter, no, of_parent=of_parent)
    asm.store(FP, Stack.KEY, R8, 4)
    asm.store(FP, Stack.SAVED, R8, 8)
    emitter.lookup(IMAGES)
    asm.jump(R0, "==", 0, missing)
    asm.load(R8, R0, Image.OWN, 8)
    if follows:
        asm.load(R9, R0, Image.INHERITED, 8)
        asm.load(R1, R0, Image.ORIGIN, 8)
        asm.store(FP, Stack.KEY, R1, 4)
    asm.goto(known)
    asm.label(missing)
    _find_out(emitter, fixed_bytes, of_parent=of_parent)
    asm.mov(R9, 0)
    asm.label(known)
    if follows:
        _add_older(emitter)
    _test(emitter, filters, no)


def _load_tgid(emitter: Emitter, no: str, *, of_parent: bool) -> None:
    """R8 = tgid of the process that is asked about, R9 = its task if that was looked up."""
    asm = emitter.asm
    if not of_parent:
        asm.call(Helper.GET_CURRENT_PID_TGID)
        asm.alu("rsh", R0, 32)
        asm.mov(R8, R0)
        return
    emitter.current_task(R9)
    emitter.load_member(R9, R9, "task_struct", "real_parent")
    asm.jump(R9, "==", 0, no)
    emitter.load_member(R8, R9, "task_struct", "tgid")


def _find_out(emitter: Emitter, fixed_bytes: int, *, of_parent: bool) -> None:
    """R8 = the verdict, which is entered; the stack at KEY is the tgid again."""
    asm = emitter.asm
    if not of_parent:
        emitter.current_task(R9)
    emit_verdict(emitter, R9, fixed_bytes)
    asm.load(R1, FP, Stack.SAVED, 8)
    asm.store(FP, Stack.KEY, R1, 4)
    asm.store(FP, IMAGE + Image.ORIGIN, R1, 8)
    asm.store(FP, IMAGE + Image.OWN, R8, 8)
    asm.mov(R1, 0)
    asm.store(FP, IMAGE + Image.START, R1, 8)
    asm.store(FP, IMAGE + Image.INHERITED, R1, 8)
    emitter.update(IMAGES, IMAGE, _NO_EXIST)


def _add_older(emitter: Emitter) -> None:
    """R9 = everything that the process and those before it have executed."""
    asm = emitter.asm
    over = asm.new_label("older")
    asm.alu("or", R9, R8)
    emitter.lookup(OLDER)
    asm.jump(R0, "==", 0, over)
    asm.load(R1, R0, 0, 8)
    asm.alu("or", R9, R1)
    asm.label(over)


def _test(emitter: Emitter, filters: Sequence[BinaryFilter], no: str) -> None:
    asm = emitter.asm
    if not all(wanted.follow_children and not is_negative(wanted.operator) for wanted in filters):
        readable = asm.new_label("readable")
        asm.jump(R8, "&", READABLE, readable)
        asm.goto(no)
        asm.label(readable)
    for wanted in filters:
        bits = R9 if wanted.follow_children else R8
        mask: Register | int = emitter.environment.tables.bit(wanted)
        if not fits_in_imm(int(mask)):
            asm.mov(R1, int(mask))
            mask = R1
        if is_negative(wanted.operator):
            asm.jump(bits, "&", mask, no)
            continue
        passed = asm.new_label("binary")
        asm.jump(bits, "&", mask, passed)
        asm.goto(no)
        asm.label(passed)
