# SPDX-License-Identifier: Apache-2.0
"""Kernel path -> text: from the name up to the root of the process, prepending, across mounts.

The same walk as bpf/include/path.h makes for exec. One leg is a global function of up to LEG_STEPS
steps, which the verifier checks once however many paths a program reads; its state is in the
scratch memory. No lock is taken: a rename meanwhile can tear the result, as in /proc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_sensors.program.linker import Function
from tetragon_sensors.program.opcodes import Helper, Register

from .emitter import Emitter, Stack
from .frames import WordsFrame
from .record import WALK_OFFSET, Offset

if TYPE_CHECKING:
    from collections.abc import Callable

    from .emitter import Environment

__all__ = ["ANSWER", "WALK_CUT", "emit_file_path", "emit_path", "emit_walked", "walk_function"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

LEG_STEPS: Final = 64
LEGS: Final = 33
"""2048 components, the most a path of PATH_MAX has, and 64 mount crossings."""
_PATH_BYTES: Final = 4096
_NAME_BYTES: Final = 256

_DENTRY: Final = 0
_MNT: Final = 8
_ROOT_DENTRY: Final = 16
_ROOT_MNT: Final = 24
_FROM: Final = 32
_ANSWER: Final = 40
_TEXT: Final = 48
ANSWER: Final = WALK_OFFSET + _ANSWER
"""Where in a record the walk leaves eight bytes for who makes something of the text."""

_WHOLE, _OUTSIDE, _CUT, _MORE = range(4)
WALK_CUT: Final = _CUT
"""Result that means that the start of the path is missing."""

_NAME: Final = "walk_leg"
_BASE: Final = WALK_OFFSET + 8
"""Of the state, from the start of the map's value."""

# the leg's own stack
_MNT_ROOT: Final = -24
_CHUNK: Final = -48


def walk_function(environment: Environment) -> Function:
    """`walk_leg(slot)`: go on with the walk in that scratch buffer; returns how far it came."""
    emitter = Emitter(_NAME, environment, WordsFrame(0))
    asm = emitter.asm
    loop, cross, cut = "loop", "cross", "cut"
    asm.store(FP, Stack.KEY, R1, 4)
    asm.mov(R2, FP)
    asm.alu("add", R2, Stack.KEY)
    asm.load_map(R1, environment.maps["scratch"])
    asm.call(Helper.MAP_LOOKUP_ELEM)
    asm.jump(R0, "==", 0, cut)
    asm.mov(R6, R0)
    asm.load(R8, R6, _BASE + _DENTRY, 8)
    asm.load(R9, R6, _BASE + _MNT, 8)
    _load_mnt_root(emitter)
    asm.mov(R7, 0)

    _step(emitter, loop, cross, cut)
    _cross(emitter, loop, cross)
    asm.label("more")
    asm.store(R6, _BASE + _DENTRY, R8, 8)
    asm.store(R6, _BASE + _MNT, R9, 8)
    for label, result in (("more", _MORE), ("whole", _WHOLE), ("outside", _OUTSIDE), (cut, _CUT)):
        if label != "more":
            asm.label(label)
        asm.mov(R0, result)
        asm.exit()
    return Function(asm, 1)


def _step(emitter: Emitter, loop: str, cross: str, cut: str) -> None:
    """One component, or the end of the walk."""
    asm = emitter.asm
    asm.label(loop)
    asm.jump(R7, ">=", LEG_STEPS, "more")
    asm.alu("add", R7, 1)
    asm.load(R1, R6, _BASE + _ROOT_DENTRY, 8)
    asm.jump(R8, "!=", R1, "not_root")
    asm.load(R1, R6, _BASE + _ROOT_MNT, 8)
    asm.jump(R9, "==", R1, "whole")
    asm.label("not_root")
    asm.load(R1, FP, _MNT_ROOT, 8)
    asm.jump(R8, "==", R1, cross)
    _read_dentry(emitter)
    asm.jump(R9, "!=", 0, "named")
    asm.load(R1, FP, _CHUNK, 8)  # no mount is known: the root is what has itself as parent
    asm.jump(R1, "==", R8, "outside")
    asm.label("named")
    _prepend(emitter, cut)
    asm.load(R1, FP, _CHUNK, 8)
    asm.jump(R1, "==", R8, "outside")
    asm.mov(R8, R1)
    asm.goto(loop)


def _cross(emitter: Emitter, loop: str, cross: str) -> None:
    """From the root of a mount to where it is mounted."""
    asm = emitter.asm
    mount_offset = emitter.btf.member("mount", "mnt").offset_bytes
    asm.label(cross)
    asm.alu("sub", R9, mount_offset)  # the struct mount around the struct vfsmount
    emitter.load_member(R1, R9, "mount", "mnt_parent")
    asm.jump(R1, "==", R9, "outside")
    asm.store(FP, _CHUNK, R1, 8)
    emitter.load_member(R8, R9, "mount", "mnt_mountpoint")
    asm.load(R9, FP, _CHUNK, 8)
    asm.alu("add", R9, mount_offset)
    _load_mnt_root(emitter)
    asm.goto(loop)


def _load_mnt_root(emitter: Emitter) -> None:
    emitter.load_member(R1, R9, "vfsmount", "mnt_root")
    emitter.asm.store(FP, _MNT_ROOT, R1, 8)


def _read_dentry(emitter: Emitter) -> None:
    """The stack at _CHUNK: parent, hash and length, address of the name."""
    parent = emitter.btf.member("dentry", "d_parent").offset_bytes
    name = emitter.btf.member("dentry", "d_name").offset_bytes
    if name == parent + 8:
        emitter.read_kernel(_CHUNK, R8, parent, 24)
    else:
        emitter.read_kernel(_CHUNK, R8, parent, 8)
        emitter.read_kernel(_CHUNK + 8, R8, name, 16)


