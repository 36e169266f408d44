# SPDX-License-Identifier: Apache-2.0
"""Plans of `enforcers`: programs on system calls that act on what NotifyEnforcer left for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tetragon_core.policy.model import FunctionHook, HookKind

from .attaching import plan_functions
from .calls import resolve_calls
from .deferred import at_end, deny_inside
from .enforcing import Demand, denies_itself
from .guarding import guarded
from .plan import Denial, HookPlan, Method, Timing
from .record import HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tetragon_core.policy.model import Action, Spec

    from .attaching import Functions
    from .planning import Planning

__all__ = ["plan_enforcers"]

_SECURITY: Final = "security_"
_SIGKILL: Final = 9


def plan_enforcers(planning: Planning) -> list[HookPlan]:
    """The programs of all enforcers of the policy; problems are noted."""
    spec = planning.policy.spec
    notices = list(_notices(spec))
    errors = any(one.arg_error for one in notices)
    signals = any(one.arg_sig for one in notices)
    kills = all(one.arg_sig == _SIGKILL for one in notices)
    demand = Demand(denies=errors, signals=signals, kills_always=kills, gates_returns=False)
    plans: list[HookPlan] = []
    for enforcer in spec.enforcers if notices else ():
        for call in enforcer.calls:
            hook = FunctionHook(
                kind=HookKind.KPROBE,
                call=str(call),
                syscall=_is_syscall(str(call), spec),
                where=call.where,
            )
            symbols = resolve_calls(
                hook, spec, planning.kernel, planning.problems, planning.skipped
            )
            plans += _enforcer(planning, hook, symbols, demand)
    return plans


def _notices(spec: Spec) -> Iterator[Action]:
    for hook in spec.hooks:
        for selector in hook.selectors:
            yield from (one for one in selector.match_actions if one.action == "NotifyEnforcer")


def _is_syscall(call: str, spec: Spec) -> bool:
    name = call.removeprefix("list:")
    values = next((one.values for one in spec.lists if one.name == name), ())
    return not (str(values[0]) if values else name).startswith(_SECURITY)


def _enforcer(
    planning: Planning, hook: FunctionHook, symbols: Sequence[str], demand: Demand
) -> list[HookPlan]:
    others = [one for one in symbols if not denies_itself(planning.kernel, one)]
    inside: list[HookPlan] = []
    if demand.denies and hook.syscall and others:
        kills = demand.kills_always
        inside, _ = deny_inside(planning, hook, others, hook.where, kills=kills)
    # what denies may be skipped where tasks are preempted in it; a kprobe for the signal is not
    apart = demand.denies and demand.signals and planning.kernel.preempts_programs
    plans = _on_calls(planning, hook, symbols, replace(demand, signals=False) if apart else demand)
    if apart:
        made = _on_calls(planning, hook, symbols, replace(demand, denies=False))
        plans += [plan for plan in made if plan.timing is Timing.VERDICT]
    return [*inside, *plans]


def _on_calls(
    planning: Planning, hook: FunctionHook, symbols: Sequence[str], demand: Demand
) -> list[HookPlan]:
    plans: list[HookPlan] = []
    for functions in plan_functions(
        hook,
        symbols,
        planning.kernel,
        planning.impossible,
        demand,
        one_by_one=planning.option("disable-kprobe-multi"),
    ):
        plans += _applying(planning, hook, functions, demand)
    return plans


def _applying(
    planning: Planning, hook: FunctionHook, functions: Functions, demand: Demand
) -> list[HookPlan]:
    """A program at the end of these calls and, if there is something to do then, at the entry.

    A tracepoint of a call is told in the same turn as raw_syscalls, in no certain order; so there
    the signal is sent at the end of the call.
    """
    late = functions.entry is Method.TRACEPOINT
    end = at_end(planning, hook, functions, frozenset({"signal"} if late else ()))
    wants = frozenset({"error"} if functions.denies else ()) | frozenset(
        {"signal"} if demand.signals and not late else ()
    )
    if not wants:
        return [end]
    targets = planning.functions(hook, functions.symbols)
    entry = HookPlan(
        method=functions.entry,
        timing=Timing.VERDICT,
        frame=functions.frame,
        targets=targets,
        record_bytes=HEADER_BYTES,
        denial=Denial.RETURNED if functions.denies else Denial.NONE,
        wants=wants,
        uses_cookie=len(targets) > 1,
    )
    return [end, *guarded(planning, entry)]
