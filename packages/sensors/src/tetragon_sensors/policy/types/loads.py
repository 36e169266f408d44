# SPDX-License-Identifier: Apache-2.0
"""What perf knows of a mapping of code (struct perf_mmap_event): path and build id of the file.

No type that policies can name: `loader: true` uses it.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from tetragon_sensors.policy.loads import load_arguments, read_build_id
from tetragon_sensors.policy.record import SLOT, SLOT_HEAD, Offset
from tetragon_sensors.program.opcodes import Helper

from .base import R1, R2, R3, R7, R8, R9
from .files import File, path_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.hooks import ArgumentValue
    from tetragon_sensors.policy.emitter import Emitter
    from tetragon_sensors.policy.plan import ArgumentPlan

__all__ = ["Load"]

_PAYLOAD: Final = Struct("<8x20sIQQQ")
"""Behind what every path has: build id and its length, inode number, addresses."""
_BUILD_ID: Final = SLOT + 8
_BUILD_ID_BYTES: Final = 24
_INODE: Final = _BUILD_ID + _BUILD_ID_BYTES
_START: Final = _INODE + 8
_END: Final = _START + 8
_TGID: Final = Struct("<I")
_BACKING: Final = 3 << 24
_NOT_COUNTED: Final = 1 << 29
"""Of a file of a layer below, which a stacked file system maps in place of its own: FMODE_BACKING,
which is the one bit or the other (6.14 and what it was ported back to moved it), and
FMODE_NOACCOUNT."""


class Load(File):
    """The value is the address of a struct perf_mmap_event whose mapping has a file."""

    names = ("load",)
    struct = "perf_mmap_event"
    payload_bytes = _PAYLOAD.size
    operators = frozenset()

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm = emitter.asm
        for offset in range(_BUILD_ID, _INODE, 8):
            asm.store(R7, plan.slot + offset, 0, 8)
        asm.mov(R9, R8)
        if emitter.btf.has_member("perf_mmap_event", "build_id"):
            self._emit_build_id(emitter, plan)
        emitter.load_member(R1, R9, "perf_mmap_event", "ino")
        asm.store(R7, plan.slot + _INODE, R1, 8)
        emitter.load_member(R8, R9, "perf_mmap_event", "vma")
        for offset, member in ((_START, "vm_start"), (_END, "vm_end")):
            emitter.load_member(R1, R8, "vm_area_struct", member)
            asm.store(R7, plan.slot + offset, R1, 8)
        emitter.load_member(R8, R8, "vm_area_struct", "vm_file")
        super().emit_read(emitter, plan, failed)

    def _emit_build_id(self, emitter: Emitter, plan: ArgumentPlan) -> None:
        """Copy it and its length, which stands behind it."""
        asm = emitter.asm
        asm.mov(R3, R9)
        asm.alu("add", R3, emitter.btf.member("perf_mmap_event", "build_id").offset_bytes)
        asm.mov(R2, _BUILD_ID_BYTES)
        asm.mov(R1, R7)
        asm.alu("add", R1, plan.slot + _BUILD_ID)
        asm.call(Helper.PROBE_READ_KERNEL)

    def _locate(self, emitter: Emitter, failed: str) -> None:
        """The path the process knows: a stacked file system's own, not that of the layer below."""
        if not emitter.btf.has_member("backing_file", "user_path"):
            super()._locate(emitter, failed)
            return
        asm = emitter.asm
        plain, located = asm.new_label("plain"), asm.new_label("located")
        emitter.load_member(R9, R8, "file", "f_mode")
        for bits in (_NOT_COUNTED, _BACKING):
            asm.mov(R1, R9)
            asm.alu("and", R1, bits)
            asm.jump(R1, "==", 0, plain)
        path_at(emitter, emitter.btf.member("backing_file", "user_path").offset_bytes)
        asm.goto(located)
        asm.label(plain)
        super()._locate(emitter, failed)
        asm.label(located)

    def values(self, record: bytes, plan: ArgumentPlan) -> Sequence[ArgumentValue]:
        """Path and build id, which is read from the file if the kernel did not."""
        _, length = SLOT_HEAD.unpack_from(record, plan.slot)
        path = self.path(record, plan) if length >= 0 else ""
        build_id, size, inode, start, end = _PAYLOAD.unpack_from(record, plan.slot + SLOT)
        if size:
            return load_arguments(path, build_id[:size])
        tgid = _TGID.unpack_from(record, Offset.TGID)[0]
        return load_arguments(path, read_build_id(tgid, start, end - start, path, inode))
