# SPDX-License-Identifier: Apache-2.0
"""Programs that act for a kprobe's that the kernel skipped: guards of what enforces.

From 7.0 on a task can be preempted inside bpf(2), and while one is, the kernel runs no kprobe's
program on its CPU (bpf_disable_instrumentation). A program by fentry it skips only while another
task was preempted in that very program. So each kprobe that enforces is followed, in the same call,
by guards: programs by fentry that do the same unless one before them has run.

Whether a program can run on a CPU does not change while no other task runs there. So each notes, on
its CPU, the task it ran for and how often that had been switched. Who finds its own task in such a
note, not switched since, knows that the other program has run for this call too, whichever call
the note is of: notes need not be taken back, and old ones do not mislead.

A task may be switched between two of the programs. Who then finds no note looks whether one before
it has acted in this call, which is entered in a table by thread and removed by the last guard.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tetragon_sensors.kernel.maps import MapKind, MapSpec
from tetragon_sensors.program.opcodes import Helper, Register

from .emitter import Stack
from .frames import SyscallFrame, WordsFrame
from .plan import Guarding, Method, Source, Timing
from .state import STATE, StateOffset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .emitter import Emitter
    from .frames import Frame
    from .plan import HookPlan, Target
    from .planning import Planning

__all__ = ["ACTED_MAP", "Guard", "guarded", "notes_map"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

NOTES: Final = "notes"
ACTED: Final = "acted"
ACTED_MAP: Final = MapSpec(
    kind=MapKind.LRU_HASH, key_bytes=16, value_bytes=8, max_entries=1024, name=ACTED
)
"""(thread, hook) -> how often the thread had been switched. One that is given up is not found, so
that the call is acted upon twice."""
_GUARDS: Final = 3
"""Of each function: a call is let through only if as many tasks were preempted in all of them."""
_MOST: Final = 8
"""Functions of one hook that are guarded; more programs would take too long to load."""
_SWITCHES: Final = 16
"""A task may be switched so often between two programs on a call; what is older is of another."""
_KPROBES: Final = frozenset({Method.KPROBE, Method.KPROBE_MULTI})
_AT_ENTRY: Final = frozenset({Timing.ENTRY, Timing.ENTRY_HALF, Timing.VERDICT})


class _Note:
    """Offsets in an entry of the map of notes."""

    THREAD: Final = 0
    SWITCHES: Final = 8
    ACTED: Final = 16
    """1: it acted in the thread's last call."""
    BYTES: Final = 24


# ---- plans ----


def guarded(planning: Planning, plan: HookPlan) -> list[HookPlan]:
    """A program that enforces; behind its guards if it needs them and can have them.

    They are attached before it and detached before it, as they rely on it.
    """
    if not _needs_guards(planning, plan):
        return [plan]
    own = planning.next_note()
    guards: list[HookPlan] = []
    for target in plan.targets:
        guard = _guard(planning, plan, target)
        if guard is None:
            return [plan]
        before = [own]
        for turn in range(1, _GUARDS + 1):
            note = planning.next_note() if turn < _GUARDS else None
            guards.append(replace(guard, guarding=Guarding(turn, tuple(before), note)))
            before += [] if note is None else [note]
    # of the programs of a trampoline, the one that was attached last runs first
    return [*reversed(guards), replace(plan, guarding=Guarding(0, (), own))]


def _needs_guards(planning: Planning, plan: HookPlan) -> bool:
    kernel = planning.kernel
    return (
        plan.method in _KPROBES
        and plan.timing in _AT_ENTRY
        and kernel.preemption_functions is not None
        and bool(kernel.abilities.can_fentry)
        and len(plan.targets) <= _MOST
        and not any(one.source is Source.REGISTER for one in plan.arguments)
    )


def _guard(planning: Planning, plan: HookPlan, target: Target) -> HookPlan | None:
    function = planning.kernel.btf.find_function(target.symbol)
    if function is None:
        return None
    frame: Frame = WordsFrame(len(function.parameters))
    if isinstance(plan.frame, SyscallFrame):
        frame = replace(plan.frame, inner=frame)
    return replace(
        plan,
        method=Method.FENTRY,
        frame=frame,
        targets=(replace(target, type_id=function.type_id),),
        uses_cookie=False,
    )


def notes_map(hooks: Iterable[HookPlan]) -> MapSpec | None:
    """The map of a policy; None if nothing is guarded."""
    notes = [one.guarding.note for one in hooks if one.guarding and one.guarding.note is not None]
    if not notes:
        return None
    return MapSpec(
        kind=MapKind.PERCPU_ARRAY,
        value_bytes=_Note.BYTES,
        max_entries=max(notes) + 1,
        name=NOTES,
    )


# ---- code ----


