# SPDX-License-Identifier: Apache-2.0
"""Which workloads a hook is for: asked first of all, by the cgroup of the running task.

    task ─► cgroup id ─► `container_cgroups` ─► id of the container's cgroup ─► `workload_filter`
                              │ none: the host                                    │ a bit per filter

The base sensor keeps the first map, the server fills the second: programs are never loaded anew
when a container comes, goes or gets other labels. A policy that outlives its agent keeps both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_sensors.container_cgroups import CONTAINER_CGROUPS
from tetragon_sensors.kernel.maps import MapFlag, MapKind, MapSpec
from tetragon_sensors.program.opcodes import Helper, Register

from .reading import Stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tetragon_core.policy.workload_filters import WorkloadFilter
    from tetragon_sensors.kernel.maps import Map

    from .emitter import Emitter

__all__ = [
    "HOMES",
    "MAX_FILTERS",
    "MEMBERS",
    "NO_GATES",
    "Gate",
    "Gates",
    "WorkloadMembers",
    "emit_gate",
    "members_map",
]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

HOMES: Final = CONTAINER_CGROUPS
"""Map of the base sensor: id of a cgroup -> id of the cgroup its container was made with."""
MEMBERS: Final = "workload_filter"
MAX_FILTERS: Final = 512
"""Different filters of all policies together."""
_BITMAP_BYTES: Final = MAX_FILTERS // 8
_CONTAINERS: Final = 16_384
_CONTAINERS_ALLOCATED: Final = 4096
"""Before 6.1, when memory for them is taken at once: programs must not meet a map without."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What is asked of one filter."""

    wanted: WorkloadFilter
    number: int


class Gates:
    """Numbers of a policy's filters."""

    def __init__(self, numbers: Mapping[WorkloadFilter, int] | None = None) -> None:
        self._numbers = numbers or {}

    def __bool__(self) -> bool:
        return bool(self._numbers)

    @property
    def numbers(self) -> Sequence[int]:
        """All of them."""
        return tuple(self._numbers.values())

    def of(self, wanted: WorkloadFilter | None) -> Gate | None:
        """Of a policy's filter, or of one of its selectors'; None: there is nothing to ask.

        Raises KeyError for a filter that nobody has numbered: it would let everything through.
        """
        return None if wanted is None else Gate(wanted, self._numbers[wanted])


NO_GATES: Final = Gates()


def members_map(*, may_allocate: bool) -> MapSpec:
    """`may_allocate`: kernels from 6.1 on let programs meet maps that take memory per entry."""
    return MapSpec(
        kind=MapKind.HASH,
        key_bytes=8,
        value_bytes=_BITMAP_BYTES,
        max_entries=_CONTAINERS if may_allocate else _CONTAINERS_ALLOCATED,
        name=MEMBERS,
        flags=MapFlag.NO_PREALLOC if may_allocate else MapFlag.NONE,
    )


class WorkloadMembers:
    """Which filters containers fulfil, as the programs see it."""

    def __init__(self, table: Map) -> None:
        self._table = table

    @property
    def room(self) -> int:
        """Containers it can hold."""
        return self._table.spec.max_entries

    def write(self, items: Iterable[tuple[int, int]]) -> None:
        """Set containers: id of the cgroup, and the numbers of filters as bits; 0: none.

        Each is changed in one step. Raises LoadError, as of a full map.
        """
        set_: list[tuple[bytes, bytes]] = []
        for cgroup_id, bits in items:
            key = cgroup_id.to_bytes(8, "little")
            if bits:
                set_.append((key, bits.to_bytes(_BITMAP_BYTES, "little")))
            else:
                self._table.delete(key)
        if len(set_) == 1:
            self._table.update(*set_[0])
        else:
            self._table.update_many(set_)


def emit_gate(emitter: Emitter, gate: Gate, no: str) -> None:
    """Jump to `no` unless the running task is of a workload that is meant."""
    asm = emitter.asm
    yes = asm.new_label("workload")
    _emit_cgroup_id(emitter)
    asm.store(FP, Stack.KEY, R0, 8)
    emitter.lookup(HOMES)
    asm.jump(R0, "==", 0, yes if gate.wanted.has_host else no)
    if gate.wanted.has_containers:
        asm.load(R1, R0, 0, 8)
        asm.store(FP, Stack.KEY, R1, 8)
        emitter.lookup(MEMBERS)
        asm.jump(R0, "==", 0, no)
        byte, bit = divmod(gate.number, 8)
        asm.load(R1, R0, byte, 1)
        asm.alu("and", R1, 1 << bit)
        asm.jump(R1, "==", 0, no)
    else:
        asm.goto(no)
    asm.label(yes)


def _emit_cgroup_id(emitter: Emitter) -> None:
    """R0 = id of the task's cgroup in the hierarchy that names containers on this host."""
    asm, controller = emitter.asm, emitter.environment.controller
    if not controller:
        asm.call(Helper.GET_CURRENT_CGROUP_ID)
        return
    btf = emitter.btf
    number = btf.enum_value("cgroup_subsys_id", f"{controller}_cgrp_id")
    member = btf.member("css_set", "subsys")
    emitter.current_task(R8)
    emitter.load_member(R8, R8, "task_struct", "cgroups")
    emitter.load_kernel(R8, R8, member.offset_bytes + 8 * number, 8)
    emitter.follow(
        *(R8, R8),
        *(("cgroup_subsys_state", "cgroup"), ("cgroup", "kn"), ("kernfs_node", "id")),
    )
    asm.mov(R0, R8)
