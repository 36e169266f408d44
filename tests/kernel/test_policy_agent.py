# SPDX-License-Identifier: Apache-2.0
"""Policies through the whole agent: file or client, kernel, events, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from kernel.agents import address, bpf_objects, running_agent, start_agent, subscribed, wait
from kernel.recorder import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLICY = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {{name: {name}}}
spec:
  tracepoints:
    - subsystem: syscalls
      event: {event}
      message: a watched name
      args:
        - {{index: {index}, type: string}}
      selectors:
        - matchArgs:
            - {{index: {index}, operator: Prefix, values: ["{prefix}"]}}
"""


@pytest.fixture
def finish(workload: Path) -> Path:
    """The program that ends at once."""
    return workload / "finish"


OPENAT = ("sys_enter_openat", 6)
"""Tracepoint, and the field that is the name."""
UNLINKAT = ("sys_enter_unlinkat", 6)


def policy(directory: Path, name: str, prefix: str, tracepoint: tuple[str, int] = OPENAT) -> Path:
    """A policy that reports who uses names that begin so."""
    event, index = tracepoint
    path = directory / f"{name}.yaml"
    path.write_text(POLICY.format(name=name, prefix=prefix, event=event, index=index))
    return path


def tell(directory: Path, *words: str) -> str:
    """What `tracingpolicy WORDS` prints."""
    command = [sys.executable, "-m", "tetragon_cli", "tracingpolicy", *words]
    command += ["--server-address", address(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def open_in_a_thread(*names: str) -> int:
    """Try to open all, in another thread than the main one; return its id."""
    threads: list[int] = []

    def work() -> None:
        threads.append(threading.get_native_id())
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.close(os.open(name, os.O_RDONLY))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(DEADLINE_S)
    return threads[0]


def hits(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one["process_tracepoint"] for one in events if "process_tracepoint" in one]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running_agent(tmp_path) as running:
        yield running


@pytest.mark.one_kernel("test_policy_properties has the kernel's side", vm="5.10")
@pytest.mark.usefixtures("agent")
def test_a_policy_reports_its_hits_and_no_other(tmp_path: Path, finish: Path) -> None:
    """From add to delete the watched name makes an event with process and thread, others none."""
    wanted, other = f"{tmp_path}/watched/name", f"{tmp_path}/watche"
    with subscribed(tmp_path, finish) as client:
        tell(tmp_path, "add", str(policy(tmp_path, "opens", f"{tmp_path}/watched")))
        thread = open_in_a_thread(other, wanted)
        listed = tell(tmp_path, "list")
        tell(tmp_path, "delete", "opens")
        open_in_a_thread(wanted)
        client.mark(finish, "second-marker")
        (hit,) = hits(client.events())

    assert (os.getpid(), thread) == (hit["process"]["pid"], hit["process"]["tid"])
    assert [{"string_arg": wanted}] == hit["args"]
    assert ("syscalls", "sys_enter_openat") == (hit["subsys"], hit["event"])
    assert ("opens", "a watched name") == (hit["policy_name"], hit["message"])
    assert hit["process"]["parent_exec_id"] == hit["parent"]["exec_id"]
    assert " enabled " in listed
    assert "   tracepoint   " in listed


@pytest.mark.one_kernel("test_policy_scale has the kernel's side", vm="6.1")
def test_a_hundred_policies_leave_nothing(tmp_path: Path, agent: subprocess.Popen[bytes]) -> None:
    """After all are deleted the agent has the BPF objects it had after the first was."""
    # The kernel takes 64 programs at one tracepoint.
    tracepoints = (OPENAT, UNLINKAT)
    files = [
        policy(tmp_path, f"p{number}", f"/nowhere/{number}", tracepoints[number % 2])
        for number in range(100)
    ]
    tell(tmp_path, "add", str(files[0]))
    tell(tmp_path, "delete", "p0")
    before = bpf_objects(agent.pid)

    tell(tmp_path, "add", *map(str, files))
    loaded = bpf_objects(agent.pid)
    tell(tmp_path, "delete", *(path.stem for path in files))

    assert len(loaded) >= len(before) + len(files)
    assert before == bpf_objects(agent.pid)


@pytest.mark.one_kernel("it is about files", vm="newest")
def test_a_directory_of_policies(tmp_path: Path, finish: Path) -> None:
    """A file that is there at start reports, and its next version instead of it."""
    directory = tmp_path / "tp"
    directory.mkdir()
    policy(directory, "opens", "/no-such/first")
    agent = start_agent(tmp_path, "--tracing-policy-dir", str(directory))
    try:
        wait(lambda: "agent is ready" in (tmp_path / "log").read_text(), "the agent")
        with subscribed(tmp_path, finish) as client:
            open_in_a_thread("/no-such/first")
            policy(directory, "opens", "/no-such/second")
            wait(lambda: "a policy was replaced" in (tmp_path / "log").read_text(), "the reload")
            open_in_a_thread("/no-such/first", "/no-such/second")
            client.mark(finish, "second-marker")
            names = [hit["args"][0]["string_arg"] for hit in hits(client.events())]
    finally:
        agent.terminate()
        agent.wait(DEADLINE_S)

    assert ["/no-such/first", "/no-such/second"] == names
