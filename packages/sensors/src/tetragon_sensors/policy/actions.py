# SPDX-License-Identifier: Apache-2.0
"""What the winning selector asks for: an event or none, its number, stack traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_sensors.program.opcodes import Helper, Register

from .record import LIMIT, Offset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.policy.model import Action

    from .emitter import Emitter

__all__ = ["ACTION_NUMBERS", "POST", "emit_stacks", "posts", "reported"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

_USER_STACK: Final = 1 << 8
"""BPF_F_USER_STACK."""
_STACK_BYTES: Final = 127 * 8
"""As many frames as the kernel walks unless kernel.perf_event_max_stack says otherwise."""


ACTION_NUMBERS: Final = {
    "Post": 1,
    "Sigkill": 3,
    "Override": 5,
    "GetUrl": 7,
    "DnsLookup": 8,
    "Signal": 10,
    "TrackSock": 11,
    "UntrackSock": 12,
    "NotifyEnforcer": 13,
    "CleanupEnforcerNotification": 14,
    "Set": 15,
}
"""enum KprobeAction of the API; NoPost makes no event that could name it."""
POST: Final = ACTION_NUMBERS["Post"]


def posts(actions: Sequence[Action]) -> bool:
    """Whether these actions make an event: by default they do."""
    return not any(action.action == "NoPost" for action in actions)


def reported(actions: Sequence[Action]) -> int:
    """The action an event names: the last one."""
    named = (ACTION_NUMBERS.get(one.action) for one in reversed(actions))
    return next((number for number in named if number), POST)


def emit_stacks(emitter: Emitter, actions: Sequence[Action]) -> None:
    """Addresses go into the record: no map of stacks, hence no collisions in it."""
    if any(action.kernel_stack_trace for action in actions):
        _stack(emitter, Offset.KERNEL_STACK, 0)
    if any(action.user_stack_trace for action in actions):
        _stack(emitter, Offset.USER_STACK, _USER_STACK)


def _stack(emitter: Emitter, head: int, flags: int) -> None:
    asm = emitter.asm
    over = asm.new_label("stack")
    asm.load(R2, R7, Offset.SIZE, 4)
    asm.jump(R2, ">", LIMIT, over)
    asm.store(R7, head, R2, 4)
    asm.alu("add", R2, R7)
    asm.mov(R1, R6)
    asm.mov(R3, _STACK_BYTES)
    asm.mov(R4, flags)
    asm.call(Helper.GET_STACK)
    asm.store(R7, head + 4, R0, 4)
    asm.jump(R0, "s<=", 0, over)
    asm.load(R1, R7, Offset.SIZE, 4)
    asm.alu("add", R1, R0)
    asm.store(R7, Offset.SIZE, R1, 4)
    asm.label(over)
