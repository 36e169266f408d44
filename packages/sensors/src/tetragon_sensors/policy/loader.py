# SPDX-License-Identifier: Apache-2.0
"""`loader: true`: every mapping of a file as code of a process, with path and build id.

While somebody has perf events that ask for mappings, the kernel describes each to each of them, in
the process that maps: `perf_event_mmap_output(event, description)`. Where functions can be attached
to, a program there sends it through the one ring. Elsewhere perf's own records are read; but these
have the process ids of the agent's namespace, and none for processes outside of it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import LoadError
from tetragon_core.hooks import HookEvent, HookInfo
from tetragon_core.policy.model import ArgumentFilter, Selector, Text
from tetragon_sensors._wire import PROC_ENTRY
from tetragon_sensors.kernel.attachments import Attachment
from tetragon_sensors.kernel.btf import Step
from tetragon_sensors.kernel.mappings import MappingBuffers, MappingEvents
from tetragon_sensors.kernel.maps import Map, MapKind, MapSpec

from .arguments import lay_out
from .frames import RegistersFrame, WordsFrame
from .loads import LoaderPlan, LoadSource, known_processes
from .plan import ArgumentPlan, HookPlan, Method, Timing
from .types.loads import Load
from .types.numbers import Integer

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from tetragon_core.hooks import ArgumentValue
    from tetragon_sensors.base import BaseSensor
    from tetragon_sensors.kernel.btf import Btf

    from .frames import Frame
    from .planning import Planning

__all__ = ["plan_loader", "watch_loads"]

_FUNCTION: Final = "perf_event_mmap_output"
_EVENT, _DESCRIPTION = 0, 1
"""Its parameters."""
_PERF: Final = "perf"
_CODE: Final = 4
"""VM_EXEC."""


class _Hidden(Integer):
    """A number that is filtered and not shown."""

    def values(self, record: bytes, plan: ArgumentPlan) -> Sequence[ArgumentValue]:  # noqa: ARG002  as of every type
        return ()


_WORD: Final = _Hidden(("uint64",), "size_arg", 8, signed=False)


def plan_loader(planning: Planning) -> tuple[LoaderPlan, list[HookPlan]]:
    """What a policy with `loader: true` needs, and the program, where there is one."""
    policy, kernel = planning.policy, planning.kernel
    info = HookInfo(
        event=HookEvent.LOADER, policy_name=policy.name, policy_namespace=policy.namespace
    )
    target = planning.target(_FUNCTION, info)
    function = kernel.btf.find_function(_FUNCTION)
    frame: Frame
    if function and kernel.abilities.can_fentry:
        method, frame = Method.FENTRY, WordsFrame(len(function.parameters))
        target = replace(target, type_id=function.type_id)
    elif function and kernel.abilities.can_kprobe:
        method, frame = Method.KPROBE, RegistersFrame()
    else:
        return LoaderPlan(target.hook, info, _FUNCTION, _PERF), []
    mark = os.getpid() << 32 | target.hook
    arguments, selector = _filtered(kernel.btf, mark)
    placed, _, size = lay_out(arguments, None)
    hook = HookPlan(
        method=method,
        timing=Timing.ENTRY,
        frame=frame,
        targets=(target,),
        arguments=placed,
        data_from=len(placed),
        selectors=(selector,),
        record_bytes=size,
    )
    return LoaderPlan(target.hook, info, _FUNCTION, method.value, mark), [hook]


def _filtered(btf: Btf, mark: int) -> tuple[list[ArgumentPlan], Selector]:
    """What is read, and the filters: an event of this policy, code, of a file."""

    def at(struct: str, path: str, *, dereference: bool = False) -> Step:
        return Step(btf.member(struct, path).offset_bytes, dereference)

    def word(index: int, *steps: Step, text: str) -> ArgumentPlan:
        return ArgumentPlan(type=_WORD, index=index, steps=steps, load_bytes=8, text=text)

    area = at("perf_mmap_event", "vma", dereference=True)
    arguments = [
        ArgumentPlan(type=Load(), index=_DESCRIPTION, text="mapping"),
        word(_EVENT, at("perf_event", "attr.config2"), text="mark of the perf event"),
        word(_DESCRIPTION, area, at("vm_area_struct", "vm_flags"), text="flags of the mapping"),
        word(_DESCRIPTION, area, at("vm_area_struct", "vm_file"), text="file"),
    ]
    filters = (("Equal", str(mark)), ("Mask", str(_CODE)), ("NotEqual", "0"))
    return arguments, Selector(
        match_args=tuple(
            ArgumentFilter(index=number, args=(number,), operator=operator, values=(Text(value),))
            for number, (operator, value) in enumerate(filters, 1)
        )
    )


class _Watch(Attachment):
    """Perf events of one policy, and what reads their buffers where no program is told."""

    def __init__(
        self,
        events: MappingEvents,
        source: LoadSource | None = None,
        base: BaseSensor | None = None,
    ) -> None:
        super().__init__(_PERF, ())
        self._events = events
        self._source = source
        self._base = base

    def missed(self) -> int | None:
        """Mappings that full buffers had no room for."""
        return self._source.lost if self._source else None

    def close(self) -> None:
        """Watch no more. Idempotent."""
        if self._source is not None and self._base is not None:
            self._base.remove_beside(self._source)
            self._source.close()
            self._base = None
        self._events.close()


def watch_loads(plan: LoaderPlan, base: BaseSensor, posted: Counter[int]) -> Attachment:
    """Have the kernel tell of mappings; hits that no program sends are counted in `posted`.

    Raises LoadError or PermissionDeniedError.
    """
    events = MappingEvents(plan.mark)
    if plan.mark:
        return _Watch(events)
    try:
        buffers = MappingBuffers(events)
    except OSError as error:
        raise LoadError(f"no memory for perf's records of mappings: {error}") from error
    source = LoadSource(plan, buffers, posted)
    base.add_beside(source)
    spec = MapSpec(kind=MapKind.HASH, value_bytes=PROC_ENTRY.size, name="processes")
    source.know(known_processes(Map(base.map_fd(spec.name), spec, owned=False)))
    return _Watch(events, source, base)
