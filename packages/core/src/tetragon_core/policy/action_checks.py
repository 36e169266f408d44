# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with actions whatever the kernel: where each is possible, its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .argument_types import ARGUMENT_TYPES, Shape
from .model import FunctionHook, HookKind, LsmHook
from .rate_limits import parse_rate_limit

if TYPE_CHECKING:
    from .model import Action, Hook, Selector
    from .problems import Problems

__all__ = ["ACTION_HOOKS", "PARAMETER_OWNERS", "check_actions"]

_KERNEL: Final = frozenset({HookKind.KPROBE, HookKind.FENTRY, HookKind.TRACEPOINT})
_ALL: Final = frozenset(HookKind)
_NO_FENTRY: Final = _ALL - {HookKind.FENTRY}
ACTION_HOOKS: Final = {
    "Post": _ALL,
    "NoPost": _ALL,
    "Sigkill": _NO_FENTRY,
    "Signal": _NO_FENTRY,
    "Override": frozenset({HookKind.KPROBE, HookKind.LSM, HookKind.UPROBE}),
    "NotifyEnforcer": frozenset({HookKind.KPROBE, HookKind.TRACEPOINT}),
    "CleanupEnforcerNotification": frozenset({HookKind.KPROBE, HookKind.TRACEPOINT}),
    "TrackSock": frozenset({HookKind.KPROBE, HookKind.FENTRY}),
    "UntrackSock": frozenset({HookKind.KPROBE, HookKind.FENTRY}),
    "GetUrl": _KERNEL,
    "DnsLookup": _KERNEL,
    "Set": frozenset({HookKind.USDT}),
}
"""Sections of a policy in which an action is possible."""
_POST: Final = frozenset({"Post"})
_OVERRIDE: Final = frozenset({"Override"})
_SOCK: Final = frozenset({"TrackSock", "UntrackSock"})
PARAMETER_OWNERS: Final = {
    "rate_limit": _POST,
    "kernel_stack_trace": _POST,
    "user_stack_trace": _POST,
    "ima_hash": _POST,
    "arg_url": frozenset({"GetUrl"}),
    "arg_fqdn": frozenset({"DnsLookup"}),
    "arg_error": frozenset({"Override", "NotifyEnforcer"}),
    "arg_sig": frozenset({"Signal", "NotifyEnforcer"}),
    "arg_sock": _SOCK,
    "arg_index": frozenset({"Set"}),
    "arg_value": frozenset({"Set"}),
    "arg_regs": _OVERRIDE,
    "arg_new_symbol": _OVERRIDE,
    "arg_new_address": _OVERRIDE,
    "arg_new_offset": _OVERRIDE,
}
"""Which actions a parameter belongs to."""
_NEW_TARGETS: Final = ("arg_new_symbol", "arg_new_address", "arg_new_offset")
_IMA_HOOKS: Final = (
    *("bprm_check_security", "bprm_committed_creds", "bprm_committing_creds"),
    *("bprm_creds_from_file", "bprm_creds_for_exec"),
    *("file_open", "file_ioctl", "file_lock", "file_post_open", "file_receive", "mmap_file"),
)
_MAX_SIGNAL: Final = 64


def check_actions(
    selector: Selector, hook: Hook, problems: Problems, *, has_enforcers: bool
) -> None:
    """Note what is wrong with a selector's matchActions and matchReturnActions."""
    for action in (*selector.match_actions, *selector.match_return_actions):
        if action.action not in ACTION_HOOKS:
            continue
        if hook.kind not in ACTION_HOOKS[action.action]:
            message = f"{action.action} is not possible in {hook.kind.value}"
            problems.error(message, action.at("action"))
            continue
        _check_owners(action, problems)
        _check_post(action, hook, problems)
        _check_parameters(action, hook, problems)
        _check_override(action, hook, problems)
        if action.action == "NotifyEnforcer" and not has_enforcers:
            problems.error("NotifyEnforcer needs spec.enforcers", action.at("action"))


def _check_owners(action: Action, problems: Problems) -> None:
    for name, owners in PARAMETER_OWNERS.items():
        if getattr(action, name) and action.action not in owners:
            message = f"belongs to {' and '.join(sorted(owners))}, not to {action.action}"
            note = problems.error if owners is _POST else problems.warn
            note(message, action.at(name))


def _check_post(action: Action, hook: Hook, problems: Problems) -> None:
    if action.action != "Post":
        return
    if action.rate_limit:
        try:
            parse_rate_limit(action.rate_limit)
        except ValueError as error:
            problems.error(str(error), action.at("rate_limit"))
    elif action.rate_limit_scope:
        problems.warn("has no effect without rateLimit", action.at("rate_limit_scope"))
    for name in ("kernel_stack_trace", "user_stack_trace"):
        if getattr(action, name) and isinstance(hook, LsmHook):
            problems.error("stack traces are not possible in lsmhooks", action.at(name))
    if action.ima_hash and not (isinstance(hook, LsmHook) and hook.hook in _IMA_HOOKS):
        message = f"imaHash is possible for these LSM hooks only: {', '.join(_IMA_HOOKS)}"
        problems.error(message, action.at("ima_hash"))


def _check_parameters(action: Action, hook: Hook, problems: Problems) -> None:
    needed = {"GetUrl": ("arg_url", "argUrl"), "DnsLookup": ("arg_fqdn", "argFqdn")}
    name, key = needed.get(action.action, ("", ""))
    if name and not getattr(action, name):
        problems.error(f'"{key}" is missing', action.where)
    if action.action == "Signal" and not 1 <= action.arg_sig <= _MAX_SIGNAL:
        message = f"there is no signal {action.arg_sig}; allowed: 1 to {_MAX_SIGNAL}"
        problems.error(message, action.at("arg_sig"))
    if action.action in _SOCK:
        _check_position(action.arg_sock, "arg_sock", action, hook, problems)
        position = action.arg_sock
        if position < len(hook.args) and not hook.args[position].resolve:
            found = hook.args[position].type
            kind = ARGUMENT_TYPES.get(found)
            if kind and kind.shape not in {Shape.SOCKET, Shape.UNKNOWN}:
                message = f"args[{position}] is no sock or socket but {found}"
                problems.error(message, action.at("arg_sock"))
    if action.action == "Set":
        _check_position(action.arg_index, "arg_index", action, hook, problems)


def _check_position(
    position: int, name: str, action: Action, hook: Hook, problems: Problems
) -> None:
    if position >= len(hook.args):
        message = f"{position} is no position in args, which has {len(hook.args)} items"
        problems.error(message, action.at(name))


def _check_override(action: Action, hook: Hook, problems: Problems) -> None:
    if action.action != "Override":
        return
    if isinstance(hook, FunctionHook):
        is_listed = hook.call.startswith("list:")
        if not (hook.syscall or is_listed or hook.call.startswith("security_")):
            message = "Override is possible for system calls and security_ functions only"
            problems.error(f"{message}, not for {hook.call}", action.at("action"))
    targets = [name for name in _NEW_TARGETS if getattr(action, name)]
    if len(targets) > 1:
        message = "one of argNewSymbol, argNewAddr and argNewOffset is possible, not several"
        problems.error(message, action.at(targets[1]))
    if hook.kind is not HookKind.UPROBE:
        for name in (*_NEW_TARGETS, "arg_regs"):
            if getattr(action, name):
                problems.error("is for uprobes only", action.at(name))
