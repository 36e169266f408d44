# SPDX-License-Identifier: Apache-2.0
"""Code for actions that enforce: signals, denials, notices to enforcers; or what monitoring counts.

An action is one row of `_ACTIONS`: the counter of it, and what writes its code. Each keeps in
Stack.ACTED which action an event names: the last one that was taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_sensors.program.opcodes import Helper, Register

from .actions import ACTION_NUMBERS, reported
from .emitter import Stack
from .images import emit_binaries
from .ledger import count, emit_failed
from .plan import Denial
from .record import HitFlag
from .registers import emit_assignments, parse_assignment
from .state import STATE, StateOffset
from .writing import emit_set

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tetragon_core.policy.model import Action

    from .emitter import Emitter
    from .plan import HookPlan

__all__ = [
    "ENFORCING",
    "PROTECTED",
    "VERDICTS",
    "ActionCode",
    "Verdict",
    "emit_actions",
    "enforces",
    "signals",
]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

PROTECTED: Final = "protected"
"""Map of tgids that get no signal, with the start of the process; 0: whoever has that tgid."""
VERDICTS: Final = "verdicts"
"""Map of threads (pid_tgid) to what a program inside their system call shall do."""

SIGKILL: Final = 9
_MINUTE_NS: Final = 60_000_000_000
_MAX_ERRNO: Final = 4095


class Verdict:
    """Offsets in a value of the map of verdicts."""

    ERROR: Final = 0
    """Positive errno; 0: none."""
    SIGNAL: Final = 4
    APPLIED: Final = 8
    BYTES: Final = 16


def enforces(actions: Sequence[Action]) -> bool:
    """Whether they do more than to make events."""
    return any(action.action in ENFORCING for action in actions)


def signals(actions: Sequence[Action]) -> bool:
    """Whether the process may be sent a signal, by the hook's own program or an enforcer's."""
    return any(
        action.action in {"Sigkill", "Signal"}
        or (action.action == "NotifyEnforcer" and action.arg_sig)
        for action in actions
    )


def emit_actions(
    emitter: Emitter,
    hook: HookPlan,
    fixed_bytes: int,
    actions: Sequence[Action],
    *,
    is_first: bool = True,
) -> None:
    """Take the actions of the selector that won, or count them while the policy monitors.

    Afterwards Stack.ACTED has the number of the last one, with HitFlag.MONITORED above it.
    `fixed_bytes`: of the record, behind its header. `is_first`: the call is not counted yet.
    """
    asm = emitter.asm
    code = ActionCode(emitter, hook, fixed_bytes)
    over = asm.new_label("acted")
    wanted = [action for action in actions if action.action in ENFORCING]
    _set_acted(emitter, reported([one for one in actions if one not in wanted]))
    if is_first:
        count(emitter, "attempts")
    asm.load_map_value(R1, emitter.environment.maps[STATE], StateOffset.MODE)
    asm.load(R1, R1, 0, 8)
    asm.jump(R1, "!=", 0, code.monitored)
    for action in wanted:
        _ACTIONS[action.action].write(code, action)
    asm.goto(over)
    asm.label(code.monitored)
    for action in wanted:
        counter = _ACTIONS[action.action].counter
        if counter:
            count(emitter, f"monitor_{counter}")
    _set_acted(emitter, reported(actions) | int(HitFlag.MONITORED) << 32)
    asm.label(over)


def _set_acted(emitter: Emitter, number: int) -> None:
    emitter.asm.mov(R1, number)
    emitter.asm.store(FP, Stack.ACTED, R1, 8)


def errno_of(action: Action) -> int:
    """What is returned, positive: argError may be written either way; without one it is EPERM."""
    number = abs(action.arg_error)
    return number if 0 < number <= _MAX_ERRNO else 1


class ActionCode:
    """Writes the actions of one selector of a hook."""

    def __init__(self, emitter: Emitter, hook: HookPlan, fixed_bytes: int) -> None:
        self.emitter = emitter
        self.asm = emitter.asm
        self.hook = hook
        self.fixed_bytes = fixed_bytes
        self.monitored = emitter.asm.new_label("monitored")
        """Where the selector's actions are counted and not taken."""

    def taken(self, action: Action) -> None:
        """Count an action, and have the event name it."""
        counter = _ACTIONS[action.action].counter
        if counter:
            count(self.emitter, counter)
        _set_acted(self.emitter, ACTION_NUMBERS[action.action])

    def finish(self, action: Action, failed: str) -> None:
        """The action was taken, or jumps went to `failed` with a negative errno in R0."""
        over = self.asm.new_label("over")
        self.taken(action)
        self.asm.goto(over)
        self.asm.label(failed)
        emit_failed(self.emitter)
        self.asm.label(over)

    # ---- signals ----

    def signal(self, action: Action) -> None:
        """To the running thread group; it is there before any more instruction in user space."""
        asm = self.asm
        spared, failed = asm.new_label("spared"), asm.new_label("failed")
        number = SIGKILL if action.action == "Sigkill" else action.arg_sig
        self._spare(spared)
        if number == SIGKILL:
            self._limit_kills()
        asm.mov(R1, number)
        asm.call(Helper.SEND_SIGNAL)
        asm.extend(R0, 4, signed=True)
        asm.jump(R0, "!=", 0, failed)
        self.finish(action, failed)
        asm.label(spared)

    def _spare(self, spared: str) -> None:
        """Jump to `spared`, counted, if the process is on the never-kill list."""
        emitter, asm = self.emitter, self.asm
        spare, others, go_on = (asm.new_label(one) for one in ("spare", "others", "not_spared"))
        asm.call(Helper.GET_CURRENT_PID_TGID)
        asm.alu("rsh", R0, 32)
        asm.store(FP, Stack.KEY, R0, 4)
        emitter.lookup(PROTECTED)
        asm.jump(R0, "==", 0, others)
        asm.load(R1, R0, 0, 8)
        asm.jump(R1, "==", 0, spare)
        asm.store(FP, Stack.SAVED, R1, 8)
        emitter.process_ktime()
        asm.load(R1, FP, Stack.SAVED, 8)
        asm.jump(R8, "==", R1, spare)
        asm.label(others)
        if self.hook.never_kill is not None:
            emit_binaries(emitter, [self.hook.never_kill], self.fixed_bytes, go_on)
        else:
            asm.goto(go_on)
        asm.label(spare)
        count(emitter, "spared")
        asm.goto(spared)
        asm.label(go_on)

    def _limit_kills(self) -> None:
        """Count the kill; too many in a minute, and the policy monitors from this one on."""
        asm = self.asm
        allowed, same = asm.new_label("allowed"), asm.new_label("same_minute")
        asm.load_map_value(R9, self.emitter.environment.maps[STATE])
        asm.load(R1, R9, StateOffset.MAX_KILLS, 8)
        asm.jump(R1, "==", 0, allowed)
        asm.call(Helper.KTIME_GET_BOOT_NS)
        asm.load(R1, R9, StateOffset.WINDOW, 8)
        asm.mov(R2, R0)
        asm.alu("sub", R2, R1)
        asm.mov(R3, _MINUTE_NS)
        asm.jump(R2, "<", R3, same)
        asm.store(R9, StateOffset.WINDOW, R0, 8)
        asm.store(R9, StateOffset.KILLS, 0, 8)
        asm.label(same)
        asm.mov(R1, 1)
        asm.atomic_add(R9, StateOffset.KILLS, R1)
        asm.load(R1, R9, StateOffset.KILLS, 8)
        asm.load(R2, R9, StateOffset.MAX_KILLS, 8)
        asm.jump(R1, "<=", R2, allowed)
        asm.store(R9, StateOffset.FELL_BACK, 1, 8)
        asm.store(R9, StateOffset.MODE, 1, 8)
        asm.goto(self.monitored)
        asm.label(allowed)

    # ---- denials ----

    def override(self, action: Action) -> None:
        """Return the error, or leave it for the program that will."""
        if self.hook.denial is Denial.REGISTERS:
            failed = self.asm.new_label("failed")
            written = [parse_assignment(one) for one in action.arg_regs]
            emit_assignments(self.emitter, written, self.hook.targets[0].offset, failed)
            self.finish(action, failed)
            return
        if self.hook.denial is Denial.KEPT:
            self._keep_verdict(errno_of(action), 0, action)
            return
        self.asm.mov(R1, -errno_of(action))
        self.asm.store(FP, Stack.VERDICT, R1, 8)
        self.taken(action)

    def notify(self, action: Action) -> None:
        """Leave error and signal for the enforcer; who is spared and what is too much is said here.

        So is that a kill was one: the enforcer's programs only do as they are told.
        """
        asm, error = self.asm, abs(action.arg_error)
        spared, over = asm.new_label("spared"), asm.new_label("notified")
        if action.arg_sig:
            self._spare(spared)
        if action.arg_sig == SIGKILL:
            self._limit_kills()
        self._keep_verdict(error, action.arg_sig, action)
        asm.goto(over)
        asm.label(spared)
        if error:
            self._keep_verdict(error, 0, action)
        asm.label(over)

    def forget(self, action: Action) -> None:
        """Take back what was left for the enforcer."""
        self._thread_key()
        self.emitter.delete(VERDICTS)
        self.taken(action)

    def _keep_verdict(self, error: int, signal: int, action: Action) -> None:
        """verdicts[thread] = error and signal; what is there is overwritten."""
        asm = self.asm
        failed = asm.new_label("failed")
        self._thread_key()
        asm.store(FP, Stack.WIDE + Verdict.ERROR, error, 4)
        asm.store(FP, Stack.WIDE + Verdict.SIGNAL, signal, 4)
        asm.store(FP, Stack.WIDE + Verdict.APPLIED, 0, 8)
        self.emitter.update(VERDICTS, Stack.WIDE)
        asm.extend(R0, 4, signed=True)
        asm.jump(R0, "!=", 0, failed)
        self.finish(action, failed)

    def _thread_key(self) -> None:
        self.asm.call(Helper.GET_CURRENT_PID_TGID)
        self.asm.store(FP, Stack.KEY, R0, 8)


class _Row(NamedTuple):
    write: Callable[[ActionCode, Action], None]
    counter: str
    """In the ledger; empty: none."""


_ACTIONS: Final = {
    "Sigkill": _Row(ActionCode.signal, "signal"),
    "Signal": _Row(ActionCode.signal, "signal"),
    "Override": _Row(ActionCode.override, "override"),
    "NotifyEnforcer": _Row(ActionCode.notify, "notify_enforcer"),
    "CleanupEnforcerNotification": _Row(ActionCode.forget, ""),
    "Set": _Row(emit_set, "set"),
}
ENFORCING: Final = frozenset(_ACTIONS)
"""Actions that do more than to make events."""
