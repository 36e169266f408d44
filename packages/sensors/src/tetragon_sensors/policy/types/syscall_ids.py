# SPDX-License-Identifier: Apache-2.0
"""Numbers of system calls, with the ABI they were made by."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import ArgumentValue
from tetragon_core.syscalls import HOST_ABI
from tetragon_sensors.policy.lists import OTHER_ABI

from .base import R5, R8, R9
from .numbers import Integer

if TYPE_CHECKING:
    from tetragon_core.policy.model import ArgumentFilter
    from tetragon_sensors.policy.emitter import Emitter
    from tetragon_sensors.policy.plan import ArgumentPlan

__all__ = ["SyscallNumber"]

_FLAGS: Final = {"x86_64": ("thread_info.status", 0x2), "aarch64": ("thread_info.flags", 1 << 22)}
"""TS_COMPAT (arch/x86/include/asm/thread_info.h), TIF_32BIT (arch/arm64/...)."""
_32_BIT_ABIS: Final = {"x64": "i386", "arm64": "arm32"}


class SyscallNumber(Integer):
    """Bit 31 tells that a 32-bit program made the call, whose numbers are others."""

    operators = frozenset({"Equal", "NotEqual", "InMap", "NotInMap"})

    def __init__(self) -> None:
        super().__init__(("syscall64",), "syscall_id", 8, signed=False)

    def emit_read(self, emitter: Emitter, plan: ArgumentPlan, failed: str) -> None:
        _emit_abi(emitter)
        super().emit_read(emitter, plan, failed)

    def emit_filter(
        self, emitter: Emitter, plan: ArgumentPlan, wanted: ArgumentFilter, found: str, no: str
    ) -> None:
        _emit_abi(emitter)
        super().emit_filter(emitter, plan, wanted, found, no)

    def value(self, record: bytes, plan: ArgumentPlan) -> ArgumentValue:
        number = super().value(record, plan).value
        assert isinstance(number, int)
        abi = _32_BIT_ABIS[HOST_ABI] if number & OTHER_ABI else HOST_ABI
        value = {"id": number & 0xFFFF_FFFF & ~OTHER_ABI, "abi": abi}
        return ArgumentValue(self.field, value, plan.label)


def _emit_abi(emitter: Emitter) -> None:
    """Set bit 31 of R8 in a call of a 32-bit program."""
    asm = emitter.asm
    path, flag = _FLAGS.get(platform.machine(), _FLAGS["x86_64"])
    native, over = asm.new_label("compat"), asm.new_label("abi")
    emitter.current_task(R9)
    emitter.load_member(R9, R9, "task_struct", path)
    asm.jump(R9, "&", flag, native)
    asm.goto(over)
    asm.label(native)
    asm.mov(R5, OTHER_ABI)
    asm.alu("or", R8, R5)
    asm.label(over)
