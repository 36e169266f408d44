# SPDX-License-Identifier: Apache-2.0
"""What explain says of selectors: filters in the order they are looked at, and actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.policy.model import CapabilityFilter, NamespaceFilter, PidFilter
from tetragon_core.policy.workload_filters import describe_filter

from .actions import posts
from .order import ArgumentCheck, BinaryCheck, ChangeCheck, WorkloadCheck, checks_in_order
from .plan import Timing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.policy.model import Action, ArgumentFilter, Selector

    from .order import Check, ProcessFilter
    from .plan import HookPlan

__all__ = ["explain_selectors"]

_FEW: Final = 6
_COSTS: Final = ("registers", "a structure", "a string", "a path")


def explain_selectors(hook: HookPlan) -> Iterator[str]:
    """A line for each filter, in the order they are looked at, and for the actions."""
    if hook.timing is Timing.RETURN_HALF:
        for number, selector in enumerate(hook.selectors):
            for wanted in selector.match_return_args:
                yield f"  selector {number}     {_values(wanted)} of the result"
        return
    if not hook.selectors:
        yield "  selectors      none: every call is reported"
    for number, selector in enumerate(hook.selectors):
        checks = checks_in_order(hook, selector)
        for place, check in enumerate(checks):
            head = f"selector {number}" if not place else ""
            yield f"  {head:14} {place + 1}. {_check(check)} (costs {_COSTS[check.cost]})"
        if not checks:
            yield f"  {f'selector {number}':14} no filter: holds always"
        yield f"  {'':14} then {_actions(selector)}"


def _check(check: Check) -> str:
    if isinstance(check, WorkloadCheck):
        return f"of {describe_filter(check.gate.wanted)}"
    if isinstance(check, ArgumentCheck):
        return f"{check.argument.text} {_values(check.wanted)}"
    if isinstance(check, BinaryCheck):
        whose = "the parent's executable" if check.of_parent else "the executable"
        filters = (
            f"{one.operator} {_list(map(str, one.values))}"
            + (" or an ancestor's" if one.follow_children else "")
            for one in check.wanted
        )
        return f"{whose} {' and '.join(filters)}"
    if isinstance(check, ChangeCheck):
        namespaces = check.selector.match_namespace_changes
        sets = check.selector.match_capability_changes
        changes = [
            *(f"namespaces {one.operator} {_list(map(str, one.values))}" for one in namespaces),
            *(f"{one.type} {one.operator} {_list(map(str, one.values))}" for one in sets),
        ]
        return f"changed since exec: {' and '.join(changes)}"
    return _process(check.wanted)


def _process(wanted: ProcessFilter) -> str:
    match wanted:
        case PidFilter():
            kind = "pid in its namespace" if wanted.is_namespace_pid else "pid"
            forks = " or a parent's" if wanted.follow_forks else ""
            return f"{kind}{forks} {wanted.operator} {_list(map(str, wanted.values))}"
        case NamespaceFilter():
            return (
                f"namespace {wanted.namespace} {wanted.operator} {_list(map(str, wanted.values))}"
            )
        case CapabilityFilter():
            return f"{wanted.type} {wanted.operator} {_list(map(str, wanted.values))}"


def _values(wanted: ArgumentFilter) -> str:
    return f"{wanted.operator} {_list(map(str, wanted.values))}".rstrip()


def _list(values: Iterator[str]) -> str:
    texts = list(values)
    more = f" and {len(texts) - _FEW} more" if len(texts) > _FEW else ""
    return ", ".join(texts[:_FEW]) + more


def _actions(selector: Selector) -> str:
    actions = (*selector.match_actions, *selector.match_return_actions)
    texts = [_action(action) for action in actions]
    if posts(selector.match_actions) and not any(one.action == "Post" for one in actions):
        texts.insert(0, "Post")
    return ", ".join(texts)


def _action(action: Action) -> str:
    extras = [
        text
        for text, there in (
            (f"signal {action.arg_sig}", action.arg_sig),
            (f"error {abs(action.arg_error)}", action.arg_error),
            ("kernel stack", action.kernel_stack_trace),
            ("user stack", action.user_stack_trace),
            (f"at most once in {action.rate_limit}", action.rate_limit),
            (", ".join(action.arg_regs), action.arg_regs),
        )
        if there
    ]
    return action.action + (f" ({', '.join(extras)})" if extras else "")
