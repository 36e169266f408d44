# SPDX-License-Identifier: Apache-2.0
"""Redaction and throttling at the client: no secret in any field, and execs withheld are told."""

from __future__ import annotations

import json
import os
import subprocess
from base64 import b64decode
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from kernel.agents import Client, running_agent, wait
from kernel.cgroups import enter, made_cgroup
from kernel.recorder import spawn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tetragon_core.cgroups import Hierarchy

SECRET: Final = "hunter2-in-no-event"  # none of anybody
SHOWN: Final = "shown-everywhere"
FILTERS: Final = json.dumps({"redact": [r"--password[ =](\S+)", "SECRET=(.*)"]})
OPTIONS: Final = (
    *("--redaction-filters", FILTERS, "--enable-process-environment-variables"),
    *("--filter-environment-variables", "SECRET,SHOWN", "--enable-ancestors", "base"),
)


@pytest.fixture
def older(workload: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with a secret that runs before the agent does."""
    with held(workload, "older") as process:
        yield process


def held(workload: Path, name: str) -> subprocess.Popen[bytes]:
    """A process with a secret, and a child of it; it ends when its input does."""
    script = f"{workload}/finish 0 child; read x"
    words = ["/bin/sh", "-c", script, name, "--password", SECRET, f"--password={SECRET}", SHOWN]
    environment = {"SECRET": SECRET, "SHOWN": SHOWN, "OTHER": "not-chosen"}
    return subprocess.Popen(words, stdin=subprocess.PIPE, env=environment)


@pytest.mark.one_kernel("it is about what the agent tells", vm="6.1")
def test_no_secret_anywhere(tmp_path: Path, workload: Path, older: subprocess.Popen[bytes]) -> None:
    """Nor of a parent, an ancestor or in our own fields; all else is there."""
    with running_agent(tmp_path, *OPTIONS):
        client = Client(tmp_path, "json", "--all-fields")
        client.mark(workload / "finish", "mark")
        with held(workload, "younger") as younger:
            assert younger.stdin is not None
            younger.stdin.close()
        assert older.stdin is not None
        older.stdin.close()
        older.wait()
        ends = {older.pid, younger.pid}
        wait(lambda: ends <= ended(client), "both exits")
        client.process.terminate()
        client.process.wait()

    output = (tmp_path / "events").read_text()
    assert SECRET not in output
    assert "not-chosen" not in output
    shown = [one for event in client.events() for one in processes_of(event)]
    assert SECRET.encode() not in b"".join(part for one in shown for part in argv_of(one))
    lines = {
        kind: [one[kind]["process"] for one in client.events() if kind in one]
        for kind in ("process_exec", "process_exit")
    }
    (start,) = (one for one in lines["process_exec"] if one["pid"] == younger.pid)
    ends_of = [one for one in lines["process_exit"] if one["pid"] in ends]
    arguments = f"--password ***** --password=***** {SHOWN}"
    assert start["arguments"].endswith(f"younger {arguments}")
    assert [b"--password", b"*****", b"--password=*****", SHOWN.encode()] == argv_of(start)[-4:]
    assert [
        {"Key": "SECRET", "Value": "*****"},
        {"Key": "SHOWN", "Value": SHOWN},
    ] == start["environment_variables"]
    assert [True, True] == [one["arguments"].endswith(arguments) for one in ends_of]
    parents = [one["process_exec"]["parent"] for one in client.events() if "process_exec" in one]
    assert arguments in "\n".join(one.get("arguments", "") for one in parents)
    assert all("environment_variables" not in one for one in ends_of)


def processes_of(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The process an event is of, and those above it."""
    inner = event.get("process_exec") or event.get("process_exit") or {}
    return [*filter(None, (inner.get("process"), inner.get("parent"))), *inner.get("ancestors", ())]


def argv_of(process: dict[str, Any]) -> list[bytes]:
    """Our own field, which is bytes."""
    return [b64decode(one) for one in process.get("argv", ())]


def ended(client: Client) -> set[int]:
    """Pids of all exits so far."""
    exits = (one.get("process_exit") for one in client.events())
    return {one["process"]["pid"] for one in exits if one}


@pytest.mark.one_kernel("test_throttling has the kernel's side", vm="6.1")
def test_throttling_as_a_client_sees_it(
    tmp_path: Path, workload: Path, hierarchy: Hierarchy
) -> None:
    """Start and stop once each, in that order, with the name; exits of all that ran between."""
    with (
        made_cgroup(hierarchy, f"wild-{os.getpid()}.scope") as cgroup,
        running_agent(tmp_path, "--cgroup-rate", "4,1s"),
    ):
        client = Client(tmp_path)
        client.mark(workload / "finish", "mark")
        words = [str(workload / name) for name in ("storm", "finish")]
        stdin, writing = os.pipe2(os.O_CLOEXEC)  # the storm ends when its input does
        storm = spawn([words[0], "1", "20", words[1]], prepare=lambda: enter(cgroup), stdin=stdin)
        os.waitpid(storm, 0)
        os.close(stdin)
        os.close(writing)
        found = partial(throttles, client, cgroup.name)
        wait(lambda: len(found()) == 2, "the end of throttling")
        ends = [one["process_exit"] for one in client.events() if "process_exit" in one]
        client.process.terminate()
        client.process.wait()

    assert ["THROTTLE_START", "THROTTLE_STOP"] == found()
    names = [one["process"]["arguments"] for one in ends]
    assert {f"0.{number}" for number in range(20)} <= set(names)


def throttles(client: Client, cgroup: str) -> list[str]:
    """Types of the events that tell of this cgroup, so far."""
    told = [one["process_throttle"] for one in client.events() if "process_throttle" in one]
    return [one["type"] for one in told if one.get("cgroup") == cgroup]  # the root has no name
