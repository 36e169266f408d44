# SPDX-License-Identifier: Apache-2.0
"""Which part of a policy each place in the kernel or in a file belongs to, as the list shows it."""

from __future__ import annotations

import pytest

from server.fake_engine import FakeHook
from tetragon_core.policy.parse import parse_policy
from tetragon_server.policies.entry import PolicyEntry, PolicyKey, PolicyMode, PolicyState
from tetragon_server.policies.status import policy_status

POLICY = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: all
spec:
  loader: true
  kprobes:
    - call: tcp_connect
      syscall: false
    - call: sys_openat
      syscall: true
  tracepoints:
    - subsystem: sched
      event: sched_switch
  lsmhooks:
    - hook: bprm_check_security
    - hook: file_open
  uprobes:
    - path: /bin/bash
      symbols: [main, readline]
    - path: /bin/sh
      offsets: [4096]
  usdts:
    - path: /lib/libc.so.6
      provider: libc
      name: setjmp
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tcp_connect", ("kprobes", 0)),
        ("__x64_sys_openat", ("kprobes", 1)),
        ("sched/sched_switch", ("tracepoints", 0)),
        ("file_open", ("lsmhooks", 1)),
        ("/bin/bash:readline", ("uprobes", 0)),
        ("/bin/sh:0x1000", ("uprobes", 1)),
        ("/lib/libc.so.6:libc:setjmp", ("usdts", 0)),
        ("perf_event_mmap_output", ("loader", 0)),
    ],
)
def test_the_hook_of_a_place(name: str, expected: tuple[str, int]) -> None:
    """Section and index are those of the policy's text."""
    entry = PolicyEntry(
        id=2,
        key=PolicyKey("all", "", "grpc"),
        policy=parse_policy(POLICY),
        mode=PolicyMode.MONITOR_ONLY,
        state=PolicyState.ENABLED,
        hooks=(FakeHook(name),),
    )

    status = policy_status(entry)

    (hook,) = status.hook_statuses
    assert (*expected, name) == (hook.section, hook.hook_idx, hook.hook_description)
    assert [
        *("generic_kprobe", "generic_tracepoint", "generic_lsm", "generic_uprobe", "generic_usdt"),
        "__loader__",
    ] == list(status.sensors)
