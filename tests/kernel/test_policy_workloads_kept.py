# SPDX-License-Identifier: Apache-2.0
"""Enforcement for some workloads goes on without an agent, for the same workloads."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel.cgroups import enter, made_cgroup
from kernel.gated import HEAD
from kernel.policies import start
from tetragon_core.policy.parse import parse_policy
from tetragon_core.policy.workload_filters import filters_of
from tetragon_core.stats import Stats
from tetragon_sensors.base import BaseSensor, SensorConfig
from tetragon_sensors.kernel.facts import Kernel
from tetragon_sensors.policy.earlier import EarlierRuns
from tetragon_sensors.policy.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.cgroups import Hierarchy

SIGNAL: Final = 10
POLICY: Final = """\
  podSelector: {matchLabels: {app: web}}
  tracepoints:
  - {subsystem: raw_syscalls, event: sys_enter, raw: true,
     selectors: [{matchActions: [{action: Signal, argSig: 10}]}]}
"""


def outcome(cgroup: Path | None) -> int:
    """How a process ends that enters the cgroup."""
    pid = start(partial(enter, cgroup) if cgroup is not None else os.getppid)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@contextmanager
def kept(hierarchy: Hierarchy, root: Path, home: Path) -> Iterator[None]:
    """What an agent leaves that was there for a moment; removed at the end."""
    number, policy = home.stat().st_ino, parse_policy(HEAD + POLICY, "test.yaml")
    with BaseSensor(SensorConfig(hierarchy=hierarchy), Stats()) as base:
        engine = Engine(base, Kernel.running(), keep_root=root)
        base.containers.enter(number, number)
        engine.members().write([(number, 1)])
        loaded = engine.load(policy, dict.fromkeys(filters_of(policy), 0))
        assert "" == loaded.keep(b"record")
        loaded.leave()
        engine.close()
    runs = EarlierRuns(root)
    try:
        yield
    finally:
        for one in runs.policies():
            one.remove()
        runs.collect()
        runs.close()


def test_cgroups_that_are_made_without_an_agent(hierarchy: Hierarchy) -> None:
    """In a container that was selected they are enforced on; a new container is selected by none;
    the host is left alone, and everything once it is removed.
    """
    root = Path(f"/sys/fs/bpf/gated-{os.getpid()}")
    name = f"gated-{os.getpid()}-kept.scope"
    with made_cgroup(hierarchy, name) as home:
        with (
            kept(hierarchy, root, home),
            made_cgroup(hierarchy, f"{name}/later") as inner,
            made_cgroup(hierarchy, f"{name}/later/deeper") as deeper,
            made_cgroup(hierarchy, f"gated-{os.getpid()}-new.scope") as new,
        ):
            found = [outcome(where) for where in (home, inner, deeper, new, None)]
        after = outcome(home)

    assert ([-SIGNAL, -SIGNAL, -SIGNAL, 0, 0], 0) == (found, after)
    assert not root.exists()
