# SPDX-License-Identifier: Apache-2.0
"""Requests a selector asks the agent for when it wins. The kernel's side just posts the hit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tetragon_core.network_requests import NETWORK_ACTIONS, NetworkRequest
from tetragon_core.policy.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.policy.model import Action, Policy

__all__ = ["check_request", "refuse_requests", "requests_of"]

_SCHEMES: Final = frozenset({"http", "https"})


def requests_of(actions: Sequence[Action]) -> tuple[NetworkRequest, ...]:
    """Those of a selector's matchActions, in their order."""
    return tuple(
        NetworkRequest(one.action, one.arg_url or one.arg_fqdn)
        for one in actions
        if one.action in NETWORK_ACTIONS
    )


def check_request(action: Action, actions: Sequence[Action], problems: Problems) -> None:
    """Note a URL of another kind, what it takes, and a hit the agent will not be told of."""
    problems.warn_once(
        action.action,
        f"{action.action} has the agent send a request for every hit, which takes one that was "
        "started with --enable-policy-network-actions",
        action.where,
    )
    if action.action == "GetUrl" and not _is_web(action.arg_url):
        problems.error("argUrl has to be http://HOST/… or https://HOST/…", action.at("arg_url"))
    if any(one.action == "NoPost" for one in actions):
        problems.warn(
            f"{action.action} has no effect beside NoPost: the agent sends what it is told of",
            action.where,
        )


def refuse_requests(policy: Policy) -> None:
    """Raise PolicyError for a policy that asks an agent that sends no requests for one."""
    problems = Problems()
    for hook in policy.spec.hooks:
        for selector in hook.selectors:
            for action in (*selector.match_actions, *selector.match_return_actions):
                if action.action in NETWORK_ACTIONS:
                    problems.error(
                        f"action {action.action} needs an agent that was started with "
                        "--enable-policy-network-actions",
                        action.where,
                    )
    problems.raise_if_any(policy.source)


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and bool(parts.hostname)