class Guard:
    """Code of a program that is guarded, or guards."""

    def __init__(self, hook: HookPlan, emitter: Emitter) -> None:
        self.hook = hook
        self.emitter = emitter
        self.asm = emitter.asm
        self._marks = hook.timing is not Timing.VERDICT  # what was decided is taken with that once

    def write_begin(self) -> None:
        """Leave if a program before has run for this call; else note that this one does."""
        guarding, asm = self.hook.guarding, self.asm
        if guarding is None:
            return
        self._load_switches(R8)
        asm.call(Helper.GET_CURRENT_PID_TGID)
        asm.mov(R9, R0)
        for note in guarding.before:
            self._leave_if_noted(note)
        if guarding.before:
            self._stand_in()
        if guarding.note is not None:
            unknown = asm.new_label("no_note")
            self._find(guarding.note, unknown)
            asm.store(R0, _Note.THREAD, R9, 8)
            asm.store(R0, _Note.SWITCHES, R8, 8)
            asm.store(R0, _Note.ACTED, 0, 8)
            asm.label(unknown)

    def write_acting(self) -> None:
        """A selector has won: have the guards behind know of it."""
        guarding, asm = self.hook.guarding, self.asm
        if guarding is None or guarding.note is None or not self._marks:
            return
        unknown = asm.new_label("no_note")
        self._find(guarding.note, unknown)
        asm.store(R0, _Note.ACTED, 1, 8)
        asm.label(unknown)
        self._load_switches(R8)
        asm.store(FP, Stack.WIDE, R8, 8)
        self._acted()
        asm.mov(R3, FP)
        asm.alu("add", R3, Stack.WIDE)
        asm.mov(R4, 0)
        asm.call(Helper.MAP_UPDATE_ELEM)

    def _load_switches(self, target: Register) -> None:
        """Set `target` to how often the running task was switched away from."""
        asm, btf = self.asm, self.emitter.btf
        asm.call(Helper.GET_CURRENT_TASK_BTF)
        asm.load(target, R0, btf.member("task_struct", "nvcsw").offset_bytes, 8)
        asm.load(R1, R0, btf.member("task_struct", "nivcsw").offset_bytes, 8)
        asm.alu("add", target, R1)

    def _find(self, note: int, unknown: str) -> None:
        """R0 = the note of this CPU."""
        self.asm.store(FP, Stack.KEY, note, 4)
        self.emitter.lookup(NOTES)
        self.asm.jump(R0, "==", 0, unknown)

    def _leave_if_noted(self, note: int) -> None:
        """Leave if this thread, R9, switched as often as R8 says, is in the note."""
        asm, done = self.asm, self.emitter.done
        other = asm.new_label("other")
        self._find(note, other)
        asm.load(R1, R0, _Note.THREAD, 8)
        asm.jump(R1, "!=", R9, other)
        asm.load(R1, R0, _Note.SWITCHES, 8)
        asm.jump(R1, "!=", R8, other)
        if self._is_last:
            asm.load(R1, R0, _Note.ACTED, 8)
            asm.jump(R1, "==", 0, done)
            self._forget_acted()
        asm.goto(done)
        asm.label(other)

    def _stand_in(self) -> None:
        """Leave if a program before has acted, though no note tells; else count that it has not."""
        asm, done = self.asm, self.emitter.done
        act = asm.new_label("stand_in")
        if self._marks:
            self._acted()
            asm.call(Helper.MAP_LOOKUP_ELEM)
            asm.jump(R0, "==", 0, act)
            asm.load(R1, R0, 0, 8)
            asm.mov(R2, R8)
            asm.alu("sub", R2, R1)
            if self._is_last:
                asm.store(FP, Stack.SAVED, R2, 8)
                self._forget_acted()
                asm.load(R2, FP, Stack.SAVED, 8)
            asm.jump(R2, "<=", _SWITCHES, done)
            asm.label(act)
        asm.load_map_value(R1, self.emitter.environment.maps[STATE], StateOffset.STOOD_IN)
        asm.mov(R2, 1)
        asm.atomic_add(R1, 0, R2)

    @property
    def _is_last(self) -> bool:
        return self._marks and self.hook.guarding is not None and self.hook.guarding.note is None

    def _forget_acted(self) -> None:
        self._acted()
        self.asm.call(Helper.MAP_DELETE_ELEM)

    def _acted(self) -> None:
        """R1 and R2 for a call about what was done in the thread's call of this function."""
        asm = self.asm
        self.emitter.hook_number(R0, self.hook.targets[0].hook)
        asm.store(FP, Stack.WIDE + 40, R0, 8)
        asm.call(Helper.GET_CURRENT_PID_TGID)
        asm.store(FP, Stack.WIDE + 32, R0, 8)
        asm.mov(R2, FP)
        asm.alu("add", R2, Stack.WIDE + 32)
        asm.load_map(R1, self.emitter.environment.maps[ACTED])
