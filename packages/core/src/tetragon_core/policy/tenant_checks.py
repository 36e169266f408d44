# SPDX-License-Identifier: Apache-2.0
"""What a TracingPolicyNamespaced cannot have: its author may have rights in one namespace alone.

That its programs look at pods of the namespace only is not seen to here, but by its filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .model import FunctionHook, LsmHook, UprobeHook, UsdtHook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .model import Hook, NamedList, Policy, Selector, Workloads
    from .nodes import Where
    from .problems import Problems

    Lists = Mapping[str, NamedList]

__all__ = ["check_tenant"]

_REQUESTS: Final = frozenset({"GetUrl", "DnsLookup"})
_INTERRUPTS: Final = frozenset(
    (
        *(
            "security_file_send_sigiotask",
            "security_inet_conn_request",
            "security_mptcp_add_subflow",
        ),
        *("security_sctp_assoc_established", "security_sctp_assoc_request"),
        *("security_socket_sock_rcv_skb", "security_sock_rcv_skb"),
        *("security_xfrm_decode_session", "security_xfrm_policy_lookup"),
    )
)
"""Functions and LSM hooks that the kernel runs in interrupts too: on behalf of whoever sent or gets
a packet, while any process is current."""
_NAMESPACED: Final = "in a TracingPolicyNamespaced"


def check_tenant(policy: Policy, lists: Lists, problems: Problems) -> None:
    """Note what reaches beyond the pods of the policy's namespace."""
    spec = policy.spec
    if spec.workloads.host_selector is not None:
        message = f"is not possible {_NAMESPACED}, which is about pods"
        problems.error(message, spec.at("host_selector"))
    for enforcer in spec.enforcers:
        for call in enforcer.calls:
            _check_override(call.value, call.where, lists, problems)
    for hook in spec.hooks:
        if isinstance(hook, (UprobeHook, UsdtHook)):
            message = f"{hook.kind.value} are not possible {_NAMESPACED}"
            problems.error(message, hook.where)
        for selector in hook.selectors:
            _warn_of_host(selector.match_workloads, problems)
            _check_actions(selector, hook, lists, problems)


def _warn_of_host(workloads: Workloads | None, problems: Problems) -> None:
    if workloads is not None and workloads.host_selector is not None:
        message = f"has no effect {_NAMESPACED}, which is about pods"
        problems.warn(message, workloads.at("host_selector"))


def _check_actions(selector: Selector, hook: Hook, lists: Lists, problems: Problems) -> None:
    for action in (*selector.match_actions, *selector.match_return_actions):
        if action.action in _REQUESTS:
            message = f"{action.action} is not possible {_NAMESPACED}: the agent would send it"
            problems.error(message, action.at("action"))
        elif action.action == "Override" and isinstance(hook, FunctionHook):
            _check_override(hook.call, action.at("action"), lists, problems)
        elif action.action == "Override" and isinstance(hook, LsmHook):
            _check_override(f"security_{hook.hook}", action.at("action"), lists, problems)


def _check_override(call: str, where: Where, lists: Lists, problems: Problems) -> None:
    """A pod that is current when a packet comes must not decide about somebody else's."""
    found = sorted(_INTERRUPTS & {*_members(call, lists)})
    if found:
        message = f"{found[0]} cannot be overridden {_NAMESPACED}: it is called for other pods too"
        problems.error(message, where)


def _members(call: str, lists: Lists) -> Iterator[str]:
    if not call.startswith("list:"):
        yield call
    elif (named := lists.get(call.removeprefix("list:"))) is not None:
        yield from (value.value for value in named.values)
