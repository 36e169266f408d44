# SPDX-License-Identifier: Apache-2.0
"""The page of metrics of a real agent: what the kernel did is what the numbers say."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kernel.agents import running_agent, wait
from kernel.recorder import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Value = Callable[..., float]

pytestmark = pytest.mark.one_kernel("it is about what the agent counts", vm="6.12")
OPENS = 25
RUNS = 7
POLICY = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: opens}}
spec:
  tracepoints:
    - subsystem: syscalls
      event: sys_enter_openat
      args:
        - {{index: 6, type: string}}
      selectors:
        - matchArgs:
            - {{index: 6, operator: Prefix, values: ["{prefix}"]}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


def scraped(port: int) -> Value:
    """A function that gives the sum of what has this name and these labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_S) as reply:
        families = list(text_string_to_metric_families(reply.read().decode()))

    def value(name: str, **labels: str) -> float:
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    return value


@pytest.fixture
def finish(workload: Path) -> Path:
    """The program that ends at once."""
    return workload / "finish"


def test_numbers_are_those_of_the_kernel(tmp_path: Path, finish: Path) -> None:
    """Execs, exits and hits are counted exactly, runs of programs at least as often; no losses."""
    wanted, policy, port = str(tmp_path / "no-file"), tmp_path / "p.yaml", free_port()
    policy.write_text(POLICY.format(prefix=wanted))
    options = ("--metrics-server", f"127.0.0.1:{port}", "--tracing-policy", str(policy))
    mine = {"binary": str(finish)}
    by_hook = {"policy": "opens", "hook": "tracepoint:syscalls/sys_enter_openat"}

    with running_agent(tmp_path, *options, "--enable-program-stats"):
        for _ in range(RUNS):
            subprocess.run([finish], check=True)
        for _ in range(OPENS):
            with contextlib.suppress(FileNotFoundError):
                os.close(os.open(wanted, os.O_RDONLY))
        wait(
            lambda: (
                scraped(port)("tetragon_policy_events_total", **by_hook) >= OPENS
                and scraped(port)("tetragon_events_total", type="PROCESS_EXIT", **mine) >= RUNS
            ),
            "all events",
        )
        value = scraped(port)

    assert RUNS == value("tetragon_events_total", type="PROCESS_EXEC", **mine)
    assert RUNS == value("tetragon_events_total", type="PROCESS_EXIT", **mine)
    assert OPENS == value("tetragon_policy_events_total", **by_hook)
    assert OPENS == value("tetragon_msg_op_total", msg_op="14")
    assert 1 == value("tetragon_tracingpolicy_loaded", state="enabled")
    assert RUNS <= value("tetragon_overhead_program_runs_total", attach="sched_process_exec")
    assert OPENS <= value("tetragon_overhead_program_runs_total", policy="opens")
    assert 0 < value("tetragon_overhead_program_seconds_total", policy="opens")
    assert 0 == value("tetragon_observer_ringbuf_events_lost_total")
