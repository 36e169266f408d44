# SPDX-License-Identifier: Apache-2.0
"""Real cgroups that stand for containers, and processes in them that hit a hook of each kind."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from kernel.cgroups import enter, made_cgroup
from kernel.registers import FIRST_ARGUMENT
from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.workload_filters import filters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel.policies import PolicyRun
    from tetragon_core.cgroups import Hierarchy
    from tetragon_sensors.policy.loaded import LoadedPolicy

__all__ = ["HOOKS", "Containers", "containers", "gated_policy", "hits_in"]

HEAD: Final = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: gated}
spec:
"""
HOOKS: Final = {
    "tracepoint": "tracepoints: [{subsystem: syscalls, event: sys_enter_umask%s}]",
    "raw tracepoint": "tracepoints: [{subsystem: sched, event: sched_process_fork, raw: true%s}]",
    "system call": "kprobes: [{call: sys_umask, syscall: true%s}]",
    "system call with result": "kprobes: [{call: sys_umask, syscall: true, return: true,"
    " returnArg: {index: 0, type: int}%s}]",
    "function": "kprobes: [{call: security_task_setnice, syscall: false%s}]",
    "function with result": "kprobes: [{call: security_task_setnice, syscall: false,"
    " args: [{index: 1, type: int}], return: true, returnArg: {index: 0, type: int}%s}]",
    "function in registers": "kprobes: [{call: security_task_setnice, syscall: false,"
    f" data: [{{type: uint64, source: pt_regs, resolve: {FIRST_ARGUMENT}}}]%s}}]",
    "security hook": "lsmhooks: [{hook: task_setnice%s}]",
}
"""Kind -> section of a policy; it ends with what a test adds to the hook."""

_names = count(1)


@dataclass(frozen=True, slots=True)
class Containers:
    """Two containers; `inner` was made inside `one` when that was known."""

    one: Path
    other: Path
    inner: Path

    @property
    def homes(self) -> tuple[int, int]:
        """Ids of the cgroups of both."""
        return self.one.stat().st_ino, self.other.stat().st_ino


@contextmanager
def containers(run: PolicyRun, hierarchy: Hierarchy) -> Iterator[Containers]:
    """They are known to the sensor, and selected by nobody."""
    with ExitStack() as stack:
        names = [f"gated-{os.getpid()}-{next(_names)}.scope" for _ in range(2)]
        one, other = (stack.enter_context(made_cgroup(hierarchy, name)) for name in names)
        for path in (one, other):
            number = path.stat().st_ino
            run.sensor.containers.enter(number, number)
        inner = stack.enter_context(made_cgroup(hierarchy, f"{names[0]}/inner"))
        yield Containers(one, other, inner)
        run.engine.members().write((path.stat().st_ino, 0) for path in (one, other))


@contextmanager
def gated_policy(run: PolicyRun, text: str, *selected: int) -> Iterator[LoadedPolicy]:
    """A policy whose first filter holds for the containers with these homes."""
    policy = parse_policy(HEAD + text, "test.yaml")
    numbers = {one: 500 - number for number, one in enumerate(filters_of(policy))}
    run.engine.members().write((home, 1 << 500) for home in selected)
    loaded = run.engine.load(policy, numbers)
    try:
        yield loaded
    finally:
        loaded.close()


def hits_in(run: PolicyRun, cgroup: Path | None, action: Callable[[], object] = os.getpid) -> int:
    """Hits of a process that enters the cgroup, calls what every hook here sees, and `action`."""

    def act() -> None:
        if cgroup is not None:
            enter(cgroup)
        os.umask(0o22)
        if not os.fork():
            os._exit(0)
        os.wait()
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0))
        action()

    return len(run.hits_of(act))
