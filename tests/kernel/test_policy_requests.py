# SPDX-License-Identifier: Apache-2.0
"""GetUrl through the whole agent: a hit in the kernel, a request from the agent."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kernel.agents import running_agent, start_agent, subscribed, wait
from kernel.recorder import DEADLINE_S
from network_listener import listener

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.one_kernel("it is about what the agent does with a hit", vm="6.1")
GETURL = 7
POLICY = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: requests}}
spec:
  tracepoints:
  - subsystem: syscalls
    event: sys_enter_lseek
    args: [{{index: 6, type: int64}}]
    selectors:
    - matchArgs: [{{index: 6, operator: Equal, values: ["77001"]}}]
      matchActions: [{{action: GetUrl, argUrl: "{url}/hit"}}]
"""
SEEK_TWICE = """\
import os
fd = os.open("/proc/self/exe", os.O_RDONLY)
os.lseek(fd, 77001, 0), os.lseek(fd, 77002, 0), os.lseek(fd, 77001, 0)
"""


def test_one_get_for_each_hit(tmp_path: Path, workload: Path) -> None:
    """The agent fetches the URL once for each hit, and posts each with the action's name."""
    path = tmp_path / "requests.yaml"
    with listener() as (url, paths):
        path.write_text(POLICY.format(url=url))
        options = ["--enable-policy-network-actions", "--tracing-policy", str(path)]
        with running_agent(tmp_path, *options), subscribed(tmp_path, workload / "finish") as client:
            subprocess.run([sys.executable, "-c", SEEK_TWICE], check=True)

            assert ["/hit"] * 2 == [paths.get(timeout=DEADLINE_S) for _ in range(2)]
            wait(lambda: client.has("77001"), "the hits")
            client.mark(workload / "finish", "last-marker")
            hits = [
                one["process_tracepoint"] for one in client.events() if "process_tracepoint" in one
            ]
        assert ["KPROBE_ACTION_GETURL"] * 2 == [hit["action"] for hit in hits]
        assert paths.empty()


def test_off_unless_it_is_enabled(tmp_path: Path) -> None:
    """Without the flag the policy is refused, and the reason names the flag and the place."""
    path = tmp_path / "requests.yaml"
    path.write_text(POLICY.format(url="http://127.0.0.1"))

    agent = start_agent(tmp_path, "--tracing-policy", str(path))

    assert agent.wait(DEADLINE_S) != 0
    log = (tmp_path / "log").read_text()
    assert "action GetUrl needs an agent that was started with --enable-policy-network-act" in log
    assert "requests.yaml:11:" in log
