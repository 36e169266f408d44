# SPDX-License-Identifier: Apache-2.0
"""Enforcement outlives the agent, whatever ends it, and nothing else is left behind.

The forbidden act is getsid(2) of a pid there is not: any kernel can kill for it, by a tracepoint if
by nothing else, and nobody else does it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from kernel.agents import (
    address,
    await_ready,
    await_unloaded,
    bpf_objects,
    pins,
    running_agent,
    start_agent,
    wait,
)
from kernel.recorder import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    if not (killed + survived) % 20:
        print(killed, survived, flush=True)
print(killed, survived, flush=True)
"""
ATTEMPTS: Final = 100
_REFUSED: Final = 73


def policy(directory: Path, *, number: int = FORBIDDEN, more: str = "") -> Path:
    """The policy as a file."""
    path = directory / "no-getsid.yaml"
    path.write_text(POLICY.format(number=number, more=more))
    return path


def run(*words: str, code: int = 0) -> str:
    """What the command prints, which ends with this code."""
    command = [sys.executable, "-m", "tetragon_cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout + done.stderr


def tell(directory: Path, *words: str) -> str:
    """What `tracingpolicy WORDS` prints."""
    return run("tracingpolicy", *words, "--server-address", address(directory))


def listed(directory: Path) -> dict[str, Any]:
    """The only policy, as the agent lists it."""
    text = tell(directory, "list", "-o", "json", "--all-fields")
    (policy,) = json.loads(text)["policies"]
    found: dict[str, Any] = policy
    return found


def attempted(program: str = sys.executable) -> int:
    """The signal that ended a process which did the forbidden act; 0: it went on."""
    code = f"import os\ntry: os.getsid({FORBIDDEN})\nexcept OSError: pass"
    return -subprocess.run([program, "-I", "-S", "-c", code], check=False).returncode


def kill(agent: subprocess.Popen[bytes]) -> None:
    """End it so that it can do nothing about it."""
    agent.kill()
    agent.wait(DEADLINE_S)


def start(directory: Path, *more: str) -> subprocess.Popen[bytes]:
    """A ready agent."""
    agent = start_agent(directory, *more)
    await_ready(agent, directory)
    return agent


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory of agents; whatever becomes of them, nothing may stay pinned."""
    try:
        yield tmp_path
        assert not pins(tmp_path).exists()
    finally:
        run("cleanup", "--force", "--bpf-dir", pins(tmp_path).name)


class Attack:
    """A process whose children do the forbidden act, one after the other."""

    def __init__(self, directory: Path) -> None:
        self._output = directory / "attack"
        command = [sys.executable, "-c", ATTACK.format(number=FORBIDDEN)]
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


def test_nothing_gets_through(place: Path) -> None:
    """While the agent runs, is killed, is gone, starts, and has taken over."""
    directory = place / "tp"
    directory.mkdir()
    policy(directory)
    options = ("--tracing-policy-dir", str(directory))
    agent = start(place, *options)
    with attacking(place) as attack:
        attack.go_on()
        kill(agent)
        attack.go_on()
        agent = start(place, *options)
        attack.go_on()
        kill(agent)
        agent = start(place, *options)
        attack.go_on()
        killed, survived = attack.stop()

    assert 0 == survived
    assert killed >= 4 * ATTEMPTS
    agent.terminate()
    agent.wait(DEADLINE_S)
    assert 0 == attempted()


def test_the_ledger_goes_on(place: Path) -> None:
    """What came over gRPC is there again, since when it was, with all that was ever counted."""
    agent = start(place)
    tell(place, "add", str(policy(place)))
    assert [signal.SIGKILL] * 3 == [attempted() for _ in range(3)]
    wait(lambda: listed(place)["stats"]["action_counters"].get("post") == "3", "three events")
    before = listed(place)
    kill(agent)

    assert [signal.SIGKILL] * 4 == [attempted() for _ in range(4)]
    agent = start(place)
    after = listed(place)
    status = run("status", "--server-address", address(place))
    attempted()
    last = listed(place)
    agent.terminate()
    agent.wait(DEADLINE_S)

    assert ("no-getsid", "grpc") == (after["name"], after["domain"])
    assert before["since"] == after["since"]
    assert ["3", "7", "8"] == [
        one["stats"]["action_counters"]["signal"] for one in (before, after, last)
    ]
    assert "lost hook_unattended 4\n" in status


def test_a_clean_stop_leaves_nothing(place: Path) -> None:
    """No program, map, link or pin of two agents, of which one was killed."""
    first = start(place)
    tell(place, "add", str(policy(place)))
    objects = bpf_objects(first.pid)
    kill(first)
    with running_agent(place) as second:
        objects |= bpf_objects(second.pid)

    await_unloaded(objects)
    assert not pins(place).exists()
    assert 0 == attempted()


def test_disabled_and_deleted_policies_are_not_kept(place: Path) -> None:
    """Their pins are gone when the command returns, and nobody is killed any more."""
    with running_agent(place):
        tell(place, "add", str(policy(place)))
        assert signal.SIGKILL == attempted()
        tell(place, "disable", "no-getsid")
        assert ([], 0) == (list(pins(place).glob("run_*/no-getsid*")), attempted())
        tell(place, "enable", "no-getsid")
        assert 1 == len(list(pins(place).glob("run_*/no-getsid*")))
        tell(place, "set-mode", "no-getsid", "monitor")
        assert 0 == attempted()
        tell(place, "delete", "no-getsid")
        assert [] == list(pins(place).glob("run_*/no-getsid*"))


def test_a_mode_that_was_set_survives(place: Path) -> None:
    """A policy that somebody has made harmless stays so without the agent and with the next."""
    agent = start(place)
    tell(place, "add", str(policy(place)))
    tell(place, "set-mode", "no-getsid", "monitor")
    kill(agent)
    assert 0 == attempted()

    with running_agent(place):
        assert 0 == attempted()
        assert "TP_MODE_MONITOR" == listed(place)["mode"]


def test_an_agent_that_is_to_leave_its_policies(place: Path) -> None:
    """They go on after a clean stop, and `cleanup` removes them: programs, maps, links and pins."""
    agent = start(place, "--keep-sensors-on-exit")
    tell(place, "add", str(policy(place)))
    objects = bpf_objects(agent.pid)
    agent.terminate()
    agent.wait(DEADLINE_S)
    assert signal.SIGKILL == attempted()

    said = [run("cleanup", "--bpf-dir", pins(place).name) for _ in range(2)]

    removed = f"removed policy grpc:no-getsid\nremoved {pins(place)}\n"
    assert [removed, f"nothing to remove in {pins(place)}\n"] == said
    await_unloaded(objects)
    assert 0 == attempted()


def test_cleanup_beside_an_agent(place: Path) -> None:
    """It removes nothing that an agent keeps, unless it is forced to."""
    with running_agent(place):
        tell(place, "add", str(policy(place)))
        name = pins(place).name
        assert "an agent runs" in run("cleanup", "--bpf-dir", name, code=_REFUSED)
        assert 1 == len(list(pins(place).glob("run_*/no-getsid*")))
        assert "removed policy grpc:no-getsid" in run("cleanup", "--force", "--bpf-dir", name)


def test_pins_that_are_broken(place: Path) -> None:
    """Half of a policy, an empty run and a policy without a record do not stop the next agent."""
    agent = start(place)
    tell(place, "add", str(policy(place)))
    kill(agent)
    (kept,) = pins(place).glob("run_*/no-getsid*")
    (kept / "record").unlink()
    (kept.parent / "new_half_1").mkdir()
    (pins(place) / "run_1_1").mkdir()

    with running_agent(place):
        assert {"policies"} >= set(json.loads(tell(place, "list", "-o", "json")))
        assert not pins(place).exists()
        assert 0 == attempted()


def test_processes_that_start_without_an_agent(place: Path) -> None:
    """Filters on executables go on to be right: the tables they use are kept too."""
    path = shutil.copy(Path(sys.executable).resolve(), place / "python")
    more = f'      matchBinaries:\n      - {{operator: In, values: ["{path}"]}}'
    agent = start(place)
    tell(place, "add", str(policy(place, more=more)))
    assert (signal.SIGKILL, 0) == (attempted(str(path)), attempted())
    kill(agent)

    assert (signal.SIGKILL, 0) == (attempted(str(path)), attempted())

    with running_agent(place):
        assert (signal.SIGKILL, 0) == (attempted(str(path)), attempted())
