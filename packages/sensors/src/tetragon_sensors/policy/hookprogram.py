# SPDX-License-Identifier: Apache-2.0
"""The program of one hook: filters in order of cost, then what the winning selector asks for.

Selectors are tried in the policy's order, the first that holds wins. Within one, cheap filters come
first, and an argument is read when the first filter or the record needs it, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tetragon_core.policy.model import CapabilityFilter, NamespaceFilter, PidFilter, Selector
from tetragon_sensors.program.linker import link
from tetragon_sensors.program.opcodes import Helper, Register

from .actions import POST, emit_stacks, posts, reported
from .emitter import Emitter, Stack
from .images import emit_binaries
from .order import ArgumentCheck, BinaryCheck, ChangeCheck, checks_in_order, checks_of_winner
from .plan import Timing
from .processes import emit_capabilities, emit_namespaces, emit_pids
from .ratelimit import emit_rate_limit, limited
from .record import HEADER_BYTES, HitFlag, Offset
from .snapshots import emit_changes, emit_remember
from .socktrack import TRACKING, emit_owner, emit_track, is_sock
from .upkeep import table_functions
from .values import ArgumentCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.policy.model import Action
    from tetragon_sensors.program.linker import LinkedProgram

    from .emitter import Environment
    from .order import Check
    from .plan import HookPlan

__all__ = ["build_program"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register


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
        self.asm = self.emitter.asm
        self.values = ArgumentCode(hook, self.emitter)

    def write(self) -> None:
        """All of the main function."""
        self.emitter.begin()
        if self.hook.timing is Timing.RETURN_HALF:
            self._write_return_half()
        else:
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
            self._act(number, selector)
        if not wins:
            self._act(0, Selector())

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
        makes_event = posts(actions)
        if hook.timing is Timing.EXIT:
            makes_event = makes_event and posts(selector.match_return_actions)
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

    def _write_record(self, *, everything: bool) -> None:
        """Header, and arguments: those that are needed anyway, or all."""
        hook = self.hook
        for plan in hook.arguments if everything else ():
            self.values.ensure_read(plan)
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
        asm.store(R7, Offset.ACTION, reported(actions), 4)
        if self.hook.timing is Timing.EXIT:
            asm.store(R7, Offset.RETURN_ACTION, POST, 4)
        for plan in self.hook.arguments:
            if plan.max_data and plan.type.rest_at is not None:
                self.values.send_rest(plan)
        emit_stacks(emitter, actions)
        if self.hook.timing is Timing.ENTRY_HALF:
            asm.store(R7, Offset.FLAGS, int(HitFlag.ENTRY_HALF), 4)
            self._remember_entry(number)
        emitter.send()

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

    # ---- returns ----

    def _remember_entry(self, number: int) -> None:
        """pending[thread] = time of the entry, selector, a value that only the entry sees.

        The record has the same time.
        """
        asm = self.asm
        asm.load(R8, R7, Offset.KTIME, 8)
        asm.store(R7, Offset.ENTRY_KTIME, R8, 8)
        asm.store(FP, Stack.WIDE, R8, 8)
        asm.mov(R1, number)
        asm.store(FP, Stack.WIDE + 8, R1, 8)
        if self.hook.kept is not None:
            self.values.load_value(self.hook.kept)
            asm.store(FP, Stack.WIDE + 16, R8, 8)
        else:
            asm.store(FP, Stack.WIDE + 16, R1, 8)
        self._pending_key()
        asm.mov(R3, FP)
        asm.alu("add", R3, Stack.WIDE)
        asm.mov(R4, 0)
        asm.call(Helper.MAP_UPDATE_ELEM)
        # a full table: the return will find nothing, so the record is whole as it is
        kept = asm.new_label("kept")
        asm.alu32("mov", R0, R0)
        asm.jump(R0, "==", 0, kept)
        asm.store(R7, Offset.FLAGS, 0, 4)
        self.emitter.count("RETURN_LOST")
        asm.label(kept)

    def _pending_key(self) -> None:
        """R1 and R2 for a call about the running thread's call of this function."""
        asm = self.asm
        self.emitter.hook_number(R0, self.hook.targets[0].hook)
        asm.store(FP, Stack.WIDE + 40, R0, 8)
        asm.call(Helper.GET_CURRENT_PID_TGID)
        asm.store(FP, Stack.WIDE + 32, R0, 8)
        asm.mov(R2, FP)
        asm.alu("add", R2, Stack.WIDE + 32)
        asm.load_map(R1, self.environment.maps["pending"])

    def _write_return_half(self) -> None:
        asm, emitter = self.asm, self.emitter
        self._pending_key()
        asm.call(Helper.MAP_LOOKUP_ELEM)
        asm.jump(R0, "==", 0, emitter.done)
        for offset, kept in ((0, Stack.ENTRY), (8, Stack.ENTRY_SELECTOR), (16, Stack.KEPT)):
            asm.load(R1, R0, offset, 8)
            asm.store(FP, kept, R1, 8)
        self._pending_key()
        asm.call(Helper.MAP_DELETE_ELEM)
        self._check_return_arguments()
        emitter.claim(self.fixed_bytes)
        if self.hook.result is not None:
            self.values.ensure_read(self.hook.result)
        for plan in self.hook.arguments:
            self.values.ensure_read(plan)
        emitter.write_header(self.hook.targets[0].hook)
        if self.hook.result is not None and self.hook.result_action:
            emit_track(emitter, self.hook.result, self.hook.result_action)
        self._suppress_return()
        asm.store(R7, Offset.FLAGS, int(HitFlag.RETURN_HALF), 4)
        asm.store(R7, Offset.ACTION, POST, 4)
        asm.load(R1, FP, Stack.ENTRY, 8)
        asm.store(R7, Offset.ENTRY_KTIME, R1, 8)
        asm.load(R1, FP, Stack.ENTRY_SELECTOR, 8)
        asm.store(R7, Offset.SELECTOR, R1, 2)
        emitter.send()

    def _check_return_arguments(self) -> None:
        asm = self.asm
        passed = asm.new_label("passed")
        result = self.hook.result
        for number, selector in enumerate(self.hook.selectors):
            if not selector.match_return_args or result is None:
                continue
            following = asm.new_label("selector")
            asm.load(R1, FP, Stack.ENTRY_SELECTOR, 8)
            asm.jump(R1, "!=", number, following)
            for wanted in selector.match_return_args:
                self.values.check(result, wanted, self.emitter.done)
            asm.goto(passed)
            asm.label(following)
        asm.label(passed)

    def _suppress_return(self) -> None:
        """NoPost in matchReturnActions: the entry was sent, but makes no event without this."""
        for number, selector in enumerate(self.hook.selectors):
            if not posts(selector.match_return_actions):
                self.asm.load(R1, FP, Stack.ENTRY_SELECTOR, 8)
                self.asm.jump(R1, "==", number, self.emitter.done)
