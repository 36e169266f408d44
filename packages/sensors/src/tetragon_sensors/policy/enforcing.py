# SPDX-License-Identifier: Apache-2.0
"""How a hook that enforces has to be attached, and what denies a call where its own program cannot.

From kernel 7.0 on, and on kernels built for full preemption, a task can be preempted inside a
program of a trampoline, and the kernel skips that program for other tasks on the CPU meanwhile
(__bpf_prog_enter_recur). That would let calls through. It does not happen to programs of LSM hooks
(6.2, 271de525e1d7) or of kprobes, which run with preemption off; so these come first there. What
the kernel skips kprobes for is the subject of guarding.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .inner_hooks import INNER_HOOKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.policy.model import Action, Hook
    from tetragon_sensors.kernel.btf import Function
    from tetragon_sensors.kernel.facts import Kernel

__all__ = ["Demand", "demand_of", "denies_itself", "inner_hooks", "lsm_function", "name_of_syscall"]

_LSM: Final = "bpf_lsm_"
_SECURITY: Final = "security_"
_VERDICTS: Final = frozenset({"Override", "NotifyEnforcer", "CleanupEnforcerNotification"})
_SIGNALS: Final = frozenset({"Sigkill", "Signal"})


@dataclass(frozen=True, slots=True)
class Demand:
    """What the selectors of a hook ask for beyond events."""

    denies: bool
    """Override."""
    signals: bool
    kills_always: bool
    """Each selector that denies kills too."""
    gates_returns: bool
    """Some selector that acts looks at the result for its event, not for its actions."""

    def __bool__(self) -> bool:
        return self.denies or self.signals


def demand_of(hook: Hook) -> Demand:
    """What a hook asks for."""
    denying = [one.match_actions for one in hook.selectors if _any(one.match_actions, _VERDICTS)]
    acting = [one for one in hook.selectors if _any(one.match_actions, _VERDICTS | _SIGNALS)]
    return Demand(
        denies=any(_any(actions, {"Override"}) for actions in denying),
        signals=any(_any(one.match_actions, _SIGNALS) for one in hook.selectors),
        kills_always=all(_any(actions, {"Sigkill"}) for actions in denying),
        gates_returns=any(one.match_return_args for one in acting),
    )


def _any(actions: Sequence[Action], names: frozenset[str] | set[str]) -> bool:
    return any(action.action in names for action in actions)


def lsm_function(kernel: Kernel, symbol: str) -> Function | None:
    """Where BPF attaches to an LSM hook, which `symbol` names as security_X, bpf_lsm_X or X."""
    name = symbol.removeprefix(_SECURITY).removeprefix(_LSM)
    return kernel.btf.find_function(_LSM + name)


def denies_itself(kernel: Kernel, symbol: str) -> bool:
    """Whether a system call is best denied by a program on its own function.

    Where programs can be preempted, the LSM hooks inside it are safer.
    """
    safer = kernel.preempts_programs and kernel.abilities.can_lsm and inner_hooks(kernel, symbol)
    return not safer and bool(kernel.abilities.can_modify(symbol))


def name_of_syscall(symbol: str) -> str:
    """`symlinkat` of `__x64_sys_symlinkat`."""
    return symbol.split("sys_", 1)[1] if "sys_" in symbol else symbol


def inner_hooks(kernel: Kernel, symbol: str) -> tuple[Function, ...]:
    """LSM hooks that a system call cannot take effect without passing; empty: none is known."""
    found = tuple(
        function
        for name in INNER_HOOKS.get(name_of_syscall(symbol), ())
        if (function := lsm_function(kernel, name)) is not None
    )
    return found if len(found) == len(INNER_HOOKS.get(name_of_syscall(symbol), ())) else ()
