# SPDX-License-Identifier: Apache-2.0
"""The two policies that everybody tries first, through the agent, as a terminal shows them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from kernel.agents import Client, address, running_agent, wait
from kernel.compatibility import POLICIES
from kernel.policies import start
from kernel.triggers.files import sensitive_files, use_sensitive_files
from kernel.triggers.network import talk
from tetragon_sensors.kernel.facts import Kernel

if TYPE_CHECKING:
    from pathlib import Path

PYTHON: Final = os.path.realpath(sys.executable)
NETWORK: Final = POLICIES / "quickstart/network_egress_cluster.yaml"
FILES: Final = POLICIES / "quickstart/file_monitoring.yaml"
SECRET: Final = "/etc/shadow-seen/key"
SETTING: Final = "/etc/seen/setting"
SHELL: Final = "/run/seen/.bashrc"
SHOWN: Final = (
    f"📚 read    {{node}} {PYTHON} {SECRET}",
    f"📝 write   {{node}} {PYTHON} {SECRET}",
    f"📝 mmap-rw {{node}} {PYTHON} {SECRET}",
    f"📝 mmap-r  {{node}} {PYTHON} {SECRET}",
    f"📝 truncate {{node}} {PYTHON} {SECRET}",
    f"📝 write   {{node}} {PYTHON} {SETTING}",
    f"📝 mmap-rw {{node}} {PYTHON} {SETTING}",
    f"📝 truncate {{node}} {PYTHON} {SETTING}",
    f"📚 read    {{node}} {PYTHON} {SHELL}",
    f"🔌 connect {{node}} {PYTHON} tcp 127.0.0.1:4401 -> 127.0.0.2:4400",
)
LAST: Final = "🔌 connect"


def act() -> None:
    """Use files that are watched, and connect to where it is not usual."""
    use_sensitive_files()
    talk("127.0.0.1", 4410)
    talk("127.0.0.2", 4400)


def shown(output: Path) -> list[str]:
    """Lines about what this program did with files and connections, without what is at their end.

    At the end of a line a process with many capabilities has a mark.
    """
    lines = output.read_text().splitlines()
    kept = [line for line in lines if f" {PYTHON} " in line and line[0] not in "🚀💥"]
    return [line.partition("🛑")[0].rstrip() for line in kept]


def test_lines_of_the_quickstart(tmp_path: Path, workload: Path) -> None:
    """Policies of the command line and of a client show each use once, in Tetragon's words."""
    abilities = Kernel.running().abilities
    if not abilities.can_fentry and not abilities.can_kprobe:
        pytest.skip("needs functions that can be attached to: this kernel has no kprobes")
    output = tmp_path / "events"
    command = [sys.executable, "-m", "tetragon_cli"]
    told = ["--server-address", address(tmp_path)]
    with sensitive_files(), running_agent(tmp_path, "--tracing-policy", str(FILES)):
        subprocess.run([*command, "tracingpolicy", "add", str(NETWORK), *told], check=True)
        client = Client(tmp_path, "compact")
        try:
            client.mark(workload / "finish", "first-marker")
            os.waitpid(start(act), 0)
            wait(lambda: client.has(LAST), "the connection at the client")
        finally:
            client.process.terminate()
            client.process.wait()

    assert [line.format(node=os.uname().nodename) for line in SHOWN] == shown(output)
