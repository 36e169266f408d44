# SPDX-License-Identifier: Apache-2.0
"""Agents that run one after the other and keep policies, and processes that do what is forbidden.

The forbidden act is getsid(2) of a pid there is not: any kernel can kill for it, by a tracepoint if
by nothing else, and nobody else does it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import grpc

from kernel.agents import (
    address,
    await_ready,
    await_unloaded,
    bpf_objects,
    pins,
    start_agent,
    wait,
)
from kernel.recorder import DEADLINE_S
from tetragon import sensors_pb2 as pb
from tetragon.sensors_pb2_grpc import FineGuidanceSensorsStub
from tetragon.tetragon_pb2 import GetHealthStatusRequest
from tetragon_sensors.policy.earlier import EarlierRuns

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator
    from pathlib import Path

    from google.protobuf.message import Message

__all__ = ["ATTEMPTS", "FORBIDDEN", "Host", "attacking", "attempt", "policy"]

FORBIDDEN: Final = (1 << 25) + os.getpid()
POLICY: Final = """\
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
      - {{index: 0, operator: Equal, values: ["{number}"]}}
{more}
      matchActions:
      - {{action: Sigkill}}
"""
ATTACK: Final = """
import os, select, sys
killed = survived = 0
while not select.select([0], [], [], 0.01)[0]:  # agents need the processor as well
    child = os.fork()
    if not child:
        try:
            os.getsid({number})
        except OSError:
            pass
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    killed += os.WIFSIGNALED(status)
    survived += not os.WIFSIGNALED(status)
    if not (killed + survived) % 5:
        print(killed, survived, flush=True)
print(killed, survived, flush=True)
"""
ATTEMPTS: Final = 25


def policy(directory: Path, *, more: str = "") -> Path:
    """The policy as a file."""
    path = directory / "no-getsid.yaml"
    path.write_text(POLICY.format(number=FORBIDDEN, more=more))
    return path


class Host:
    """Agents that run one after the other, and what they keep."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pins = pins(directory)
        self.objects: set[tuple[str, int]] = set()
        self._channel = grpc.insecure_channel(address(directory).replace("unix://", "unix:"))
        self.client: Any = FineGuidanceSensorsStub(self._channel)

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """A ready agent."""
        agent = start_agent(self.directory, *more)
        await_ready(agent, self.directory)
        return agent

    def end(self, agent: subprocess.Popen[bytes], number: signal.Signals) -> None:
        """End it by a signal."""
        self.objects |= bpf_objects(agent.pid)
        agent.send_signal(number)
        agent.wait(DEADLINE_S)

    def call(self, rpc: str, request: Message) -> Any:
        """Reply of the agent that runs now."""
        return getattr(self.client, rpc)(request, timeout=DEADLINE_S, wait_for_ready=True)

    def add(self, text: str) -> None:
        """A policy, over gRPC."""
        self.call("AddTracingPolicy", pb.AddTracingPolicyRequest(yaml=text))

    def configure(self, **fields: Any) -> None:
        """Switch it."""
        request = pb.ConfigureTracingPolicyRequest(name="no-getsid", **fields)
        self.call("ConfigureTracingPolicy", request)

    def listed(self) -> pb.TracingPolicyStatus:
        """The only policy."""
        reply = self.call("ListTracingPolicies", pb.ListTracingPoliciesRequest())
        (status,) = reply.policies
        assert isinstance(status, pb.TracingPolicyStatus)
        return status

    def state(self, name: str) -> str:
        """Of a policy."""
        reply = self.call("ListTracingPolicies", pb.ListTracingPoliciesRequest())
        (number,) = [one.state for one in reply.policies if one.name == name]
        return pb.TracingPolicyState.Name(number)

    def unattended(self) -> int:
        """As `status` has it."""
        health = self.call("GetHealth", GetHealthStatusRequest())
        counts = {one.name: one.value for one in health.counters}
        return int(counts["hook_unattended"])

    def kept(self) -> list[Path]:
        """What is pinned of policies."""
        return list(self.pins.glob("run_*/no-getsid*"))

    def await_nothing(self) -> None:
        """Return when nothing is left of all agents that were ended."""
        assert not self.pins.exists()
        await_unloaded(self.objects)

    def close(self) -> None:
        """Leave nothing behind, whatever has happened."""
        self._channel.close()
        runs = EarlierRuns(self.pins, force=True)
        for one in runs.policies():
            one.remove()
        runs.collect()
        runs.close()


def attempt(times: int = 1) -> set[int]:
    """Signals that ended processes which did the forbidden act; 0: it went on."""
    ended = set()
    for _ in range(times):
        child = os.fork()
        if not child:
            with contextlib.suppress(OSError):
                os.getsid(FORBIDDEN)
            os._exit(0)
        ended.add(os.WTERMSIG(os.waitpid(child, 0)[1]))
    return ended


class Attack:
    """A process whose children do the forbidden act, one after the other."""

    def __init__(self, directory: Path) -> None:
        self._output = directory / "attack"
        command = [sys.executable, "-I", "-S", "-c", ATTACK.format(number=FORBIDDEN)]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output)

    def counts(self) -> tuple[int, int]:
        """Children that were killed, and that were not, so far."""
        lines = self._output.read_text().split("\n")[:-1]
        killed, survived = lines[-1].split() if lines else ("0", "0")
        return int(killed), int(survived)

    def go_on(self) -> None:
        """Return after more attempts."""
        before = sum(self.counts())
        wait(lambda: sum(self.counts()) >= before + ATTEMPTS, "more attempts")

    def stop(self) -> tuple[int, int]:
        """End it."""
        self._process.communicate(timeout=DEADLINE_S)
        return self.counts()


@contextlib.contextmanager
def attacking(directory: Path) -> Iterator[Attack]:
    """It runs in the block."""
    attack = Attack(directory)
    try:
        yield attack
    finally:
        attack.stop()
