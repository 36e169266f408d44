# SPDX-License-Identifier: Apache-2.0
"""The export of an agent as a process: what is in the file, who is told of it, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import grpc
import pytest

from server.harness import DEADLINE_S, spawn, wait_until
from tetragon import eventlogservice_pb2, eventlogservice_pb2_grpc

if TYPE_CHECKING:
    from pathlib import Path

USAGE = 2
EVENTS = 500
FIRST_PID = 5_000_001


def ready(agent: subprocess.Popen[bytes], run_dir: Path) -> None:
    info = run_dir / "tetragon-info.json"
    wait_until(lambda: info.exists() or agent.poll() is not None, "the info file")
    assert agent.poll() is None


def feed(agent: subprocess.Popen[bytes], letters: bytes) -> None:
    assert agent.stdin is not None
    agent.stdin.write(letters)
    agent.stdin.flush()


def pids(path: Path) -> list[int]:
    """Of every exec in the file."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line["process_exec"]["process"]["pid"] for line in lines]


def test_the_file_has_every_event_of_the_agents_life(tmp_path: Path) -> None:
    """First the processes that ran already, last what came right before the end."""
    path = tmp_path / "logs/e.log"
    with spawn(tmp_path, f"export_filename={path}") as agent:
        ready(agent, tmp_path)
        info = json.loads((tmp_path / "tetragon-info.json").read_text())
        feed(agent, b"e" * EVENTS)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(DEADLINE_S) == 0

    found = pids(path)
    made = [pid for pid in found if pid >= FIRST_PID]
    # What the sensor had not read at the signal was never seen by the agent.
    assert made == list(range(FIRST_PID, FIRST_PID + len(made)))
    assert {0, 1, agent.pid} <= set(found)
    assert info["export_fname"] == str(path)


def test_the_export_is_seen_and_changed_by_any_client(tmp_path: Path) -> None:
    """EventLogService, asked by another implementation of gRPC."""
    pb = eventlogservice_pb2
    with spawn(tmp_path, f"export_filename={tmp_path}/e.log") as agent:
        ready(agent, tmp_path)
        with grpc.insecure_channel(f"unix:{tmp_path}/tetragon.sock") as channel:
            stub = eventlogservice_pb2_grpc.EventLogServiceStub(channel)
            stub.SetEventLogParams(pb.SetEventLogParamsRequest(max_size=7), timeout=DEADLINE_S)
            reply = stub.GetEventLogParams(pb.GetEventLogParamsRequest(), timeout=DEADLINE_S)
        agent.kill()

    expected = pb.GetEventLogParamsResponse(max_size=7, rotation_interval="0s", max_backups=5)
    assert reply == expected


def test_without_an_export_its_service_says_so(tmp_path: Path) -> None:
    """Code and words are Tetragon's."""
    request = eventlogservice_pb2.GetEventLogParamsRequest()
    with spawn(tmp_path) as agent:
        ready(agent, tmp_path)
        with grpc.insecure_channel(f"unix:{tmp_path}/tetragon.sock") as channel:
            stub = eventlogservice_pb2_grpc.EventLogServiceStub(channel)
            with pytest.raises(grpc.RpcError) as error:
                stub.GetEventLogParams(request, timeout=DEADLINE_S)
        agent.kill()

    assert error.value.code() == grpc.StatusCode.UNKNOWN
    assert error.value.details() == "no log params setters available"


def test_a_filter_that_cannot_be_used_ends_the_start(tmp_path: Path) -> None:
    """With one line, before anything is loaded."""
    settings = (f"export_filename={tmp_path}/e.log", 'export_allowlist={"what":1}')
    with spawn(tmp_path, *settings) as agent:
        _, errors = agent.communicate(timeout=DEADLINE_S)

    assert agent.returncode == USAGE
    assert b"export-allowlist: object 1" in errors.splitlines()[-1]


def test_a_sink_that_hangs_does_not_hold_the_agent(tmp_path: Path) -> None:
    """A pipe that nobody empties: the agent ends, and says how many events were left."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with spawn(tmp_path, f"export_filename={path}") as agent:
        ready(agent, tmp_path)
        feed(agent, b"e" * EVENTS)
        agent.send_signal(signal.SIGTERM)
        _, errors = agent.communicate(timeout=DEADLINE_S)
    os.close(reader)

    assert agent.returncode == 0
    assert b"the agent ends before all events are exported" in errors


def test_the_client_takes_the_json_form_and_nothing_else_of_the_agent() -> None:
    """Its start must stay quick: the two modules it shares import no other of the agent's."""
    script = (
        "import sys, tetragon_server.jsontext, tetragon_server.export.go_durations\n"
        "print(*sorted(one for one in sys.modules if one.startswith('tetragon_server')))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == [
        "tetragon_server",
        "tetragon_server.export",
        "tetragon_server.export.go_durations",
        "tetragon_server.jsontext",
    ]
