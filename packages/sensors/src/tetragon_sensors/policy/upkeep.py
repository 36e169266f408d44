# SPDX-License-Identifier: Apache-2.0
"""The programs that keep a policy's tables of processes: at fork, at exec, and at the very end.

A process leaves the tables when its task is freed, not when it exits: what it closes on the way out
is still hit in its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_sensors.program.linker import link
from tetragon_sensors.program.opcodes import Register

from .emitter import Emitter, Stack
from .frames import WordsFrame
from .images import IMAGE, Image, emit_verdict, verdict_function
from .pathwalk import walk_function
from .snapshots import emit_remember, snapshot_function
from .tables import BASELINES, IMAGES, READABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tetragon_sensors.program.linker import Function, LinkedProgram

    from .reading import Environment

__all__ = ["UPKEEP", "table_functions"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

_TGID: Final = Stack.WIDE + 48
_TASK: Final = Stack.SAVED
_PARENT: Final = Stack.SAVED_2
_NO_RECORD: Final = 0
_NO_EXIST: Final = 1


def table_functions(environment: Environment) -> list[Function]:
    """What programs of a policy with these tables may call."""
    tables = environment.tables
    functions = [walk_function(environment)]
    if tables.tests:
        functions.append(verdict_function(environment))
    if tables.changes:
        functions.append(snapshot_function(environment))
    return functions


def _program(
    name: str, environment: Environment, write: Callable[[Emitter], None]
) -> LinkedProgram:
    emitter = Emitter(name, environment, WordsFrame(0))
    emitter.begin()
    write(emitter)
    emitter.end()
    return link(emitter.asm, table_functions(environment))


def _write_fork(emitter: Emitter) -> None:
    """sched_process_fork(parent, child): a process starts with what its parent has."""
    asm, tables = emitter.asm, emitter.environment.tables
    asm.load(R8, R6, 8, 8)
    asm.store(FP, _TASK, R8, 8)
    emitter.load_member(R9, R8, "task_struct", "pid")
    emitter.load_member(R8, R8, "task_struct", "tgid")
    asm.jump(R8, "!=", R9, emitter.done)  # a thread
    asm.store(FP, _TGID, R8, 8)
    if tables.tests:
        _inherit_image(emitter)
    if tables.changes:
        _remember(emitter)


def _inherit_image(emitter: Emitter) -> None:
    asm = emitter.asm
    missing, known = asm.new_label("missing"), asm.new_label("known")
    asm.load(R9, R6, 0, 8)
    asm.store(FP, _PARENT, R9, 8)
    emitter.load_member(R8, R9, "task_struct", "tgid")
    asm.store(FP, IMAGE + Image.ORIGIN, R8, 8)
    asm.store(FP, Stack.KEY, R8, 4)
    emitter.lookup(IMAGES)
    asm.jump(R0, "==", 0, missing)
    asm.load(R8, R0, Image.OWN, 8)
    asm.load(R9, R0, Image.INHERITED, 8)
    asm.load(R1, R0, Image.ORIGIN, 8)
    asm.store(FP, IMAGE + Image.ORIGIN, R1, 8)
    asm.goto(known)
    asm.label(missing)
    _enter_parent(emitter)
    asm.mov(R9, 0)
    asm.label(known)
    asm.store(FP, IMAGE + Image.OWN, R8, 8)
    asm.alu("or", R9, R8)
    asm.alu("and", R9, ~READABLE)
    asm.store(FP, IMAGE + Image.INHERITED, R9, 8)
    _start(emitter)
    _enter(emitter)


def _enter_parent(emitter: Emitter) -> None:
    """R8 = verdict on the parent's executable, which is entered as well."""
    asm = emitter.asm
    asm.load(R8, FP, IMAGE + Image.ORIGIN, 8)
    asm.store(FP, _TGID + 8, R8, 8)
    asm.load(R9, FP, _PARENT, 8)
    emit_verdict(emitter, R9, _NO_RECORD)
    asm.store(FP, IMAGE + Image.OWN, R8, 8)
    asm.mov(R1, 0)
    asm.store(FP, IMAGE + Image.START, R1, 8)
    asm.store(FP, IMAGE + Image.INHERITED, R1, 8)
    asm.load(R1, FP, _TGID + 8, 8)
    asm.store(FP, IMAGE + Image.ORIGIN, R1, 8)
    asm.store(FP, Stack.KEY, R1, 4)
    emitter.update(IMAGES, IMAGE, _NO_EXIST)


