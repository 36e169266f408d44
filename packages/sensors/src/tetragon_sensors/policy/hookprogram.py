# SPDX-License-Identifier: Apache-2.0
"""The program of one hook: filters in order of cost, then what the winning selector asks for.

Selectors are tried in the policy's order, the first that holds wins. Within one, cheap filters come
first, and an argument is read when the first filter or the record needs it, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.policy.model import CapabilityFilter, NamespaceFilter, PidFilter, Selector
from tetragon_sensors.program.linker import link
from tetragon_sensors.program.opcodes import Helper, Register

from .acting import emit_actions, enforces
from .actions import POST, emit_stacks, posts, reported
from .emitter import Emitter, Stack
from .faulting import emit_fetches
from .guarding import Guard
from .halves import Halves, flag_acted, flag_record
from .images import emit_binaries
from .imahash import emit_defer, emit_deferred, emit_is_selector, wants_hash, write_hash
from .order import (
    ArgumentCheck,
    BinaryCheck,
    ChangeCheck,
    WorkloadCheck,
    checks_in_order,
    checks_of_winner,
)
from .plan import Denial, Timing
from .processes import emit_capabilities, emit_namespaces, emit_pids
from .ratelimit import emit_rate_limit, limited
from .record import HEADER_BYTES, HitFlag, Offset
from .snapshots import emit_changes, emit_remember
from .socktrack import TRACKING, emit_owner, emit_track, is_sock
from .upkeep import table_functions
from .values import ArgumentCode
from .verdicts import forget_verdict, write_verdict, write_verdict_end
from .workloads import emit_gate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.policy.model import Action
    from tetragon_sensors.program.linker import LinkedProgram

    from .emitter import Environment
    from .order import Check
    from .plan import HookPlan

__all__ = ["build_program"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

_DECIDING: Final = {Timing.ENTRY, Timing.EXIT, Timing.ENTRY_HALF}
"""Programs whose selectors decide; others go on with what one of these has let through."""


def build_program(
    hook: HookPlan, environment: Environment, host_namespaces: dict[str, int]
) -> LinkedProgram:
    """Instructions of the hook's program."""
    builder = _Builder(hook, environment, host_namespaces)
    builder.write()
    return link(
        builder.emitter.asm, [*table_functions(environment), *builder.emitter.functions.values()]
    )


