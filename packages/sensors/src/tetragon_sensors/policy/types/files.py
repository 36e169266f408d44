# SPDX-License-Identifier: Apache-2.0
"""Arguments that lead to a path: files, paths, dentries, descriptors."""

from __future__ import annotations

import stat
from struct import Struct
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue
from tetragon_core.policy.file_types import parse_file_type
from tetragon_sensors.policy.emitter import Stack
from tetragon_sensors.policy.integers import IntegerSet, emit_membership
from tetragon_sensors.policy.pathwalk import WALK_CUT, emit_path
from tetragon_sensors.policy.record import SLOT

from .base import FP, R0, R1, R7, R8, R9
from .texts import TEXT_OPERATORS, Text

if TYPE_CHECKING:
    from tetragon_core.policy.model import ArgumentFilter
    from tetragon_sensors.policy.emitter import Emitter
    from tetragon_sensors.policy.plan import ArgumentPlan

__all__ = ["BinaryProgram", "Dentry", "Descriptor", "File", "Kiocb", "Path", "path_at"]

_PAYLOAD: Final = Struct("<IHH")
"""Result of the walk, mode of the inode, whether the file has no name any more."""
_MODE: Final = SLOT + 4
_DELETED: Final = SLOT + 6
_FORMAT: Final = 0o170000


class _PathLike(Text):
    """Base: R8 and R9 are made dentry and vfsmount by `_locate`, the walk does the rest."""

    payload_bytes = 8
    cost = 3
    keeps_nul = False
    operators = TEXT_OPERATORS | {"FileType", "NotFileType"}
    field = "path_arg"

    def _locate(self, emitter: Emitter, failed: str) -> None:
        """R8 = dentry, R9 = vfsmount, from the raw value in R8."""
        raise NotImplementedError

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        asm = emitter.asm
        asm.mov(R0, -14)  # EFAULT
        asm.jump(R8, "==", 0, failed)
        self._locate(emitter, failed)
        asm.store(FP, Stack.SAVED, R9, 8)
        emitter.follow(R9, R8, ("dentry", "d_inode"), ("inode", "i_mode"))
        asm.store(R7, plan.slot + _MODE, R9, 2)
        self._emit_deleted(emitter, plan)
        asm.load(R9, FP, Stack.SAVED, 8)
        emit_path(emitter, plan.slot, R8, R9, failed)

    def _emit_deleted(self, emitter: Emitter, plan: ArgumentPlan) -> None:
        """A dentry that is in no hash chain and is no root has lost its name (d_unlinked)."""
        asm = emitter.asm
        over = asm.new_label("hashed")
        asm.store(R7, plan.slot + _DELETED, 0, 2)
        emitter.load_member(R9, R8, "dentry", "d_hash.pprev")
        asm.jump(R9, "!=", 0, over)
        emitter.load_member(R9, R8, "dentry", "d_parent")
        asm.jump(R9, "==", R8, over)
        asm.store(R7, plan.slot + _DELETED, 1, 2)
        asm.label(over)

    def emit_filter(
        self, emitter: Emitter, plan: ArgumentPlan, wanted: ArgumentFilter, found: str, no: str
    ) -> None:
        if wanted.operator.removeprefix("Not") != "FileType":
            super().emit_filter(emitter, plan, wanted, found, no)
            return
        asm = emitter.asm
        asm.load(R8, R7, plan.slot + _MODE, 2)
        asm.alu("and", R8, _FORMAT)
        asm.jump(R8, "==", 0, no)
        kinds = [parse_file_type(str(value)) for value in wanted.values]
        emit_membership(asm, R8, IntegerSet.of((kind, kind) for kind in kinds), found)

    def path(self, record: bytes, plan: ArgumentPlan) -> str:
        """The text that was read."""
        deleted = _PAYLOAD.unpack_from(record, plan.slot + SLOT)[2]
        path = self.variable_bytes(record, plan).decode(errors="replace") or "/"
        return path + " (deleted)" if deleted else path

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        walked, mode, _ = _PAYLOAD.unpack_from(record, plan.slot + SLOT)
        value = {
            "path": self.path(record, plan),
            "flags": "unresolvedPathComponents" if walked == WALK_CUT else "",
            "permission": stat.filemode(mode),
        }
        return ArgumentValue(self.field, value, plan.label)


def path_at(emitter: Emitter, address_in_r8_offset: int) -> None:
    """R8 = dentry, R9 = vfsmount of the struct path at R8 plus an offset."""
    mnt = emitter.btf.member("path", "mnt").offset_bytes
    dentry = emitter.btf.member("path", "dentry").offset_bytes
    emitter.read_kernel(Stack.WIDE, R8, address_in_r8_offset, 16)
    emitter.asm.load(R8, FP, Stack.WIDE + dentry, 8)
    emitter.asm.load(R9, FP, Stack.WIDE + mnt, 8)


def _of_file(emitter: Emitter) -> None:
    path_at(emitter, emitter.btf.member("file", "f_path").offset_bytes)


class Path(_PathLike):
    """struct path."""

    names = ("path",)
    struct = "path"

    def _locate(self, emitter: Emitter, failed: str) -> None:  # noqa: ARG002  nothing to check
        path_at(emitter, 0)


class Dentry(_PathLike):
    """struct dentry: no mount is known, so the path ends at the root of its file system."""

    names = ("dentry",)
    struct = "dentry"

    def _locate(self, emitter: Emitter, failed: str) -> None:  # noqa: ARG002  nothing to check
        emitter.asm.mov(R9, 0)


class File(_PathLike):
    """struct file."""

    names = ("file",)
    struct = "file"
    field = "file_arg"

    def _locate(self, emitter: Emitter, failed: str) -> None:  # noqa: ARG002  nothing to check
        _of_file(emitter)


class Descriptor(_PathLike):
    """A number in the running process's table of open files."""

    names = ("fd",)
    is_address = False
    field = "file_arg"

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        """As for a file, but 0 is a descriptor like any other."""
        asm = emitter.asm
        asm.extend(R8, 4, signed=False)
        asm.mov(R9, R8)
        emitter.current_task(R8)
        emitter.follow(R8, R8, ("task_struct", "files"), ("files_struct", "fdt"))
        asm.store(FP, Stack.SAVED, R8, 8)
        emitter.load_member(R1, R8, "fdtable", "max_fds")
        asm.mov(R0, -9)  # EBADF
        asm.jump(R9, ">=", R1, failed)
        asm.load(R8, FP, Stack.SAVED, 8)
        emitter.load_member(R8, R8, "fdtable", "fd")
        asm.alu("lsh", R9, 3)
        asm.alu("add", R8, R9)
        emitter.load_kernel(R8, R8, 0, 8)
        super().emit_read(emitter, plan, failed)

    def _locate(self, emitter: Emitter, failed: str) -> None:  # noqa: ARG002  nothing to check
        _of_file(emitter)


class Kiocb(_PathLike):
    """struct kiocb: the file that is read or written."""

    names = ("kiocb",)
    struct = "kiocb"
    field = "file_arg"

    def _locate(self, emitter: Emitter, failed: str) -> None:  # noqa: ARG002  nothing to check
        emitter.load_member(R8, R8, "kiocb", "ki_filp")
        _of_file(emitter)


class BinaryProgram(_PathLike):
    """struct linux_binprm: the file that is about to be executed."""

    names = ("linux_binprm",)
    struct = "linux_binprm"
    field = "linux_binprm_arg"

    def _locate(self, emitter: Emitter, failed: str) -> None:  # noqa: ARG002  nothing to check
        emitter.load_member(R8, R8, "linux_binprm", "file")
        _of_file(emitter)
