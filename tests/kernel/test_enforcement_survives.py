# SPDX-License-Identifier: Apache-2.0
"""Enforcement outlives the agent, whatever ends it, and nothing else is left behind."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from click.testing import CliRunner

from kernel.agents import wait
from kernel.successive import ATTEMPTS, FORBIDDEN, Host, attacking, attempt, policy
from tetragon import sensors_pb2 as pb
from tetragon_cli.group import root

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A place for agents."""
    with contextlib.closing(Host(tmp_path)) as made:
        yield made


def attempt_in(program: str) -> int:
    """The signal that ended a process of this program."""
    code = f"import os\ntry: os.getsid({FORBIDDEN})\nexcept OSError: pass"
    return -subprocess.run([program, "-I", "-S", "-c", code], check=False).returncode


def cleanup(host: Host) -> str:
    """What the command prints, or the error it ends with."""
    done = CliRunner().invoke(root, ["cleanup", "--bpf-dir", host.pins.name])
    return done.output if done.exception is None else repr(done.exception)


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
    directory = host.directory / "tp"
    directory.mkdir()
    policy(directory)
    (directory / "denial.yaml").write_text(DENIAL.format(pid=os.getpid()))
    options = ("--tracing-policy-dir", str(directory))
    agent = host.start(*options)
    can_deny = host.state("denied-getsid") == "TP_STATE_ENABLED"
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


@pytest.mark.one_kernel("it is about what the agent removes", vm="6.1")
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