class _Builder:
    def __init__(self, hook: HookPlan, environment: Environment, host: dict[str, int]) -> None:
        self.hook = hook
        self.environment = environment
        self.host = host
        self.fixed_bytes = hook.record_bytes - HEADER_BYTES
        self.emitter = Emitter("on_hook", environment, hook.frame)
        self.emitter.denies = hook.denial is Denial.RETURNED
        self.emitter.sleeps = hook.sleeps
        self.asm = self.emitter.asm
        self.values = ArgumentCode(hook, self.emitter)
        self.halves = Halves(hook, self.emitter, self.values)
        self.guard = Guard(hook, self.emitter)

    def write(self) -> None:
        """All of the main function."""
        self.emitter.begin()
        self.guard.write_begin()
        if self.hook.denial is Denial.KEPT and self.hook.timing in _DECIDING:
            forget_verdict(self.emitter)
        gate = self.hook.gate if self.hook.asks_gate_first else None
        if gate is not None and self.hook.timing in _DECIDING:
            emit_gate(self.emitter, gate, self.emitter.done)
        if self.hook.sleeps:
            emit_fetches(self.emitter, self.hook, self.values)
        match self.hook.timing:
            case Timing.RETURN_HALF:
                self.halves.write_return()
            case Timing.HASH:
                write_hash(self.emitter, self.hook)
            case Timing.DEFERRED:
                self._write_deferred()
            case Timing.VERDICT:
                write_verdict(self.emitter, self.hook)
            case Timing.VERDICT_END:
                write_verdict_end(self.emitter, self.hook)
            case _:
                self._write_selectors()
        self.emitter.end()

    def _write_selectors(self) -> None:
        asm = self.asm
        wins = []
        for number, selector in enumerate(self.hook.selectors):
            no, win = asm.new_label("next"), asm.new_label("win")
            for check in checks_in_order(self.hook, selector):
                self._check(check, no)
            asm.goto(win)
            asm.label(no)
            wins.append((number, selector, win))
        if wins:
            asm.goto(self.emitter.done)
        for number, selector, win in wins:
            asm.label(win)
            for check in checks_of_winner(self.hook, selector):
                self._check(check, self.emitter.done)
            if selector.match_namespace_changes or selector.match_capability_changes:
                self._remember_change()
            if wants_hash(selector):
                at_once = asm.new_label("at_once")
                emit_defer(self.emitter, self.hook, number, at_once)
                asm.label(at_once)
            self._act(number, selector)
        if not wins:
            self._act(0, Selector())

    def _write_deferred(self) -> None:
        """Act for the selector that another program found to hold."""
        emit_deferred(self.emitter, self.hook)
        for number, selector in enumerate(self.hook.selectors):
            if wants_hash(selector):
                following = self.asm.new_label("selector")
                emit_is_selector(self.emitter, number, following)
                self._act(number, selector)
                self.asm.label(following)
        self.asm.goto(self.emitter.done)

    def _check(self, check: Check, no: str) -> None:
        """Jump to `no` unless the filter holds."""
        match check:
            case ArgumentCheck():
                self.values.check(check.argument, check.wanted, no)
                return
            case BinaryCheck():
                emit_binaries(
                    self.emitter, check.wanted, self.fixed_bytes, no, of_parent=check.of_parent
                )
                return
            case WorkloadCheck():
                emit_gate(self.emitter, check.gate, no)
                return
            case ChangeCheck():
                emit_changes(self.emitter, check.selector, self.host, self.fixed_bytes, no)
                return
        match check.wanted:
            case PidFilter() as wanted:
                emit_pids(self.emitter, wanted, no)
            case NamespaceFilter() as wanted:
                emit_namespaces(self.emitter, wanted, self.host, no)
            case CapabilityFilter() as wanted:
                emit_capabilities(self.emitter, wanted, self.host, no)

    # ---- actions ----

    def _remember_change(self) -> None:
        """What was noticed is noticed once."""
        self.asm.call(Helper.GET_CURRENT_PID_TGID)
        self.asm.alu("rsh", R0, 32)
        self.asm.mov(R8, R0)
        self.emitter.current_task(R9)
        emit_remember(self.emitter, R9, R8, self.fixed_bytes)

    def _act(self, number: int, selector: Selector) -> None:
        """What the selector that won asks for; then leave."""
        hook, actions = self.hook, selector.match_actions
        self.guard.write_acting()
        later = selector.match_return_actions if hook.timing is Timing.EXIT else ()
        if enforces(actions):
            if any(action.action == "Set" for action in actions):
                self._read_arguments()  # as they were before
            emit_actions(self.emitter, hook, self.fixed_bytes, actions)
        if enforces(later):
            self._act_later(actions, later)
        makes_event = posts(actions) and posts(later)
        tracking = [action for action in actions if action.action in TRACKING]
        tracks_result = hook.timing is Timing.EXIT and hook.result_action
        if makes_event or tracking or tracks_result:
            self._write_record(everything=makes_event)
            self._track(tracking, makes_event=makes_event)
            if tracks_result and hook.result is not None:
                emit_track(self.emitter, hook.result, hook.result_action)
        if makes_event:
            self._post(number, selector)
        self.asm.goto(self.emitter.done)

    def _act_later(self, actions: Sequence[Action], later: Sequence[Action]) -> None:
        """What is asked for at the return; what the event names for the entry is put aside."""
        asm = self.asm
        if enforces(actions):
            asm.load(R1, FP, Stack.ACTED, 8)
        else:
            asm.mov(R1, reported(actions))
        asm.store(FP, Stack.ACTED_FIRST, R1, 8)
        first = not enforces(actions)
        emit_actions(self.emitter, self.hook, self.fixed_bytes, later, is_first=first)

    def _read_arguments(self) -> None:
        for plan in self.hook.arguments:
            self.values.ensure_read(plan)

    def _write_record(self, *, everything: bool) -> None:
        """Header, and arguments: those that are needed anyway, or all."""
        hook = self.hook
        if everything:
            self._read_arguments()
        if hook.timing is Timing.EXIT and hook.result is not None:
            self.values.ensure_read(hook.result)
        self.emitter.claim(self.fixed_bytes)
        self.emitter.write_header(hook.targets[0].hook)

    def _post(self, number: int, selector: Selector) -> None:
        emitter, asm = self.emitter, self.asm
        actions = selector.match_actions
        limit = limited(actions)
        if limit is not None:
            emit_rate_limit(emitter, self.hook, number, limit, emitter.done)
        asm.store(R7, Offset.SELECTOR, number, 2)
        later = selector.match_return_actions if self.hook.timing is Timing.EXIT else ()
        if enforces(later):
            self._name_action(Offset.ACTION, Stack.ACTED_FIRST)
            self._name_action(Offset.RETURN_ACTION, Stack.ACTED)
        else:
            asm.store(R7, Offset.ACTION, reported(actions), 4)
            if enforces(actions):
                self._name_action(Offset.ACTION, Stack.ACTED)
            if self.hook.timing is Timing.EXIT:
                asm.store(R7, Offset.RETURN_ACTION, POST, 4)
        for plan in self.hook.arguments:
            if plan.max_data and plan.type.rest_at is not None:
                self.values.send_rest(plan)
        emit_stacks(emitter, actions)
        if self.hook.timing is Timing.ENTRY_HALF:
            flag_record(self.asm, HitFlag.ENTRY_HALF)
            self.halves.remember_entry(number)
        emitter.send()

    def _name_action(self, offset: int, acted: int) -> None:
        """The last action that was taken, as far as that is known only now; and the mode."""
        asm = self.asm
        asm.load(R1, FP, acted, 8)
        asm.store(R7, offset, R1, 4)
        flag_acted(asm, acted)

    def _track(self, tracking: Sequence[Action], *, makes_event: bool) -> None:
        """What is hit with a tracked socket is hit by the process it is, or was, tracked for."""
        hook = self.hook
        for wanted in ("TrackSock", "", "UntrackSock"):
            if not wanted and makes_event and hook.tracks_socks:
                emit_owner(self.emitter, [plan for plan in hook.arguments if is_sock(plan)])
            for action in tracking:
                if action.action == wanted:
                    plan = hook.arguments[action.arg_sock]
                    self.values.ensure_read(plan)
                    emit_track(self.emitter, plan, wanted)
