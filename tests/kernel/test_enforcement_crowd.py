# SPDX-License-Identifier: Apache-2.0
"""More tasks in the middle of a decision than a CPU has buffers: none of them is let through."""

from __future__ import annotations

from errno import EPERM
from typing import TYPE_CHECKING, Final

import pytest

from kernel.attempts import run_attempts
from kernel.policies import policy_engine
from policy_texts import policy

if TYPE_CHECKING:
    from pathlib import Path

TIMES: Final = {True: 100_000, False: 1_000}
"""Attempts, by whether programs can be preempted."""
CROWD: Final = 200
"""Threads, of which many wait in the middle of a program where that can be preempted."""
DENIED: Final = """
    lsmhooks:
    - hook: file_open
      args:
      - {{index: 0, type: file}}
      - {{index: 0, type: uint32, resolve: f_mode, label: mode}}
      selectors:
      - matchArgs:
        - {{args: [1], operator: Mask, values: ['2']}}
        - {{args: [0], operator: Equal, values: [{path}]}}
        matchActions: [{{action: Override, argError: -1}}, {{action: NoPost}}]
    """


def test_crowd_is_denied(workload: Path, tmp_path: Path) -> None:
    """Of 100,000 attempts by 200 threads none succeeds, and each found a buffer."""
    path = tmp_path / "file"
    path.touch()
    with policy_engine() as run:
        if not run.engine.kernel.abilities.can_lsm:
            pytest.skip("needs BPF among the security modules: this kernel does not have it")
        times = TIMES[run.engine.kernel.preempts_programs]
        with run.loaded(policy(DENIED.format(path=path))):
            how = ("threads", str(times), str(CROWD), "open-to-write", str(path))
            found = run_attempts(run, workload / "attempt", *how)
        busy = run.engine.counters()["HOOK_BUSY"]

    assert (0, {EPERM: times}, 0) == (found.succeeded, found.errors, busy)