def _write_exec(emitter: Emitter) -> None:
    """sched_process_exec(task, old pid, bprm): another executable; what was before is inherited."""
    asm, tables = emitter.asm, emitter.environment.tables
    asm.load(R8, R6, 0, 8)
    asm.store(FP, _TASK, R8, 8)
    emitter.load_member(R8, R8, "task_struct", "tgid")
    asm.store(FP, _TGID, R8, 8)
    if tables.tests:
        _replace_image(emitter)
    if tables.changes:
        _remember(emitter)


def _replace_image(emitter: Emitter) -> None:
    asm = emitter.asm
    missing, known = asm.new_label("missing"), asm.new_label("known")
    asm.store(FP, Stack.KEY, R8, 4)
    asm.store(FP, IMAGE + Image.ORIGIN, R8, 8)
    emitter.lookup(IMAGES)
    asm.mov(R9, 0)
    asm.jump(R0, "==", 0, missing)
    asm.load(R9, R0, Image.INHERITED, 8)
    asm.load(R1, R0, Image.OWN, 8)
    asm.alu("or", R9, R1)
    asm.load(R1, R0, Image.ORIGIN, 8)
    asm.store(FP, IMAGE + Image.ORIGIN, R1, 8)
    asm.goto(known)
    asm.label(missing)
    asm.label(known)
    asm.alu("and", R9, ~READABLE)
    asm.store(FP, IMAGE + Image.INHERITED, R9, 8)
    _start(emitter)
    asm.mov(R1, 0)  # should there be no scratch memory, it has no verdict and not the old one
    asm.store(FP, IMAGE + Image.OWN, R1, 8)
    _enter(emitter)
    asm.load(R9, FP, _TASK, 8)
    emit_verdict(emitter, R9, _NO_RECORD)
    asm.store(FP, IMAGE + Image.OWN, R8, 8)
    _enter(emitter)


def _start(emitter: Emitter) -> None:
    asm = emitter.asm
    asm.load(R9, FP, _TASK, 8)
    emitter.follow(R9, R9, ("task_struct", "group_leader"), ("task_struct", "start_boottime"))
    asm.store(FP, IMAGE + Image.START, R9, 8)


def _enter(emitter: Emitter) -> None:
    """The value at IMAGE becomes that of the process; a full table is counted."""
    asm = emitter.asm
    entered = asm.new_label("entered")
    asm.load(R1, FP, _TGID, 8)
    asm.store(FP, Stack.KEY, R1, 4)
    emitter.update(IMAGES, IMAGE)
    asm.alu32("mov", R0, R0)
    asm.jump(R0, "==", 0, entered)
    emitter.count("TABLE_FULL")
    asm.label(entered)


def _remember(emitter: Emitter) -> None:
    asm = emitter.asm
    entered = asm.new_label("entered")
    asm.load(R9, FP, _TASK, 8)
    asm.load(R8, FP, _TGID, 8)
    emit_remember(emitter, R9, R8, _NO_RECORD)
    asm.alu32("mov", R0, R0)
    asm.jump(R0, "==", 0, entered)
    emitter.count("TABLE_FULL")
    asm.label(entered)


def _write_free(emitter: Emitter) -> None:
    """sched_process_free(task): forget the process, unless its pid has been given out again."""
    asm, tables = emitter.asm, emitter.environment.tables
    asm.load(R8, R6, 0, 8)
    asm.store(FP, _TASK, R8, 8)
    emitter.load_member(R9, R8, "task_struct", "pid")
    emitter.load_member(R8, R8, "task_struct", "tgid")
    asm.jump(R8, "!=", R9, emitter.done)
    asm.store(FP, Stack.KEY, R8, 4)
    asm.load(R9, FP, _TASK, 8)
    emitter.load_member(R9, R9, "task_struct", "start_boottime")
    names = [IMAGES] * bool(tables.tests) + [BASELINES] * tables.changes
    for name in names:
        forget, kept = asm.new_label("forget"), asm.new_label("kept")
        emitter.lookup(name)
        asm.jump(R0, "==", 0, kept)
        asm.load(R1, R0, 0, 8)
        asm.jump(R1, "==", 0, forget)
        asm.jump(R1, "!=", R9, kept)
        asm.label(forget)
        emitter.delete(name)
        asm.label(kept)


UPKEEP: Final[Mapping[str, Callable[[Environment], LinkedProgram]]] = {
    "sched_process_fork": lambda environment: _program("on_fork", environment, _write_fork),
    "sched_process_exec": lambda environment: _program("on_exec", environment, _write_exec),
    "sched_process_free": lambda environment: _program("on_free", environment, _write_free),
}
"""Raw tracepoint -> how its program is made."""
