# SPDX-License-Identifier: Apache-2.0
"""Filters on the process that hits a hook: pids, namespaces, capabilities."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tetragon_core.policy.task_names import capability_bit
from tetragon_sensors.program.opcodes import Register

from .emitter import Stack
from .integers import IntegerSet, emit_membership
from .operands import number_of

if TYPE_CHECKING:
    from tetragon_core.policy.model import CapabilityFilter, NamespaceFilter, PidFilter

    from .emitter import Emitter

__all__ = [
    "CAPABILITY_SETS",
    "emit_capabilities",
    "emit_namespace_number",
    "emit_namespaces",
    "emit_pids",
    "namespace_field",
]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

_GENERATIONS: Final = 9
"""How many parents `followForks` looks at, as many as upstream."""


def emit_pids(emitter: Emitter, wanted: PidFilter, no: str) -> None:
    """Jump to `no` unless the filter holds."""
    asm = emitter.asm
    members = IntegerSet.of((value, value) for value in wanted.values)
    found, over = asm.new_label("pid"), asm.new_label("pids")
    emitter.current_task(R9)
    asm.store(FP, Stack.SAVED, R9, 8)
    generations = 1 + _GENERATIONS * wanted.follow_forks
    for generation in range(generations):
        asm.load(R9, FP, Stack.SAVED, 8)
        if wanted.is_namespace_pid:
            _namespace_pid(emitter)
            if generation:  # a parent outside of all namespaces is none of those that are meant
                asm.jump(R8, "==", 0, over)
        else:
            emitter.load_member(R8, R9, "task_struct", "tgid")
        emit_membership(asm, R8, members, found)
        if generations > 1:
            asm.load(R9, FP, Stack.SAVED, 8)
            emitter.load_member(R9, R9, "task_struct", "real_parent")
            asm.store(FP, Stack.SAVED, R9, 8)
            asm.jump(R9, "==", 0, over)
    asm.label(over)
    if wanted.operator == "NotIn":
        _finish_negative(emitter, found, no)
    else:
        asm.goto(no)
        asm.label(found)


def _finish_negative(emitter: Emitter, found: str, no: str) -> None:
    asm = emitter.asm
    passed = asm.new_label("passed")
    asm.goto(passed)
    asm.label(found)
    asm.goto(no)
    asm.label(passed)


def _namespace_pid(emitter: Emitter) -> None:
    """R8 = pid of the task's group leader in its own namespace; 0 in the initial one."""
    asm = emitter.asm
    host, over = asm.new_label("host"), asm.new_label("nspid")
    emitter.follow(R9, R9, ("task_struct", "group_leader"), ("task_struct", "thread_pid"))
    emitter.load_member(R8, R9, "pid", "level")
    asm.jump(R8, "==", 0, host)
    asm.alu("mul", R8, emitter.btf.size(emitter.btf.struct("upid")))
    asm.alu("add", R8, R9)
    asm.alu("add", R8, emitter.btf.member("pid", "numbers").offset_bytes)
    emitter.load_member(R8, R8, "upid", "nr")
    asm.goto(over)
    asm.label(host)
    asm.mov(R8, 0)
    asm.label(over)


def emit_namespaces(
    emitter: Emitter, wanted: NamespaceFilter, host: dict[str, int], no: str
) -> None:
    """Jump to `no` unless the namespace's inode is (not) one of the values."""
    asm = emitter.asm
    member = namespace_field(wanted.namespace)
    numbers = [
        host.get(member, 0) if str(value) == "host_ns" else number_of(str(value))
        for value in wanted.values
    ]
    found = asm.new_label("namespace")
    emitter.current_task(R8)
    emit_namespace_number(emitter, member)
    asm.jump(R8, "==", 0, no)  # this kernel has no such namespace
    emit_membership(asm, R8, IntegerSet.of((one, one) for one in numbers), found)
    if wanted.operator == "NotIn":
        _finish_negative(emitter, found, no)
    else:
        asm.goto(no)
        asm.label(found)


_OF_PROXY: Final = {
    "uts": ("uts_ns", "uts_namespace"),
    "ipc": ("ipc_ns", "ipc_namespace"),
    "mnt": ("mnt_ns", "mnt_namespace"),
    "pid_for_children": ("pid_ns_for_children", "pid_namespace"),
    "net": ("net_ns", "net"),
    "time": ("time_ns", "time_namespace"),
    "time_for_children": ("time_ns_for_children", "time_namespace"),
    "cgroup": ("cgroup_ns", "cgroup_namespace"),
}
"""Namespace -> member of struct nsproxy, and the structure it points to."""


def emit_namespace_number(emitter: Emitter, name: str) -> None:
    """R8 = inode number of a namespace of the task in R8, 0 when there is none."""
    if name == "user":
        # not `cred`: overlayfs works with those of whoever mounted it (ovl_override_creds)
        emitter.follow(
            *(R8, R8),
            *(("task_struct", "real_cred"), ("cred", "user_ns"), ("user_namespace", "ns.inum")),
        )
    elif name == "pid":
        _pid_namespace(emitter)
    else:
        member, struct = _OF_PROXY[name]
        emitter.follow(R8, R8, ("task_struct", "nsproxy"), ("nsproxy", member), (struct, "ns.inum"))


def _pid_namespace(emitter: Emitter) -> None:
    asm = emitter.asm
    emitter.follow(R9, R8, ("task_struct", "thread_pid"))
    emitter.load_member(R8, R9, "pid", "level")
    asm.alu("mul", R8, emitter.btf.size(emitter.btf.struct("upid")))
    asm.alu("add", R8, R9)
    asm.alu("add", R8, emitter.btf.member("pid", "numbers").offset_bytes)
    emitter.follow(R8, R8, ("upid", "ns"), ("pid_namespace", "ns.inum"))


def namespace_field(name: str) -> str:
    """A namespace of a policy as messages.Namespaces calls it: `pid_for_children`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


CAPABILITY_SETS: Final = {
    "effective": "cap_effective",
    "inheritable": "cap_inheritable",
    "permitted": "cap_permitted",
}
"""Type of a filter -> member of struct cred."""


def emit_capabilities(
    emitter: Emitter, wanted: CapabilityFilter, host: dict[str, int], no: str
) -> None:
    """Jump to `no` unless one (In) or none (NotIn) of the capabilities is in the set."""
    asm = emitter.asm
    mask = 0
    for value in wanted.values:
        mask |= 1 << capability_bit(str(value))
    if wanted.is_namespace_capability:
        emitter.current_task(R8)
        emit_namespace_number(emitter, "user")
        asm.mov(R1, host.get("user", 0))  # too large to be in the comparison
        asm.jump(R8, "==", R1, no)
    emitter.current_task(R8)
    emitter.follow(R8, R8, ("task_struct", "cred"), ("cred", CAPABILITY_SETS[wanted.type.lower()]))
    asm.mov(R1, mask)
    asm.alu("and", R8, R1)
    asm.jump(R8, "!=" if wanted.operator == "NotIn" else "==", 0, no)
