# SPDX-License-Identifier: Apache-2.0
"""A policy against a kernel: every call, event and argument is looked up, and the Plan made.

All problems are found before any is reported. Nothing is loaded and no privilege is needed. How a
kind of hook is planned stands in a module of its own, named in `_plan_hook`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Final

from tetragon_core.enforcement import EnforcementLimits
from tetragon_core.policy.model import (
    BinaryFilter,
    FunctionHook,
    LsmHook,
    Text,
    TracepointHook,
    UprobeHook,
    UsdtHook,
)
from tetragon_core.policy.workload_filters import filters_of, main_filter

from .acting import enforces, signals
from .actionchecks import check_actions
from .enforcers import plan_enforcers
from .function_hooks import plan_function_hook
from .guarding import notes_map
from .imahash import hashes_map
from .lists import expand_lists
from .loader import plan_loader
from .lsm_hooks import plan_lsm_hook
from .plan import Plan, Timing
from .planning import Planning
from .ratelimit import rate_limit_map
from .socktrack import SOCKS_MAP, TRACKING
from .tables import MAX_TESTS, process_tables
from .tracepoint_hooks import plan_tracepoint_hook
from .uprobe_hooks import plan_uprobe_hook
from .usdt_hooks import plan_usdt_hook
from .verdicts import verdicts_map
from .workloads import Gates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tetragon_core.policy.model import Hook, Policy, Selector
    from tetragon_core.policy.workload_filters import WorkloadFilter
    from tetragon_sensors.kernel.facts import Kernel

    from .plan import HookPlan

__all__ = ["make_plan"]

NO_LIMITS: Final = EnforcementLimits()
_CROWDS: Final = (
    "this kernel lets tasks be preempted inside programs, which cannot prevent it before 6.15: if "
    "many processes try at once, some attempts may get through (hook_busy counts them); boot with "
    "preempt=voluntary"
)


def make_plan(
    policy: Policy,
    kernel: Kernel,
    numbers: Iterator[int] | None = None,
    limits: EnforcementLimits = NO_LIMITS,
    filters: Mapping[WorkloadFilter, int] | None = None,
) -> Plan:
    """The plan for `policy` on `kernel`. `numbers` gives each target its hook number.

    `filters` are numbers of its filters by workload; None: any will do, nothing is loaded.
    Raises PolicyError with all problems.
    """
    if filters is None:
        filters = {one: number for number, one in enumerate(filters_of(policy))}
    planning = Planning(policy, kernel, numbers or count(1), Gates(filters))
    hooks = plan_enforcers(planning)
    lists = {one.name: one for one in policy.spec.lists}
    for written in policy.spec.hooks:
        selectors = (
            expand_lists(one, lists, kernel, planning.problems) for one in written.selectors
        )
        hook = replace(written, selectors=tuple(selectors))
        check_actions(hook, planning.problems)
        hooks += _plan_hook(planning, hook)
    if not policy.spec.loader:
        return _finish(planning, hooks, limits)
    loader, programs = plan_loader(planning)
    return replace(_finish(planning, [*hooks, *programs], limits), loader=loader)


def _plan_hook(planning: Planning, hook: Hook) -> list[HookPlan]:
    match hook:
        case FunctionHook():
            return plan_function_hook(planning, hook)
        case TracepointHook():
            return plan_tracepoint_hook(planning, hook)
        case LsmHook():
            return plan_lsm_hook(planning, hook)
        case UprobeHook():
            return plan_uprobe_hook(planning, hook)
        case UsdtHook():
            return plan_usdt_hook(planning, hook)
        case _:
            planning.problems.error(
                f"{hook.kind.value} are not supported yet by this version", hook.where
            )
            return []


def _finish(planning: Planning, hooks: list[HookPlan], limits: EnforcementLimits) -> Plan:
    policy, problems = planning.policy, planning.problems
    every = [one for hook in policy.spec.hooks for one in hook.selectors]
    never_kill = _never_kill(limits) if any(map(_kills, every)) else None
    tables = process_tables(every, () if never_kill is None else (never_kill,))
    if len(tables.tests) > MAX_TESTS:
        problems.error(f"{len(tables.tests)} different filters on executables; at most {MAX_TESTS}")
    tell = problems.warn if hooks else problems.error
    for one in planning.impossible:
        tell(one.reason, one.where)
    does_more = any(enforces((*one.match_actions, *one.match_return_actions)) for one in every)
    kernel = planning.kernel
    if does_more and kernel.preempts_programs and kernel.preemption_functions is None:
        problems.warn(_CROWDS)
    problems.raise_if_any(policy.source)
    gate = planning.gates.of(main_filter(policy))
    tracks = any(map(_tracks, policy.spec.hooks))
    rates = rate_limit_map(hooks)
    notes = notes_map(hooks)
    verdicts = [verdicts_map()] if any(one.timing is Timing.VERDICT_END for one in hooks) else []
    return Plan(
        policy_name=policy.name,
        namespace=policy.namespace,
        hooks=tuple(
            replace(
                hook,
                tables=tables,
                tracks_socks=tracks,
                never_kill=never_kill,
                gate=gate,
                gates=planning.gates,
            )
            for hook in hooks
        ),
        skipped=tuple(planning.skipped),
        impossible=tuple(symbol for one in planning.impossible for symbol in one.symbols),
        rejected=tuple(planning.rejected),
        warnings=tuple(problems.warnings),
        tables=tables,
        maps=(
            *([rates] if rates else []),
            *([notes] if notes else []),
            *([SOCKS_MAP] if tracks else []),
            *verdicts,
            *hashes_map(hooks),
        ),
        enforces=does_more,
        gate=gate,
        gates=planning.gates,
    )


def _kills(selector: Selector) -> bool:
    return signals((*selector.match_actions, *selector.match_return_actions))


def _never_kill(limits: EnforcementLimits) -> BinaryFilter | None:
    if not limits.never_kill_paths:
        return None
    values = tuple(Text(path) for path in limits.never_kill_paths)
    return BinaryFilter(operator="In", values=values)


def _tracks(hook: Hook) -> bool:
    actions = (one.action for selector in hook.selectors for one in selector.match_actions)
    return not TRACKING.isdisjoint(actions) or bool(getattr(hook, "return_arg_action", ""))
