# SPDX-License-Identifier: Apache-2.0
"""What matchReturnActions ask for is done when the call returns, to whom its result is about."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from typing import TYPE_CHECKING, Final

import pytest

from kernel.policies import start
from tetragon_core.errors import TetragonError
from tetragon_core.hooks import HookMessage
from tetragon_sensors.policy.actions import ACTION_NUMBERS, POST

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel.policies import PolicyRun

_HEAD: Final = """
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: at-return}
spec:
  kprobes:
"""
NOBODY: Final = (1 << 24) + os.getpid()
"""Pid of no process, so that getsid(2) fails."""
FAILED: Final = f"""{_HEAD}
  - call: sys_getsid
    syscall: true
    return: true
    args: [{{index: 0, type: int}}]
    returnArg: {{index: 0, type: int}}
    selectors:
    - matchArgs: [{{index: 0, operator: Equal, values: ["{NOBODY}", "{os.getpid()}"]}}]
      matchReturnArgs: [{{index: 0, operator: Equal, values: ["-{errno.ESRCH}"]}}]
      matchReturnActions: [{{action: Sigkill}}]
"""
ASKED: Final = f"""{_HEAD}
  - call: security_task_getsid
    syscall: false
    return: true
    returnArg: {{index: 0, type: int}}
    selectors:
    - matchPIDs: [{{operator: In, values: [%d], followForks: true}}]
      matchReturnActions: [{{action: Sigkill}}]
"""
KILL: Final = ACTION_NUMBERS["Sigkill"]


def ask(pid: int) -> None:
    """For the session of a process."""
    with contextlib.suppress(ProcessLookupError):
        os.getsid(pid)


def outcome(run: PolicyRun, act: Callable[[], object]) -> tuple[int, list[HookMessage]]:
    """The signal that ended a child that acts, and its hits."""
    hits: list[HookMessage] = []
    reader, writer = os.pipe()
    pid = start(lambda: (os.read(reader, 1), act()))
    os.write(writer, b"x")
    _, status = os.waitpid(pid, 0)
    os.close(reader)
    os.close(writer)
    hits += [one for one in run.sensor.drain(1 << 16) if isinstance(one, HookMessage)]
    return os.WTERMSIG(status), [hit for hit in hits if hit.process.tgid == pid]


def test_result_that_kills(run: PolicyRun) -> None:
    """The call that fails is the process's last; the same call with success is not."""
    with run.loaded(FAILED) as policy:
        ended, hits = outcome(run, lambda: ask(NOBODY))
        survived, others = outcome(run, lambda: ask(os.getppid()))
        counters = policy.counters()

    assert (ended, survived) == (signal.SIGKILL, 0)
    assert [(POST, KILL, -errno.ESRCH)] == [
        (hit.action, hit.return_action, hit.return_value and hit.return_value.value) for hit in hits
    ]
    assert [] == others
    assert (counters["attempts"], counters["signal"]) == (1, 1)


def test_monitoring(run: PolicyRun) -> None:
    """Nobody is killed; the event names what would have been done, and says so."""
    with run.loaded(FAILED) as policy:
        policy.set_monitor(True)
        ended, (hit,) = outcome(run, lambda: ask(NOBODY))

    assert ended == 0
    assert (POST, KILL, True) == (hit.action, hit.return_action, hit.is_monitored)


def test_one_program_for_entry_and_return(run: PolicyRun) -> None:
    """The event names what was done at the return as that of the return."""
    abilities = run.engine.kernel.abilities
    text = ASKED % os.getpid()
    if not abilities.can_fentry and not abilities.can_kprobe:
        with pytest.raises(TetragonError, match="no way to attach to"):
            run.hits(text, os.getpid)
        return

    with run.loaded(text):
        ended, hits = outcome(run, lambda: ask(os.getppid()))

    assert ended == signal.SIGKILL
    assert [(POST, KILL)] == [(hit.action, hit.return_action) for hit in hits]
