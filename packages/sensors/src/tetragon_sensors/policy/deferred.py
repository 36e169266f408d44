# SPDX-License-Identifier: Apache-2.0
"""Plans of programs that apply what others decided: inside a system call, and at its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import HookEvent

from .enforcing import inner_hooks
from .frames import WordsFrame
from .plan import Denial, HookPlan, Method, Timing
from .record import HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.policy.model import FunctionHook, Hook, Where
    from tetragon_sensors.kernel.btf import Function

    from .attaching import Functions
    from .enforcing import Demand
    from .planning import Planning

__all__ = ["apply_verdicts", "at_end", "deny_inside"]

_ERROR: Final = frozenset({"error"})


def apply_verdicts(
    planning: Planning,
    hook: FunctionHook,
    functions: Functions,
    made: list[HookPlan],
    demand: Demand,
) -> list[HookPlan]:
    """The programs of a hook on system calls, which decide, after those that make them fail."""
    symbols = [symbol for symbol, _ in functions.symbols]
    inside, ways = deny_inside(planning, hook, symbols, hook.where, kills=demand.kills_always)
    if not inside:
        return made  # which only kills, or a problem was noted
    end = at_end(planning, hook, functions)
    deciding = [
        replace(plan, denial=Denial.KEPT, denied_by=ways)
        if plan.timing is not Timing.RETURN_HALF
        else plan
        for plan in made
    ]
    return [*inside, end, *deciding]


def deny_inside(
    planning: Planning, hook: Hook, symbols: Sequence[str], where: Where, *, kills: bool
) -> tuple[list[HookPlan], str]:
    """A program for each LSM hook inside these calls, and how they are attached.

    What cannot be denied is a problem; a warning if the process is killed anyway.
    """
    found: dict[str, Function] = {}
    abilities = planning.kernel.abilities
    lost = []
    for symbol in symbols:
        inside = inner_hooks(planning.kernel, symbol) if abilities.can_lsm else ()
        found |= {function.name: function for function in inside}
        lost += [] if inside else [symbol]
    if lost:
        _refuse(planning, lost, where, kills=kills)
        if not kills:
            return [], ""
    return [_inside(planning, hook, function) for function in found.values()], Method.LSM.value


def _refuse(planning: Planning, symbols: Sequence[str], where: Where, *, kills: bool) -> None:
    abilities = planning.kernel.abilities
    few = ", ".join(symbols[:3]) + (f" and {len(symbols) - 3} more" if symbols[3:] else "")
    inside = abilities.can_lsm.reason or "no LSM hook covers all it does"
    text = (
        f"{few} cannot be denied here: by fmod_ret: {abilities.can_modify(symbols[0]).reason}; "
        f"inside the call: {inside}"
    )
    if kills:
        planning.problems.warn(f"{text}; the process is killed, the call itself completes", where)
    else:
        planning.problems.error(
            f"{text}; use an lsmhooks or security_ hook for what it does, or add Sigkill", where
        )


def _inside(planning: Planning, hook: Hook, function: Function) -> HookPlan:
    info = planning.info(hook, HookEvent.LSM, function.name)
    return HookPlan(
        method=Method.LSM,
        timing=Timing.VERDICT,
        frame=WordsFrame(len(function.parameters)),
        targets=(planning.target(function.name, info, function.type_id),),
        record_bytes=HEADER_BYTES,
        denial=Denial.RETURNED,
        wants=_ERROR,
    )


def at_end(
    planning: Planning, hook: Hook, functions: Functions, wants: frozenset[str] = frozenset()
) -> HookPlan:
    """A program where these calls return; it applies what is in `wants` if nobody has."""
    targets = planning.functions(hook, functions.symbols)
    return HookPlan(
        method=functions.at_return,
        timing=Timing.VERDICT_END,
        frame=functions.return_frame,
        targets=targets,
        record_bytes=HEADER_BYTES,
        wants=wants,
        uses_cookie=len(targets) > 1,
    )
