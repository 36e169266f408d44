# SPDX-License-Identifier: Apache-2.0
"""What keeps enforcement within bounds, on a real kernel: modes, never-kill list, limit of kills.

The forbidden act is getsid(2) of a pid there is not: any kernel can kill for it, by a tracepoint if
by nothing else, and nobody else does it.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kernel.policies import policy_engine, start
from kernel.recorder import DEADLINE_S
from tetragon_core.enforcement import EnforcementLimits
from tetragon_core.hooks import HookMessage

if TYPE_CHECKING:
    from kernel.policies import PolicyRun

FORBIDDEN = (1 << 24) + os.getpid()
KILLER = f"""
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: no-getsid}}
spec:
  kprobes:
  - call: sys_getsid
    syscall: true
    args:
    - {{index: 0, type: int}}
    selectors:
    - matchArgs:
      - {{index: 0, operator: Equal, values: ["{FORBIDDEN}"]}}
      matchActions:
      - {{action: Sigkill}}
"""
KILLED = signal.SIGKILL
SIGKILL_ACTION = 3


def signal_of(pid: int) -> int:
    """Which signal ended a child; 0: it ended by itself."""
    _, status = os.waitpid(pid, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def ask() -> None:
    """The forbidden act."""
    with contextlib.suppress(ProcessLookupError):
        os.getsid(FORBIDDEN)


def hits_of(run: PolicyRun, count: int) -> dict[int, HookMessage]:
    """So many hits, by tgid; their processes may be gone."""
    hits: dict[int, HookMessage] = {}
    deadline = time.monotonic() + DEADLINE_S
    while len(hits) < count:
        assert time.monotonic() < deadline, f"{len(hits)} hits, not {count}"
        select.select([run.sensor], [], [], 0.2)
        drained = run.sensor.drain(1024)
        hits |= {one.process.tgid: one for one in drained if isinstance(one, HookMessage)}
    return hits


def test_monitoring_counts_and_does_not_kill() -> None:
    """In monitor mode the event says what would have been done; one store switches, both ways."""
    with policy_engine() as run, run.loaded(KILLER) as policy:
        policy.set_monitor(True)
        spared = start(ask)
        assert signal_of(spared) == 0
        policy.set_monitor(False)
        killed = start(ask)
        assert signal_of(killed) == KILLED

        hits = hits_of(run, 2)
        assert (SIGKILL_ACTION, True) == (hits[spared].action, hits[spared].is_monitored)
        assert (SIGKILL_ACTION, False) == (hits[killed].action, hits[killed].is_monitored)
        counters = policy.counters()
        assert (2, 1, 1) == tuple(
            counters[name] for name in ("attempts", "signal", "monitor_signal")
        )


def test_near_misses_live() -> None:
    """The same call with another argument is neither killed nor counted."""
    with policy_engine() as run, run.loaded(KILLER) as policy:
        assert signal_of(start(lambda: os.getsid(0))) == 0
        assert policy.counters()["attempts"] == 0


def test_a_process_on_the_never_kill_list_lives() -> None:
    """It is spared by its pid; its hits are still reported."""
    begin, go = os.pipe()

    def wait_and_ask() -> None:
        os.read(begin, 1)
        ask()

    spared = start(wait_and_ask)
    limits = EnforcementLimits(never_kill_pids=frozenset({spared}))
    with policy_engine(limits) as run, run.loaded(KILLER) as policy:
        os.write(go, b"!")
        assert signal_of(spared) == 0
        assert signal_of(start(ask)) == KILLED
        assert spared in hits_of(run, 2)
        assert (1, 1) == (policy.counters()["spared"], policy.counters()["signal"])
    os.close(begin)
    os.close(go)


def test_the_agent_and_its_parents_live() -> None:
    """A policy that matches everybody does not end the agent."""
    with policy_engine() as run, run.loaded(KILLER) as policy:
        ask()
        assert policy.counters()["spared"] == 1


def test_an_executable_on_the_never_kill_list_lives(tmp_path: Path) -> None:
    """It is spared by the path of its executable, whatever its pid; a copy elsewhere is not."""
    named, other = tmp_path / "named", tmp_path / "other"
    for copy in (named, other):
        shutil.copy(Path(sys.executable).resolve(), copy)
    code = f"import os\ntry: os.getsid({FORBIDDEN})\nexcept OSError: pass"
    command = ["-I", "-S", "-c", code]
    limits = EnforcementLimits(never_kill_paths=(str(named.resolve()),))
    with policy_engine(limits) as run, run.loaded(KILLER):
        ends = [subprocess.run([copy, *command], check=False).returncode for copy in (named, other)]
        assert ends == [0, -KILLED]


def test_too_many_kills_make_a_policy_monitor() -> None:
    """After the limit it monitors, says so, and enforces again when it is told to."""
    limits = EnforcementLimits(max_kills_per_minute=2)
    with policy_engine(limits) as run, run.loaded(KILLER) as policy:
        ends = [signal_of(start(ask)) for _ in range(4)]
        assert ends == [KILLED, KILLED, 0, 0]
        assert (True, True) == (policy.fell_back, policy.is_monitored)
        assert (2, 2) == (policy.counters()["signal"], policy.counters()["monitor_signal"])

        policy.set_monitor(False)
        assert (False, False) == (policy.fell_back, policy.is_monitored)
        assert signal_of(start(ask)) == KILLED
