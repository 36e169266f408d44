# SPDX-License-Identifier: Apache-2.0
"""How much of the ring is taken at a time."""

from __future__ import annotations

import os
from typing import Final

from kernel.policies import policy_engine, start
from kernel.tree import tgid_of

_LIMIT: Final = 256
_CALLS: Final = 400
_POLICY: Final = """
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: halves}
spec:
  kprobes:
  - call: sys_chdir
    syscall: true
    return: true
    args:
    - {index: 0, type: string}
    returnArg: {index: 0, type: int}
"""


def test_fewer_than_asked_for_mean_that_it_is_empty() -> None:
    """Calls that are reported in two records count once: the agent reads on after a full turn."""

    def act() -> None:
        for _ in range(_CALLS):
            os.chdir("/")

    with policy_engine() as run, run.loaded(_POLICY):
        pid = start(act)
        os.waitpid(pid, 0)
        first = run.sensor.drain(_LIMIT)
        rest = []
        while more := run.sensor.drain(_LIMIT):
            rest += more

    assert _LIMIT == len(first)
    hits = [message for message in (*first, *rest) if tgid_of(message) == pid]
    assert _CALLS <= len(hits)
