# SPDX-License-Identifier: Apache-2.0
"""Actions of a policy against what is possible: where each may stand, and with which argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.network_requests import NETWORK_ACTIONS
from tetragon_core.policy.model import FunctionHook

from .requests import check_request
from .socktrack import SOCK_TYPES, TRACKING

if TYPE_CHECKING:
    from tetragon_core.policy.model import Action, Hook
    from tetragon_core.policy.problems import Problems

__all__ = ["check_actions"]

_SIGNALS: Final = frozenset({"Sigkill", "Signal"})
_AT_RETURN: Final = frozenset({"Post", "NoPost"}) | _SIGNALS
_EXTRAS: Final = (
    ("rate_limit", "rateLimit"),
    ("kernel_stack_trace", "kernelStackTrace"),
    ("user_stack_trace", "userStackTrace"),
)


def check_actions(hook: Hook, problems: Problems) -> None:
    """Note what cannot be done for the selectors of a hook."""
    for selector in hook.selectors:
        for action in selector.match_actions:
            if action.action in NETWORK_ACTIONS:
                check_request(action, selector.match_actions, problems)
            _check_sock(action, hook, problems)
        for action in selector.match_return_actions:
            _check_at_return(action, problems)
    if isinstance(hook, FunctionHook) and hook.return_arg_action:
        found = hook.return_arg.type if hook.returns and hook.return_arg else "not reported"
        if found not in SOCK_TYPES:
            problems.error(
                f"{hook.return_arg_action} needs a returnArg of type sock or socket, which is "
                f"{found}",
                hook.at("return_arg_action"),
            )


def _check_sock(action: Action, hook: Hook, problems: Problems) -> None:
    if action.action not in TRACKING or action.arg_sock >= len(hook.args):
        return  # no such action, or noted already
    found = hook.args[action.arg_sock].type
    if found not in SOCK_TYPES:
        problems.error(
            f"{action.action} needs an argument of type sock or socket; args[{action.arg_sock}] "
            f"is {found}",
            action.at("arg_sock"),
        )


def _check_at_return(action: Action, problems: Problems) -> None:
    if action.action in TRACKING:
        problems.error(
            f"{action.action} is not possible in matchReturnActions: what is returned is tracked "
            "by returnArgAction, an argument by matchActions",
            action.where,
        )
    elif action.action not in _AT_RETURN:
        problems.error(f"{action.action} is possible in matchActions only", action.where)
    for name, key in _EXTRAS:
        if action.action in _AT_RETURN and getattr(action, name):
            problems.error(f"{key} is possible in matchActions only", action.at(name))
