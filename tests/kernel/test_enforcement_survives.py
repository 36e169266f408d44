# SPDX-License-Identifier: Apache-2.0
"""Enforcement outlives the agent, whatever ends it, and nothing else is left behind.

The forbidden act is getsid(2) of a pid there is not: any kernel can kill for it, by a tracepoint if
by nothing else, and nobody else does it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc
import pytest
from click.testing import CliRunner

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
from tetragon_cli.group import root
from tetragon_sensors.kernel.facts import Kernel
from tetragon_sensors.policy.earlier import EarlierRuns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

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
DENIAL: Final = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: denied-getsid}}
spec:
  kprobes:
  - call: security_task_getsid
    syscall: false
    selectors:
    - matchPIDs: [{{operator: In, values: [{pid}]}}]
      matchActions:
      - {{action: Override, argError: -1}}
"""
ATTACK: Final = """
import os, select, sys
killed = survived = 0
while not select.select([0], [], [], 0)[0]:
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


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A place for agents."""
    with contextlib.closing(Host(tmp_path)) as made:
        yield made


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


def attempt_in(program: str) -> int:
    """The signal that ended a process of this program."""
    code = f"import os\ntry: os.getsid({FORBIDDEN})\nexcept OSError: pass"
    return -subprocess.run([program, "-I", "-S", "-c", code], check=False).returncode


def cleanup(host: Host) -> str:
    """What the command prints, or the error it ends with."""
    done = CliRunner().invoke(root, ["cleanup", "--bpf-dir", host.pins.name])
    return done.output if done.exception is None else repr(done.exception)


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


def error_of_getsid() -> int:
    """Of asking for the session of pid 1; 0: there is none."""
    try:
        os.getsid(1)
    except OSError as error:
        return error.errno or -1
    return 0


def test_nothing_gets_through(host: Host) -> None:
    """While the agent runs, is killed, is gone, starts, and has taken over; a stop ends it all.

    So it is with killing, and where it is possible with denying.
    """
    abilities = Kernel.running().abilities
    can_deny = abilities.can_lsm or abilities.can_modify("security_task_getsid")
    directory = host.directory / "tp"
    directory.mkdir()
    policy(directory)
    if can_deny:
        (directory / "denial.yaml").write_text(DENIAL.format(pid=os.getpid()))
    options = ("--tracing-policy-dir", str(directory))
    agent = host.start(*options)
    with attacking(host.directory) as attack:
        attack.go_on()
        errors = {error_of_getsid()}
        host.end(agent, signal.SIGKILL)
        attack.go_on()
        errors |= {error_of_getsid()}
        agent = host.start(*options)
        attack.go_on()
        errors |= {error_of_getsid()}
        killed, survived = attack.stop()
    host.end(agent, signal.SIGTERM)

    assert 0 == survived
    assert killed >= 3 * ATTEMPTS
    assert {errno.EPERM if can_deny else 0} == errors
    host.await_nothing()
    assert ({0}, 0) == (attempt(), error_of_getsid())


def test_a_policy_goes_on_with_the_next_agent(host: Host) -> None:
    """What came over gRPC is there again, since when it was, with all that was ever counted; told
    to leave it, the agent does when it is stopped; `cleanup` removes what no agent keeps.
    """
    agent = host.start()
    host.add(policy(host.directory).read_text())
    assert {signal.SIGKILL} == attempt(3)
    wait(lambda: host.listed().stats.action_counters.post == 3, "three events")
    before = host.listed()
    host.end(agent, signal.SIGKILL)
    assert {signal.SIGKILL} == attempt(4)

    agent = host.start("--keep-sensors-on-exit")
    after = host.listed()
    unattended = host.unattended()
    attempt()
    last = host.listed()
    refused = cleanup(host)
    assert ("AlreadyRunningError", 1) == (refused.split("(")[0], len(host.kept()))
    host.end(agent, signal.SIGTERM)

    assert ("no-getsid", "grpc") == (after.name, after.domain)
    assert before.since == after.since
    signals = [one.stats.action_counters.signal for one in (before, after, last)]
    assert ([3, 7, 8], 4) == (signals, unattended)
    assert {signal.SIGKILL} == attempt()
    assert f"removed policy grpc:no-getsid\nremoved {host.pins}\n" == cleanup(host)
    host.await_nothing()
    assert {0} == attempt()
    assert f"nothing to remove in {host.pins}\n" == cleanup(host)


def test_only_what_enforces_now_is_kept(host: Host) -> None:
    """Of a disabled policy nothing; filters on executables are right for processes that start
    without an agent; what is broken is removed by the next one.
    """
    path = shutil.copy(Path(sys.executable).resolve(), host.directory / "python")
    agent = host.start()
    more = f'      matchBinaries:\n      - {{operator: In, values: ["{path}"]}}'
    host.add(policy(host.directory, more=more).read_text())
    host.configure(enable=False)
    assert ([], 0) == (host.kept(), attempt_in(str(path)))
    host.configure(enable=True)
    host.end(agent, signal.SIGKILL)

    assert (signal.SIGKILL, {0}) == (attempt_in(str(path)), attempt())
    (kept,) = host.kept()
    (kept.parent / "new_half_1").mkdir()
    (host.pins / "run_1_1").mkdir()

    (kept / "record").unlink()

    agent = host.start()
    reply = host.call("ListTracingPolicies", pb.ListTracingPoliciesRequest())
    host.end(agent, signal.SIGTERM)

    assert [] == list(reply.policies)
    host.await_nothing()
