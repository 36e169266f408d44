# SPDX-License-Identifier: Apache-2.0
"""Policies that enforce, through the whole agent: switched live, and stopped by too many kills."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import grpc

from kernel.agents import address, running_agent
from kernel.recorder import DEADLINE_S
from tetragon import events_pb2, sensors_pb2, sensors_pb2_grpc
from tetragon import tetragon_pb2 as pb

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


def end_of_an_attempt() -> int:
    """What becomes of a process that does the forbidden thing: its exit code."""
    code = f"import os\ntry: os.getsid({FORBIDDEN})\nexcept OSError: pass"
    return subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False).returncode


def hits_until(stream: Any, count: int) -> tuple[list[pb.ProcessKprobe], list[str]]:
    """So many hits, and the policies that fell back meanwhile."""
    hits: list[pb.ProcessKprobe] = []
    fallen: list[str] = []
    while len(hits) < count:
        event = next(stream)
        hits += [event.process_kprobe] if event.HasField("process_kprobe") else []
        fallen += [one.policy_name for one in event.policy_fallbacks]
    return hits, fallen


def test_modes_and_the_limit_of_kills(tmp_path: Path) -> None:
    """Each attempt ends as the mode of the moment says, and its event tells both.

    After too many kills the policy only monitors: stream, list and log say so, until set-mode.
    """
    limit = ("--max-kills-per-minute", "2")
    with running_agent(tmp_path, *limit), grpc.insecure_channel(address(tmp_path)) as channel:
        stub = sensors_pb2_grpc.FineGuidanceSensorsStub(channel)
        stream = stub.GetEvents(events_pb2.GetEventsRequest(), timeout=DEADLINE_S)
        stream.initial_metadata()

        def set_mode(mode: str) -> None:
            request = sensors_pb2.ConfigureTracingPolicyRequest(name="kills", mode=mode)
            stub.ConfigureTracingPolicy(request)

        stub.AddTracingPolicy(sensors_pb2.AddTracingPolicyRequest(yaml=POLICY))
        set_mode("TP_MODE_MONITOR")
        ends = [end_of_an_attempt()]
        set_mode("TP_MODE_ENFORCE")
        ends += [end_of_an_attempt() for _ in range(3)]
        hits, fallen = hits_until(stream, 4)
        (status,) = stub.ListTracingPolicies(sensors_pb2.ListTracingPoliciesRequest()).policies
        set_mode("TP_MODE_ENFORCE")
        ends.append(end_of_an_attempt())

    assert [0, KILLED, KILLED, 0, KILLED] == ends
    assert {pb.KPROBE_ACTION_SIGKILL} == {hit.action for hit in hits}
    assert [True, False, False, True] == [hit.is_monitored for hit in hits]
    assert ["kills"] == fallen
    assert (sensors_pb2.TP_MODE_MONITOR, True) == (status.mode, status.fell_back)
    assert status.error.startswith("it killed more than 2 times within a minute")
    actions = status.stats.action_counters
    assert (4, 2, 2) == (status.enforcement.attempts, actions.signal, actions.monitor_signal)
    assert "a policy enforces no more" in (tmp_path / "log").read_text()
