# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a policy whatever the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .action_checks import check_actions
from .argument_checks import check_arguments
from .filter_checks import check_argument_filters
from .hook_checks import check_hook
from .list_checks import check_call_list, check_lists
from .model import HookKind
from .task_filter_checks import check_task_filters
from .tenant_checks import check_tenant
from .workload_filters import main_filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import NamedList, Policy, Spec, Workloads
    from .problems import Problems

__all__ = ["check_policy"]


def check_policy(policy: Policy, problems: Problems) -> None:
    """Note everything that is wrong."""
    spec = policy.spec
    lists = {each.name: each for each in spec.lists}
    check_lists(spec.lists, problems)
    _check_workloads(policy, problems)
    _check_enforcers(spec, lists, problems)
    if policy.namespace:
        check_tenant(policy, lists, problems)
    for hook in spec.hooks:
        check_hook(hook, lists, problems)
        check_arguments(hook, problems)
        for selector in hook.selectors:
            check_task_filters(selector, problems)
            check_argument_filters(selector, hook, lists, problems)
            check_actions(selector, hook, problems, has_enforcers=bool(spec.enforcers))
            _check_host_selector(selector.match_workloads, problems)
    if not spec.hooks and not spec.loader:
        sections = ", ".join(kind.value for kind in HookKind)
        problems.warn(f"the policy does nothing: it has none of {sections}, loader", spec.where)


def _check_workloads(policy: Policy, problems: Problems) -> None:
    spec = policy.spec
    workloads = spec.workloads
    _check_host_selector(workloads, problems)
    if spec.loader and main_filter(policy) is not None:
        message = "loader is not possible in a policy for some workloads only"
        problems.error(message, spec.at("loader"))


def _check_host_selector(workloads: Workloads | None, problems: Problems) -> None:
    selector = workloads.host_selector if workloads else None
    if selector is not None and (selector.match_labels or selector.match_expressions):
        problems.error("can only be {} (all of the host) or be left out", selector.where)


def _check_enforcers(spec: Spec, lists: Mapping[str, NamedList], problems: Problems) -> None:
    for enforcer in spec.enforcers:
        if not enforcer.calls and "calls[0]" not in enforcer.places and "calls" in enforcer.places:
            problems.error("needs at least one call", enforcer.at("calls"))
        for call in enforcer.calls:
            check_call_list(call.value, call.where, lists, problems)
            name = call.value.rpartition("/")[2]
            is_listed = name.startswith("list:")
            if not is_listed and "sys_" not in name and not name.startswith("security_"):
                message = f'"{call}" cannot be enforced: neither system call nor security_ function'
                problems.error(message, call.where)
