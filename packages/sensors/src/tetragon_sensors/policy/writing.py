# SPDX-License-Identifier: Apache-2.0
"""The action Set: a number in place of an argument of a USDT probe, for the program to go on with.

It is written to where the argument is, so only arguments in memory can be set. The kernel does not
wait for memory here: on a page that is not there, or may not be written, the action fails and is
counted (bpf_probe_write_user in kernel/trace/bpf_trace.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_sensors.kernel.user_writes import can_write_user
from tetragon_sensors.program.opcodes import Helper, Register

from .reading import Stack
from .usdt_arguments import InMemory
from .usdt_frame import UsdtFrame

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tetragon_core.policy.model import Action, UsdtHook

    from .acting import ActionCode
    from .planning import Planning
    from .usdt_arguments import UsdtArgument

__all__ = ["check_set", "emit_set"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

_BYTES: Final = 4
"""Of what is written, and of the argument."""


def emit_set(code: ActionCode, action: Action) -> None:
    """Write the action's number where the argument is."""
    emitter, asm, hook = code.emitter, code.asm, code.hook
    assert isinstance(hook.frame, UsdtFrame)
    place = hook.frame.arguments[hook.arguments[action.arg_index].index].place
    assert isinstance(place, InMemory)
    failed = asm.new_label("failed")
    asm.mov(R1, action.arg_value)
    asm.store(FP, Stack.TEMPORARY, R1, _BYTES)
    hook.frame.address(emitter, R1, place)
    asm.mov(R2, FP)
    asm.alu("add", R2, Stack.TEMPORARY)
    asm.mov(R3, _BYTES)
    asm.call(Helper.PROBE_WRITE_USER)
    asm.extend(R0, 4, signed=True)
    asm.jump(R0, "!=", 0, failed)
    code.finish(action, failed)


def check_set(planning: Planning, hook: UsdtHook, sites: Iterable[Sequence[UsdtArgument]]) -> None:
    """Note what keeps the hook's Set actions from being possible at each site."""
    for selector in hook.selectors:
        for action in selector.match_actions:
            if action.action == "Set" and action.arg_index < len(hook.args):
                _check(planning, hook, action, sites)


def _check(
    planning: Planning, hook: UsdtHook, action: Action, sites: Iterable[Sequence[UsdtArgument]]
) -> None:
    problems, ability = planning.problems, can_write_user()
    if planning.kernel.is_running and not ability:
        problems.error(f"Set is not possible here: {ability.reason}", action.where)
        return
    index = hook.args[action.arg_index].index
    name = f"argument {index} of {hook.provider}:{hook.name}"
    for site in sites:
        one = site[index] if index < len(site) else None
        if one is None:
            continue  # noted already
        if not isinstance(one.place, InMemory):
            reason = f"{name} is not in memory ({one.text}): only what is there can be set"
        elif one.size != _BYTES:
            reason = f"{name} has {one.size} bytes ({one.text}), and Set writes {_BYTES}"
        else:
            continue
        problems.error(reason, action.at("arg_index"))
        return
