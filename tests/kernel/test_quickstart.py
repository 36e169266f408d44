# SPDX-License-Identifier: Apache-2.0
"""The two policies that everybody tries first, through the agent, as a terminal shows them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from kernel.agents import Client, address, await_unloaded, bpf_objects, running_agent, wait
from kernel.compatibility import POLICIES, ROOT, read_policy
from kernel.policies import start
from kernel.triggers.files import sensitive_files, use_sensitive_files
from kernel.triggers.network import talk
from tetragon_sensors.kernel.facts import Kernel

PYTHON: Final = os.path.realpath(sys.executable)
NETWORK: Final = POLICIES / "quickstart/network_egress_cluster.yaml"
ENFORCED: Final = POLICIES / "quickstart/file_monitoring_enforce.yaml"
PROTECTED: Final = ROOT / "contrib/policies/protect-etc.yaml"
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


STOPPED: Final = (
    f"📝 write   {{node}} {PYTHON} {SETTING}",
    f"🔒 LSM     {{node}} {PYTHON} file_open",
)
DENIED: Final = 77


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


def tell(directory: Path, *words: str) -> str:
    """What `tracingpolicy WORDS` prints."""
    command = [sys.executable, "-m", "tetragon_cli", "tracingpolicy", *words]
    told = ["--server-address", address(directory)]
    return subprocess.run([*command, *told], check=True, stdout=subprocess.PIPE, text=True).stdout


def test_lines_of_the_quickstart(tmp_path: Path, workload: Path) -> None:
    """Policies of the command line and of a client show each use once, in Tetragon's words."""
    abilities = Kernel.running().abilities
    if not abilities.can_fentry and not abilities.can_kprobe:
        pytest.skip("needs functions that can be attached to: this kernel has no kprobes")
    output = tmp_path / "events"
    with sensitive_files(), running_agent(tmp_path, "--tracing-policy", str(FILES)):
        tell(tmp_path, "add", str(NETWORK))
        client = Client(tmp_path, "compact")
        try:
            client.mark(workload / "finish", "first-marker")
            os.waitpid(start(act), 0)
            wait(lambda: client.has(LAST), "the connection at the client")
        finally:
            client.process.terminate()
            client.process.wait()

    assert [line.format(node=os.uname().nodename) for line in SHOWN] == shown(output)


def write_setting() -> None:
    """Change a file below /etc; the exit code says whether that was denied."""
    try:
        fd = os.open(SETTING, os.O_WRONLY)
    except PermissionError:
        os._exit(DENIED)
    os.write(fd, b"x")


def outcome() -> tuple[int, bytes]:
    """Status of a process that writes, as wait(2) has it, and how the file begins then."""
    _, status = os.waitpid(start(write_setting), 0)
    return status, Path(SETTING).read_bytes()[:4]


def column(table: str, name: str) -> str:
    """Of the last policy in the table."""
    head, *_, row = table.splitlines()
    return row[head.index(name) :].split()[0]


@pytest.mark.one_kernel("test_enforcement has the kernel's side", vm="newest")
def test_write_protection_of_the_quickstart(tmp_path: Path, workload: Path) -> None:
    """/etc is protected from the command line: who writes is killed; denied, by LSM hooks."""
    if not Kernel.running().abilities.can_lsm:
        pytest.skip("needs BPF among the security modules: this kernel does not have it")
    policy = read_policy("quickstart/file_monitoring_enforce", {})
    added = [policy.name, "--domain", "static"]
    everywhere = tmp_path / "everywhere.yaml"  # here is no pod of any namespace
    everywhere.write_text(ENFORCED.read_text().replace("TracingPolicyNamespaced", "TracingPolicy"))
    with sensitive_files():
        with running_agent(tmp_path, "--tracing-policy", str(everywhere)) as agent:
            client = Client(tmp_path, "compact")
            try:
                client.mark(workload / "finish", "first-marker")
                killed, by_signal = outcome(), tell(tmp_path, "list")
                tell(tmp_path, "delete", *added)
                free = outcome()
                tell(tmp_path, "add", str(PROTECTED))
                denied, by_lsm = outcome(), tell(tmp_path, "list")
                wait(lambda: client.has("file_open"), "the hit of the LSM hook at the client")
            finally:
                client.process.terminate()
                client.process.wait()
            objects = bpf_objects(agent.pid)
        await_unloaded(objects)  # before that, even these files cannot be taken away

    assert (signal.SIGKILL, b"seen") == killed
    assert (0, b"xeen") == free
    assert (DENIED << 8, b"xeen") == denied
    assert [line.format(node=os.uname().nodename) for line in STOPPED] == shown(tmp_path / "events")
    assert ("enforce", "1") == (column(by_signal, "MODE"), column(by_signal, "NENFORCE"))
    assert ("enforce", "1", "lsm") == tuple(
        column(by_lsm, each) for each in ("MODE", "NENFORCE", "METHOD")
    )
