# SPDX-License-Identifier: Apache-2.0
"""Plans of `tracepoints`, raw or by the fields of their format."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tetragon_core.hooks import HookEvent
from tetragon_sensors.kernel.tracefs import TracefsError

from .acting import enforces
from .arguments import lay_out, plan_field, plan_parameter
from .frames import COMMON_FIELDS, FieldsFrame, RawSyscallFrame, WordsFrame
from .plan import HookPlan, Method, Target, Timing

if TYPE_CHECKING:
    from tetragon_core.policy.model import TracepointHook

    from .frames import Frame
    from .plan import ArgumentPlan
    from .planning import Planning

__all__ = ["plan_tracepoint_hook"]

_ANY_SYSCALL: Final = "raw_syscalls/sys_enter"


def plan_tracepoint_hook(planning: Planning, hook: TracepointHook) -> list[HookPlan]:
    """The program of a tracepoint; problems are noted."""
    name = f"{hook.subsystem}/{hook.event}"
    if hook.raw:
        return _raw_tracepoint(planning, hook, name)
    try:
        event = planning.kernel.tracefs.event(hook.subsystem, hook.event)
    except TracefsError as error:
        planning.problems.error(str(error), hook.where)
        return []
    made = [plan_field(one, event, planning.problems) for one in hook.args]
    if hook.subsystem == "syscalls":
        made = [one and replace(one, of_user=True) for one in made]
    target = replace(_target(planning, hook, name), tracepoint_id=event.event_id)
    # a raw one may be skipped where tasks are preempted in it; that of perf is not
    must_run = planning.kernel.preempts_programs and any(
        enforces(selector.match_actions) for selector in hook.selectors
    )
    only_number = all(one.index == COMMON_FIELDS for one in hook.args)
    if name == _ANY_SYSCALL and only_number and not must_run:
        method: Method = Method.RAW_TRACEPOINT
        frame: Frame = RawSyscallFrame()
    else:
        method, frame = Method.TRACEPOINT, FieldsFrame(event.fields)
    return _event(planning, hook, target, method, frame, made)


def _raw_tracepoint(planning: Planning, hook: TracepointHook, name: str) -> list[HookPlan]:
    btf = planning.kernel.btf
    found = btf.find_raw_tracepoint(hook.event)
    if found is None:
        planning.problems.error(f"this kernel has no raw tracepoint {hook.event}", hook.where)
        return []
    made = [
        plan_parameter(one, found.parameters, found.prototype, btf, planning.problems)
        for one in hook.args
    ]
    frame = WordsFrame(len(found.parameters))
    target = _target(planning, hook, name)
    return _event(planning, hook, target, Method.RAW_TRACEPOINT, frame, made)


def _target(planning: Planning, hook: TracepointHook, name: str) -> Target:
    info = planning.info(hook, HookEvent.TRACEPOINT)
    return planning.target(name, replace(info, subsystem=hook.subsystem, tracepoint=hook.event))


def _event(
    planning: Planning,
    hook: TracepointHook,
    target: Target,
    method: Method,
    frame: Frame,
    made: list[ArgumentPlan | None],
) -> list[HookPlan]:
    if None in made:
        return []
    placed, _, size = lay_out([one for one in made if one], None)
    planning.check_selectors(hook.selectors, placed, len(placed), None)
    plan = HookPlan(
        method=method,
        timing=Timing.ENTRY,
        frame=frame,
        targets=(target,),
        arguments=placed,
        data_from=len(placed),
        selectors=hook.selectors,
        record_bytes=size,
    )
    return [plan]
