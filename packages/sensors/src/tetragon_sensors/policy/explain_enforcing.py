# SPDX-License-Identifier: Apache-2.0
"""What explain says of hooks that enforce: how a call is denied, what a signal leaves undone.

What was measured of that, hook by hook, is in docs/reference/enforcement.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.enforcement import KILL_LIMIT_OPTION, MODE_OPTION, asks_to_monitor

from .acting import enforces, signals
from .enforcing import inner_hooks, lsm_function, name_of_syscall
from .frames import RawSyscallFrame, SyscallEventFrame, SyscallFrame
from .plan import Denial, Method, Timing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tetragon_core.policy.model import Action, Policy
    from tetragon_sensors.kernel.facts import Kernel

    from .plan import HookPlan, Plan

__all__ = ["explain_enforcing", "explain_rails", "why_no_trampoline"]

_AGENTS_LIMIT: Final = "the agent's (--max-kills-per-minute)"
_KPROBES: Final = frozenset({Method.KPROBE, Method.KPROBE_MULTI})
_SYSCALLS: Final = (SyscallFrame, SyscallEventFrame, RawSyscallFrame)
_SECURITY: Final = "security_"
_LATE: Final = {
    "tcp_connect": "the connection is opened, and closed as the process ends",
    "ip_output": "the packet is sent",
    "create_user_ns": "the namespace is made, and goes with the process",
    "security_path_truncate": "the file is cut",
    "security_file_permission": "a read completes; a write to a file mostly does not",
    "security_mmap_file": "the mapping is made, and goes with the process",
}
"""Function -> what became of the operation in the tests."""
_INSTEAD: Final = {
    "tcp_connect": "security_socket_connect",
    "ip_output": "security_socket_sendmsg",
    "tcp_sendmsg": "security_socket_sendmsg",
    "udp_sendmsg": "security_socket_sendmsg",
    "fd_install": "security_file_open",
    "create_user_ns": "security_create_user_ns",
}
"""Function -> one that is asked before the same operation, and can be denied."""


def explain_enforcing(hook: HookPlan, kernel: Kernel) -> Iterator[tuple[str, str]]:
    """Head and text of lines about what a program does beyond events; none if nothing."""
    if hook.timing in {Timing.VERDICT, Timing.VERDICT_END}:
        yield from _applying(hook)
        return
    actions = _actions(hook)
    if _names(actions) & {"Override"}:
        yield "denies", _denial(hook, kernel)
    if _names(actions) & {"NotifyEnforcer"}:
        yield "notifies", "the programs of the enforcers, which act in the same call"
    if _names(actions) & {"Sigkill", "Signal"}:
        yield "signals", _signal(hook)
        yield from _advice(hook, kernel)


def explain_rails(plan: Plan, policy: Policy) -> Iterator[str]:
    """Lines about the mode of a policy that enforces, and what keeps it within bounds."""
    if not plan.enforces:
        return
    mode = "monitor: actions are counted, none is taken" if asks_to_monitor(policy) else "enforce"
    own = policy.spec.options.get(KILL_LIMIT_OPTION)
    limit = f"{own.value} (option {KILL_LIMIT_OPTION})" if own else _AGENTS_LIMIT
    yield ""
    yield "enforcement:"
    yield f"  mode           {mode} (option {MODE_OPTION}; tracingpolicy set-mode switches it)"
    every = [one for hook in policy.spec.hooks for one in hook.selectors]
    if any(signals((*one.match_actions, *one.match_return_actions)) for one in every):
        yield "  no signal      to pid 1, the agent, the processes above it, and --never-kill"
        yield f"  kill limit     {limit}; beyond it the policy only monitors"


def why_no_trampoline(hook: HookPlan, kernel: Kernel) -> str:
    """Why a kprobe is better than fentry for what enforces; empty: it is not."""
    if hook.method in _KPROBES and kernel.preempts_programs and enforces(_actions(hook)):
        return "the kernel skips its programs where a task was preempted in one"
    return ""


def _actions(hook: HookPlan) -> Sequence[Action]:
    at_return = hook.timing in {Timing.EXIT, Timing.RETURN_HALF}
    at_entry = hook.timing is not Timing.RETURN_HALF
    return [
        action
        for one in hook.selectors
        for action in (
            *(one.match_actions if at_entry else ()),
            *(one.match_return_actions if at_return else ()),
        )
    ]


def _names(actions: Sequence[Action]) -> frozenset[str]:
    return frozenset(action.action for action in actions)


def _applying(hook: HookPlan) -> Iterator[tuple[str, str]]:
    if "error" in hook.wants:
        yield "denies", "calls that are to fail; the thread's others go on"
    if "signal" in hook.wants:
        yield "signals", "once, if that was decided and has not been done"


# ---- denials ----


def _denial(hook: HookPlan, kernel: Kernel) -> str:
    symbol = hook.targets[0].symbol
    match hook.denial:
        case Denial.KEPT:
            inside = [one.name for one in inner_hooks(kernel, symbol)]
            reason = kernel.abilities.can_modify(symbol).reason
            text = f"inside the call, at {', '.join(inside)}"
            return f"{text}; not the call itself: {reason}" if reason else text
        case Denial.REGISTERS:
            return "by writing registers of the process"
        case Denial.RETURNED if hook.method is Method.FMOD_RET:
            return "returns the error in place of the function, which is not called"
        case Denial.RETURNED:
            return f"returns the error: the kernel asks before it acts{_why_lsm(hook, kernel)}"
        case _:
            return "nothing: the call cannot be denied here (see the warning)"


def _why_lsm(hook: HookPlan, kernel: Kernel) -> str:
    symbol = hook.targets[0].symbol
    if not symbol.startswith(_SECURITY):
        return ""
    reason = kernel.abilities.can_modify(symbol).reason
    if not reason and kernel.preempts_programs:
        reason = "it is skipped where a task was preempted in such a program"
    return f"; no fmod_ret: {reason}" if reason else ""


# ---- signals ----


def _signal(hook: HookPlan) -> str:
    """That a signal undoes nothing."""
    symbol = hook.targets[0].symbol
    if symbol in _LATE:
        after = _LATE[symbol]
    elif isinstance(hook.frame, _SYSCALLS):
        after = "the call goes on: one that sleeps or looks for signals ends early, others complete"
    else:
        after = "what is under way goes on, and completes unless the code behind looks for signals"
    return f"before the process runs another instruction; {after}"


def _advice(hook: HookPlan, kernel: Kernel) -> Iterator[tuple[str, str]]:
    """How to have the operation not happen, where the policy only kills for it."""
    kills = any(
        signals(one.match_actions) and "Override" not in _names(one.match_actions)
        for one in hook.selectors
    )
    symbol = hook.targets[0].symbol
    better = _deniable(hook, kernel) if kills else ""
    if better == symbol:
        yield (
            "advice",
            f"add Override: {_place(hook, symbol)} can be denied before anything happens",
        )
    elif better:
        yield "advice", f"to have it not happen at all, use Override on {better}"


def _place(hook: HookPlan, symbol: str) -> str:
    return name_of_syscall(symbol) if isinstance(hook.frame, SyscallFrame) else symbol


def _deniable(hook: HookPlan, kernel: Kernel) -> str:
    """The function itself, another, or empty: none."""
    symbol = hook.targets[0].symbol
    if isinstance(hook.frame, SyscallFrame):
        inside = kernel.abilities.can_lsm and inner_hooks(kernel, symbol)
        return symbol if inside or kernel.abilities.can_modify(symbol) else ""
    if hook.method is Method.LSM or symbol.startswith(_SECURITY):
        return symbol if hook.method is Method.LSM or _can_ask(kernel, symbol) else ""
    better = _INSTEAD.get(symbol, "")
    there = kernel.btf.find_function(better) is not None if better else False
    return better if there and _can_ask(kernel, better) else ""


def _can_ask(kernel: Kernel, symbol: str) -> bool:
    """Whether a program may answer for a security_ function."""
    by_lsm = kernel.abilities.can_lsm and lsm_function(kernel, symbol) is not None
    return bool(by_lsm or kernel.abilities.can_modify(symbol))
