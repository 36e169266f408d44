# SPDX-License-Identifier: Apache-2.0
"""A policy against a kernel: every call, event and argument is looked up, and the Plan made.

All problems are found before any is reported. Nothing is loaded and no privilege is needed. How a
kind of hook is planned stands in a module of its own, named in `_plan_hook`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from tetragon_core.policy.model import FunctionHook, TracepointHook, UprobeHook

from .actionchecks import check_actions
from .function_hooks import plan_function_hook
from .lists import expand_lists
from .plan import Plan
from .planning import Planning
from .ratelimit import rate_limit_map
from .socktrack import SOCKS_MAP, TRACKING
from .tables import MAX_TESTS, process_tables
from .tracepoint_hooks import plan_tracepoint_hook
from .uprobe_hooks import plan_uprobe_hook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.policy.model import Hook, Policy
    from tetragon_sensors.kernel.facts import Kernel

    from .plan import HookPlan

__all__ = ["make_plan"]


def make_plan(policy: Policy, kernel: Kernel, numbers: Iterator[int] | None = None) -> Plan:
    """The plan for `policy` on `kernel`. `numbers` gives each target its hook number.

    Raises PolicyError with all problems.
    """
    planning = Planning(policy, kernel, numbers or count(1))
    _check_sections(planning)
    hooks: list[HookPlan] = []
    lists = {one.name: one for one in policy.spec.lists}
    for written in policy.spec.hooks:
        selectors = (
            expand_lists(one, lists, kernel, planning.problems) for one in written.selectors
        )
        hook = replace(written, selectors=tuple(selectors))
        _check_actions(planning, hook)
        hooks += _plan_hook(planning, hook)
    return _finish(planning, hooks)


def _plan_hook(planning: Planning, hook: Hook) -> list[HookPlan]:
    match hook:
        case FunctionHook():
            return plan_function_hook(planning, hook)
        case TracepointHook():
            return plan_tracepoint_hook(planning, hook)
        case UprobeHook():
            return plan_uprobe_hook(planning, hook)
        case _:
            planning.problems.error(
                f"{hook.kind.value} are not supported yet by this version", hook.where
            )
            return []


def _finish(planning: Planning, hooks: list[HookPlan]) -> Plan:
    policy, problems = planning.policy, planning.problems
    tables = process_tables([one for hook in policy.spec.hooks for one in hook.selectors])
    if len(tables.tests) > MAX_TESTS:
        problems.error(f"{len(tables.tests)} different filters on executables; at most {MAX_TESTS}")
    tell = problems.warn if hooks else problems.error
    for one in planning.impossible:
        tell(one.reason, one.where)
    problems.raise_if_any(policy.source)
    tracks = any(map(_tracks, policy.spec.hooks))
    limits = rate_limit_map(hooks)
    return Plan(
        policy_name=policy.name,
        namespace=policy.namespace,
        hooks=tuple(replace(hook, tables=tables, tracks_socks=tracks) for hook in hooks),
        skipped=tuple(planning.skipped),
        impossible=tuple(symbol for one in planning.impossible for symbol in one.symbols),
        rejected=tuple(planning.rejected),
        warnings=tuple(problems.warnings),
        tables=tables,
        maps=(*([limits] if limits else []), *([SOCKS_MAP] if tracks else [])),
    )


def _check_sections(planning: Planning) -> None:
    spec, problems = planning.policy.spec, planning.problems
    if spec.loader:
        problems.error("loader: true is not supported yet by this version")
    if spec.enforcers:
        problems.error("enforcers are not supported yet by this version", spec.enforcers[0].where)
    workloads = spec.workloads
    for name, selector in (
        ("podSelector", workloads.pod_selector),
        ("containerSelector", workloads.container_selector),
    ):
        if selector is not None:
            problems.error(
                f"{name} needs Kubernetes, which this agent is not connected to", selector.where
            )


def _check_actions(planning: Planning, hook: Hook) -> None:
    check_actions(hook, planning.problems)
    for selector in hook.selectors:
        if selector.match_workloads is not None:
            planning.problems.error(
                "matchWorkloads needs Kubernetes, which this agent is not connected to",
                selector.match_workloads.where,
            )


def _tracks(hook: Hook) -> bool:
    actions = (one.action for selector in hook.selectors for one in selector.match_actions)
    return not TRACKING.isdisjoint(actions) or bool(getattr(hook, "return_arg_action", ""))
