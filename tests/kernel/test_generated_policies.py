# SPDX-License-Identifier: Apache-2.0
"""`tracingpolicy generate` writes what this kernel has, and the agent can read it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml

from tetragon_core.policy.parse import parse_policy
from tetragon_sensors.kernel.tracefs import find_tracefs


def generated(*words: str) -> Any:
    """The specification of a policy that can be read."""
    command = [sys.executable, "-m", "tetragon_cli", "tracingpolicy", "generate", *words]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    parse_policy(text, "generated.yaml")
    return yaml.safe_load(text)["spec"]


@pytest.mark.parametrize("kind", ["all-syscalls", "all-syscalls-list"])
def test_system_calls_of_this_kernel(kind: str) -> None:
    """All that it has, of one executable if that is wanted."""
    spec = generated("-m", "/bin/cat", kind)

    names = {hook["call"] for hook in spec["kprobes"]}
    if kind == "all-syscalls-list":
        assert {"list:syscalls"} == names
        names = set(spec["lists"][0]["values"])
    assert {"sys_read", "sys_execve", "sys_bpf"} <= names
    chosen = [{"matchBinaries": [{"operator": "In", "values": ["/bin/cat"]}]}]
    assert all(hook["syscall"] and hook["selectors"] == chosen for hook in spec["kprobes"])


def test_functions_that_can_be_traced() -> None:
    """Those whose names match; a kernel that tells of none is an error."""
    words = ("ftrace-list", "-r", "^tcp_connect$")
    if find_tracefs().traceable is None:
        with pytest.raises(subprocess.CalledProcessError):
            generated(*words)
        return

    spec = generated(*words)

    assert [{"name": "ftrace", "values": ["tcp_connect"]}] == spec["lists"]
    assert ["list:ftrace"] == [hook["call"] for hook in spec["kprobes"]]
