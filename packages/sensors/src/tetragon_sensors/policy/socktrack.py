# SPDX-License-Identifier: Apache-2.0
"""TrackSock and UntrackSock: whose a socket is, whoever the kernel works on it as.

A socket is known by its address. What is hit with it later, as in an interrupt or by a kernel
thread, is reported as hit by the process that it was tracked for. A full map gives up the socket
that was used least lately.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_sensors.kernel.maps import MapKind, MapSpec
from tetragon_sensors.program.opcodes import Helper, Register

from .emitter import Stack
from .record import Offset
from .types.sockets import SOCK_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .emitter import Emitter
    from .plan import ArgumentPlan

__all__ = ["SOCKS", "SOCKS_MAP", "SOCK_TYPES", "TRACKING", "emit_owner", "emit_track", "is_sock"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

TRACKING: Final = frozenset({"TrackSock", "UntrackSock"})
SOCK_TYPES: Final = frozenset({"sock", "socket"})
SOCKS: Final = "socks"
SOCKS_MAP: Final = MapSpec(
    kind=MapKind.LRU_HASH, key_bytes=8, value_bytes=16, max_entries=32_768, name=SOCKS
)
"""struct sock * -> tgid and ktime of the process."""
_ERRORS_FROM: Final = 0x7FFF_FFFF


def is_sock(plan: ArgumentPlan) -> bool:
    """Whether an argument is a socket."""
    return plan.type.names[0] in SOCK_TYPES


def emit_track(emitter: Emitter, plan: ArgumentPlan, action: str) -> None:
    """Track the socket, which was read, for the process in the record's header; or forget it."""
    asm = emitter.asm
    over = asm.new_label("tracked")
    _key(emitter, plan, over)
    if action == "UntrackSock":
        _keyed(emitter)
        asm.call(Helper.MAP_DELETE_ELEM)
    else:
        asm.load(R1, R7, Offset.TGID, 4)
        asm.store(FP, Stack.WIDE, R1, 8)
        asm.load(R1, R7, Offset.PROCESS_KTIME, 8)
        asm.store(FP, Stack.WIDE + 8, R1, 8)
        _keyed(emitter)
        asm.mov(R3, FP)
        asm.alu("add", R3, Stack.WIDE)
        asm.mov(R4, 0)
        asm.call(Helper.MAP_UPDATE_ELEM)
    asm.label(over)


def emit_owner(emitter: Emitter, arguments: Iterable[ArgumentPlan]) -> None:
    """The process of the first socket that is tracked becomes that of the record.

    The thread stays the one that ran: the halves of a call find each other by it.
    """
    asm = emitter.asm
    over = asm.new_label("owner")
    for plan in arguments:
        following = asm.new_label("untracked")
        _key(emitter, plan, following)
        _keyed(emitter)
        asm.call(Helper.MAP_LOOKUP_ELEM)
        asm.jump(R0, "==", 0, following)
        asm.load(R1, R0, 0, 8)
        asm.store(R7, Offset.TGID, R1, 4)
        asm.load(R1, R0, 8, 8)
        asm.store(R7, Offset.PROCESS_KTIME, R1, 8)
        asm.goto(over)
        asm.label(following)
    asm.label(over)


def _key(emitter: Emitter, plan: ArgumentPlan, unread: str) -> None:
    asm = emitter.asm
    asm.load(R1, R7, plan.slot + 4, 4)
    asm.jump(R1, ">", _ERRORS_FROM, unread)
    asm.load(R1, R7, plan.slot + SOCK_ADDRESS, 8)
    asm.jump(R1, "==", 0, unread)
    asm.store(FP, Stack.SAVED, R1, 8)


def _keyed(emitter: Emitter) -> None:
    emitter.asm.mov(R2, FP)
    emitter.asm.alu("add", R2, Stack.SAVED)
    emitter.asm.load_map(R1, emitter.environment.maps[SOCKS])
