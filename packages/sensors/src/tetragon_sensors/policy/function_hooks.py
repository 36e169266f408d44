# SPDX-License-Identifier: Apache-2.0
"""Plans of `kprobes` and `fentries`: one program, or two when entry and return are seen apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .arguments import lay_out, plan_data, plan_parameter, plan_result
from .attaching import plan_functions
from .calls import resolve_calls
from .deferred import apply_verdicts
from .enforcing import demand_of
from .guarding import guarded
from .plan import Denial, HookPlan, Method, Source, Timing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.policy.model import FunctionHook

    from .attaching import Functions
    from .enforcing import Demand
    from .plan import ArgumentPlan
    from .planning import Planning

__all__ = ["plan_function_hook"]


def plan_function_hook(planning: Planning, hook: FunctionHook) -> list[HookPlan]:
    """The programs of a hook on functions; problems are noted."""
    kernel = planning.kernel
    symbols = resolve_calls(hook, planning.policy.spec, kernel, planning.problems, planning.skipped)
    one_by_one = planning.option("disable-kprobe-multi")
    demand = demand_of(hook)
    plans: list[HookPlan] = []
    for functions in plan_functions(
        hook, symbols, kernel, planning.impossible, demand, one_by_one=one_by_one
    ):
        made = _programs(planning, hook, functions, demand)
        if demand.denies and not functions.denies:
            made = apply_verdicts(planning, hook, functions, made, demand)
        plans += [one for plan in made for one in (guarded(planning, plan) if demand else [plan])]
    return plans


def _programs(
    planning: Planning, hook: FunctionHook, functions: Functions, demand: Demand
) -> list[HookPlan]:
    arguments = _arguments(planning, hook, functions)
    result = None
    if hook.returns and hook.return_arg is not None:
        result = plan_result(hook.return_arg, planning.problems)
    if arguments is None or (hook.returns and result is None):
        return []
    placed, result, size = lay_out(arguments, result)
    data_from = len(hook.args)
    planning.check_selectors(hook.selectors, placed, data_from, result)
    targets = planning.functions(hook, functions.symbols)
    entry = HookPlan(
        method=functions.entry,
        timing=Timing.ENTRY,
        frame=functions.frame,
        targets=targets,
        arguments=placed,
        data_from=data_from,
        selectors=hook.selectors,
        record_bytes=size,
        uses_cookie=len(targets) > 1,
        result_action=hook.return_arg_action,
        denial=Denial.RETURNED if functions.denies else Denial.NONE,
    )
    if result is None:
        return [entry]
    if functions.can_report_at_exit(placed, demand):
        return [replace(entry, method=Method.FEXIT, timing=Timing.EXIT, result=result)]
    return _halves(planning, entry, functions, result)


def _arguments(
    planning: Planning, hook: FunctionHook, functions: Functions
) -> list[ArgumentPlan] | None:
    btf, problems = planning.kernel.btf, planning.problems
    made = [
        plan_parameter(one, functions.parameters, functions.prototype, btf, problems)
        for one in hook.args
    ]
    if hook.syscall:
        made = [one and replace(one, of_user=True) for one in made]
    made += [plan_data(one, btf, problems) for one in hook.data]
    found = [one for one in made if one is not None]
    return found if len(found) == len(made) else None


def _halves(
    planning: Planning, entry: HookPlan, functions: Functions, result: ArgumentPlan
) -> list[HookPlan]:
    """A program at the return, attached first, and one at the entry."""
    placed: Sequence[ArgumentPlan] = entry.arguments
    for wanted in (one for selector in entry.selectors for one in selector.match_args):
        if any(placed[number].size_is_result for number in wanted.args):
            planning.problems.error(
                "an argument with returnCopy has its bytes when the function returns, and "
                "here is filtered when it is called; filter by the result or by others",
                wanted.where,
            )
    kept = next((one for one in placed if one.size_is_result), None)
    at_return = tuple(replace(one, source=Source.KEPT) for one in placed if one.size_is_result)
    at_entry = tuple(one for one in placed if not one.size_is_result)
    first = replace(entry, timing=Timing.ENTRY_HALF, arguments=at_entry, kept=kept)
    second = replace(
        entry,
        method=functions.at_return,
        timing=Timing.RETURN_HALF,
        denial=Denial.NONE,
        arguments=at_return,
        frame=functions.return_frame,
        result=result,
    )
    return [second, first]
