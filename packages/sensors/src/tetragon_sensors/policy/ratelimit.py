# SPDX-License-Identifier: Apache-2.0
"""rateLimit of Post: the same event of the same thread, process, or of all, once in a while.

The same event is: hook, selector, and the first bytes of each argument. A full map gives up what
was seen least lately, so then more is reported, never less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.policy.rate_limits import parse_rate_limit
from tetragon_sensors.kernel.maps import MapKind, MapSpec
from tetragon_sensors.program.opcodes import Helper, Register

from .record import LIMIT, SLOT, WALK_OFFSET, Offset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tetragon_core.policy.model import Action, Selector

    from .emitter import Emitter
    from .plan import ArgumentPlan, HookPlan

__all__ = ["RATE_LIMITS", "emit_rate_limit", "limited", "rate_limit_map"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

RATE_LIMITS: Final = "rate_limits"
_ENTRIES: Final = 8192
_AT: Final = WALK_OFFSET + 48
"""Where the key is put together: where a path was walked, which is over."""
_SCOPE: Final = 8
_ARGUMENTS: Final = 16
_ARGUMENT_BYTES: Final = 40
_ERRORS_FROM: Final = 0x7FFF_FFFF
_NS: Final = 1_000_000


def limited(actions: Sequence[Action]) -> Action | None:
    """The action that says how often is enough, if one does."""
    return next((one for one in actions if one.action == "Post" and one.rate_limit), None)


def rate_limit_map(hooks: Iterable[HookPlan]) -> MapSpec | None:
    """The map, with keys for the hook with most arguments; None if nothing is limited."""
    concerned = [hook for hook in hooks if any(map(_is_limited, hook.selectors))]
    if not concerned:
        return None
    return MapSpec(
        kind=MapKind.LRU_HASH,
        key_bytes=_key_bytes(max(len(hook.arguments) for hook in concerned)),
        value_bytes=8,
        max_entries=_ENTRIES,
        name=RATE_LIMITS,
    )


def _is_limited(selector: Selector) -> bool:
    return limited(selector.match_actions) is not None


def _key_bytes(arguments: int) -> int:
    return _ARGUMENTS + _ARGUMENT_BYTES * arguments


def emit_rate_limit(
    emitter: Emitter, hook: HookPlan, selector: int, action: Action, held_back: str
) -> None:
    """Jump to `held_back` if the event in the record, whose header is there, came too soon."""
    asm = emitter.asm
    first, over = asm.new_label("first"), asm.new_label("due")
    _write_key(emitter, hook, selector, action)
    _keyed(emitter)
    asm.call(Helper.MAP_LOOKUP_ELEM)
    asm.load(R9, R7, Offset.KTIME, 8)
    asm.jump(R0, "==", 0, first)
    asm.load(R1, R0, 0, 8)
    asm.mov(R2, R9)
    asm.alu("sub", R2, R1)
    asm.mov(R3, parse_rate_limit(action.rate_limit) * _NS)
    asm.jump(R2, "<", R3, held_back)
    asm.store(R0, 0, R9, 8)
    asm.goto(over)
    asm.label(first)
    _keyed(emitter)
    asm.mov(R3, R7)
    asm.alu("add", R3, Offset.KTIME)
    asm.mov(R4, 0)
    asm.call(Helper.MAP_UPDATE_ELEM)
    asm.label(over)


def _write_key(emitter: Emitter, hook: HookPlan, selector: int, action: Action) -> None:
    asm = emitter.asm
    asm.mov(R1, 0)
    for offset in range(0, _key_bytes(_MOST_ARGUMENTS), 8):
        asm.store(R7, _AT + offset, R1, 8)
    asm.load(R1, R7, Offset.HOOK, 4)
    asm.store(R7, _AT, R1, 4)
    asm.mov(R1, selector)
    asm.store(R7, _AT + 4, R1, 4)
    match (action.rate_limit_scope or "thread").lower():
        case "thread":
            asm.load(R1, R7, Offset.TID, 4)
            asm.store(R7, _AT + _SCOPE, R1, 8)
        case "process":
            asm.load(R1, R7, Offset.TGID, 4)
            asm.store(R7, _AT + _SCOPE, R1, 8)
    for number, plan in enumerate(hook.arguments):
        _add_argument(emitter, plan, _AT + _ARGUMENTS + _ARGUMENT_BYTES * number)


def _add_argument(emitter: Emitter, plan: ArgumentPlan, target: int) -> None:
    """The start of its text, or of what it has in the slot; nothing if it was not read."""
    asm = emitter.asm
    over = asm.new_label("key")
    asm.load(R2, R7, plan.slot + 4, 4)
    asm.jump(R2, ">", _ERRORS_FROM, over)
    if plan.type.is_variable:
        fits = asm.new_label("fits")
        asm.jump(R2, "==", 0, over)
        asm.jump(R2, "<=", _ARGUMENT_BYTES, fits)
        asm.mov(R2, _ARGUMENT_BYTES)
        asm.label(fits)
        asm.load(R3, R7, plan.slot, 4)
        asm.jump(R3, ">", LIMIT, over)
        asm.alu("add", R3, R7)
        asm.mov(R1, R7)
        asm.alu("add", R1, target)
        asm.call(Helper.PROBE_READ_KERNEL)
    else:
        for at in range(0, min(plan.type.payload_bytes, _ARGUMENT_BYTES), 8):
            asm.load(R1, R7, plan.slot + SLOT + at, 8)
            asm.store(R7, target + at, R1, 8)
    asm.label(over)


def _keyed(emitter: Emitter) -> None:
    emitter.asm.mov(R2, R7)
    emitter.asm.alu("add", R2, _AT)
    emitter.asm.load_map(R1, emitter.environment.maps[RATE_LIMITS])


_MOST_ARGUMENTS: Final = 5