def _prepend(emitter: Emitter, cut: str) -> None:
    asm = emitter.asm
    length = emitter.btf.member("qstr", "len").offset_bytes
    asm.load(R2, FP, _CHUNK + 8 + length, 4)
    asm.jump(R2, ">=", _NAME_BYTES, cut)
    asm.load(R1, R6, _BASE + _FROM, 4)
    asm.mov(R3, R2)
    asm.alu("add", R3, 1)
    asm.jump(R1, "<", R3, cut)
    asm.alu("sub", R1, R3)
    # says again what the jump proved; the verifier does not relate two registers
    asm.alu("and", R1, _PATH_BYTES - 1)
    asm.alu("and", R2, _NAME_BYTES - 1)
    asm.store(R6, _BASE + _FROM, R1, 4)
    asm.alu("add", R1, R6)
    asm.store(R1, _BASE + _TEXT, ord("/"), 1)
    asm.alu("add", R1, _BASE + _TEXT + 1)
    asm.load(R3, FP, _CHUNK + 16, 8)
    asm.call(Helper.PROBE_READ_KERNEL)


def emit_path(emitter: Emitter, slot: int, dentry: Register, mnt: Register, failed: str) -> None:
    """Append the text of (dentry, vfsmount), which are R8 and R9, to the record.

    The result of the walk is stored behind the slot's head. Jumps to `failed` with R0 negative when
    there is nothing.
    """
    asm = emitter.asm
    state = WALK_OFFSET
    asm.store(R7, state + _DENTRY, dentry, 8)
    asm.store(R7, state + _MNT, mnt, 8)
    emitter.current_task(R8)
    emitter.load_member(R8, R8, "task_struct", "fs")
    _emit_start(emitter, R7, state, R8)
    _emit_legs(emitter, emitter.scratch_slot)
    asm.store(R7, slot + 8, R0, 4)
    _append_text(emitter, slot, failed)


def emit_file_path(
    emitter: Emitter, file: Register, task: Register, base: Register, scratch_slot: int
) -> None:
    """Walk from a struct file in the view of `task`, into the scratch buffer that starts at `base`.

    R0 = the result; the text is found with `emit_walked`. `scratch_slot` is where on the stack the
    buffer's number is. R7 is lost.
    """
    asm = emitter.asm
    emitter.read_kernel(Stack.WIDE, file, emitter.btf.member("file", "f_path").offset_bytes, 16)
    for name, target in (("mnt", _MNT), ("dentry", _DENTRY)):
        offset = emitter.btf.member("path", name).offset_bytes
        asm.load(R1, FP, Stack.WIDE + offset, 8)
        asm.store(base, _BASE + target, R1, 8)
    emitter.load_member(R7, task, "task_struct", "fs")
    _emit_start(emitter, base, _BASE, R7)
    _emit_legs(emitter, lambda target: asm.load(target, FP, scratch_slot, 8))


def emit_walked(
    emitter: Emitter, base: Register, text: Register, length: Register, missing: str
) -> None:
    """Set registers to the text that a walk made; behind it are WALK_MARGIN bytes to look at."""
    asm = emitter.asm
    asm.load(text, base, _BASE + _FROM, 4)
    asm.jump(text, ">", _PATH_BYTES, missing)
    asm.mov(length, _PATH_BYTES)
    asm.alu("sub", length, text)
    asm.alu("add", text, base)
    asm.alu("add", text, _BASE + _TEXT)


def _emit_start(emitter: Emitter, base: Register, state: int, fs: Register) -> None:
    """The root that a struct fs_struct has, and no text yet."""
    asm = emitter.asm
    root = emitter.btf.member("fs_struct", "root").offset_bytes
    emitter.read_kernel(Stack.WIDE, fs, root, 16)
    for name, target in (("mnt", _ROOT_MNT), ("dentry", _ROOT_DENTRY)):
        offset = emitter.btf.member("path", name).offset_bytes
        asm.load(R1, FP, Stack.WIDE + offset, 8)
        asm.store(base, state + target, R1, 8)
    asm.mov(R1, _PATH_BYTES)
    asm.store(base, state + _FROM, R1, 4)


def _emit_legs(emitter: Emitter, load_slot: Callable[[Register], None]) -> None:
    """R0 = the result of the walk."""
    asm = emitter.asm
    over = asm.new_label("walked")
    for _ in range(LEGS):
        load_slot(R1)
        asm.call_function(_NAME)
        asm.jump(R0, "!=", _MORE, over)
    asm.mov(R0, _CUT)
    asm.label(over)


def _append_text(emitter: Emitter, slot: int, failed: str) -> None:
    asm = emitter.asm
    state = WALK_OFFSET
    asm.load(R8, R7, state + _FROM, 4)
    asm.mov(R0, -2)  # ENOENT
    asm.jump(R8, ">", _PATH_BYTES, failed)
    asm.mov(R9, _PATH_BYTES)
    asm.alu("sub", R9, R8)
    asm.alu("add", R8, R7)
    asm.alu("add", R8, state + _TEXT)
    # a length of 0 is refused by older verifiers; the root of the process has no text
    empty, over = asm.new_label("empty"), asm.new_label("text")
    asm.jump(R9, "==", 0, empty)
    emitter.append(slot, Helper.PROBE_READ_KERNEL, R8, R9, failed)
    asm.goto(over)
    asm.label(empty)
    asm.load(R1, R7, Offset.SIZE, 4)
    asm.store(R7, slot, R1, 4)
    asm.store(R7, slot + 4, 0, 4)
    asm.label(over)
