# SPDX-License-Identifier: Apache-2.0
"""Policies that enforce, through the whole agent: switched live, stopped by the rails, refused."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import grpc

from kernel.agents import address, running_agent, subscribed
from kernel.recorder import DEADLINE_S
from tetragon import events_pb2, sensors_pb2, sensors_pb2_grpc

if TYPE_CHECKING:
    from pathlib import Path

FORBIDDEN = 123_456_789
"""No process has this number, so the call does nothing."""
POLICY = f"""\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: kills
spec:
  kprobes:
    - call: sys_getsid
      syscall: true
      args:
        - index: 0
          type: int
      selectors:
        - matchArgs:
            - index: 0
              operator: Equal
              values: ["{FORBIDDEN}"]
          matchActions:
            - action: Sigkill
"""
KILLED = -signal.SIGKILL


def written(directory: Path) -> str:
    path = directory / "kills.yaml"
    path.write_text(POLICY)
    return str(path)


def end_of_an_attempt() -> int:
    """What becomes of a process that does the forbidden thing: its exit code."""
    code = f"import os\ntry: os.getsid({FORBIDDEN})\nexcept OSError: pass"
    return subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False).returncode


def told(directory: Path, *words: str) -> tuple[int, str]:
    """Exit code and all output of `tracingpolicy WORDS`."""
    command = [sys.executable, "-m", "tetragon_cli", "tracingpolicy", *words]
    command += ["--server-address", address(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_modes_are_switched_live(tmp_path: Path, workload: Path) -> None:
    """Each attempt after set-mode ends as the mode says, and each event tells the same action."""
    with running_agent(tmp_path), subscribed(tmp_path, workload / "finish") as client:
        assert told(tmp_path, "add", "--mode", "monitor", written(tmp_path))[0] == 0
        ends = [end_of_an_attempt()]
        for mode in ("enforce", "monitor"):
            assert told(tmp_path, "set-mode", "kills", mode)[0] == 0
            ends.append(end_of_an_attempt())
        listed = told(tmp_path, "list")[1]
        client.mark(workload / "finish", "second-marker")
        hits = [one["process_kprobe"] for one in client.events() if "process_kprobe" in one]

    assert [0, KILLED, 0] == ends
    assert ["KPROBE_ACTION_SIGKILL"] * 3 == [one["action"] for one in hits]
    header, row = (re.split(r" {3,}", line) for line in listed.splitlines())
    columns = [header.index(name) for name in ("MODE", "NPOST", "NENFORCE", "NMONITOR")]
    assert ["monitor", "3", "1", "2"] == [row[column] for column in columns]


def test_a_policy_that_kills_too_often(tmp_path: Path) -> None:
    """It only monitors from then on; the stream, the list and the log say so; it can be undone."""
    limit = ("--max-kills-per-minute", "2")
    with running_agent(tmp_path, *limit), grpc.insecure_channel(address(tmp_path)) as channel:
        stub = sensors_pb2_grpc.FineGuidanceSensorsStub(channel)
        stream = stub.GetEvents(events_pb2.GetEventsRequest(), timeout=DEADLINE_S)
        stream.initial_metadata()
        stub.AddTracingPolicy(sensors_pb2.AddTracingPolicyRequest(yaml=POLICY))

        ends = [end_of_an_attempt() for _ in range(4)]
        told_by = next(one for one in stream if one.policy_fallbacks)
        (status,) = stub.ListTracingPolicies(sensors_pb2.ListTracingPoliciesRequest()).policies
        again = told(tmp_path, "set-mode", "kills", "enforce")[0], end_of_an_attempt()

    assert [KILLED, KILLED, 0, 0] == ends
    (fallback,) = told_by.policy_fallbacks
    assert ("kills", "grpc", 2) == (
        fallback.policy_name,
        fallback.domain,
        fallback.max_kills_per_minute,
    )
    assert (sensors_pb2.TP_MODE_MONITOR, True) == (status.mode, status.fell_back)
    assert (4, 2, 2) == (
        status.enforcement.attempts,
        status.stats.action_counters.signal,
        status.stats.action_counters.monitor_signal,
    )
    assert status.error.startswith("it killed more than 2 times within a minute")
    assert "a policy enforces no more" in (tmp_path / "log").read_text()
    assert (0, KILLED) == again


def test_enforcement_only_from_files(tmp_path: Path) -> None:
    """With --reject-enforcement a policy's file works, and no client brings another that kills."""
    options = ("--reject-enforcement", "--tracing-policy", written(tmp_path))
    with running_agent(tmp_path, *options):
        code, words = told(tmp_path, "add", written(tmp_path))
        end = end_of_an_attempt()

    assert (1, KILLED) == (code, end)
    assert "--reject-enforcement" in words
