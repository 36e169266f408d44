# SPDX-License-Identifier: Apache-2.0
"""The whole path: kernel, agent, gRPC, client; and agents that end well, badly, or not alone."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kernel.agents import (
    await_unloaded,
    bpf_objects,
    running_agent,
    start_agent,
    subscribed,
)
from kernel.recorder import DEADLINE_S
from kernel.statuses import read_statuses
from tetragon_core.stats import Stats
from tetragon_sensors.base import BaseSensor, SensorConfig
from tetragon_sensors.features import program_copies

if TYPE_CHECKING:
    from collections.abc import Iterable

ALREADY_RUNNING = 73
OWN_DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture
def finish(workload: Path) -> Path:
    """The program that ends at once."""
    return workload / "finish"


def names_in(directory: Path) -> set[str]:
    """What is in `directory`."""
    return {path.name for path in directory.iterdir()}


def of_kind(events: Iterable[dict[str, Any]], kind: str, pids: set[int]) -> list[dict[str, Any]]:
    """What events of one kind say about these processes."""
    return [e[kind] for e in events if kind in e and e[kind]["process"]["pid"] in pids]


def outcome(exit_event: dict[str, Any]) -> int:
    """The status as wait(2) gives it."""
    if name := exit_event.get("signal"):
        return int(signal.Signals[name])
    return int(exit_event.get("status", 0)) << 8


@pytest.mark.one_kernel("test_sequence has the kernel's side", vm="6.12")
def test_many_processes_to_the_client(
    tmp_path: Path, workload: Path, finish: Path, count: int
) -> None:
    """Each of the children reaches the client once, in order, with parent, number, status."""
    with running_agent(tmp_path), subscribed(tmp_path, finish) as client:
        with (tmp_path / "out").open("wb") as output:
            command = [str(workload / "sequence"), str(count), str(finish)]
            root = subprocess.Popen(command, stdout=output)
            assert 0 == root.wait(DEADLINE_S)
        client.mark(finish, "last-marker")
        events = client.events()

    children = read_statuses(tmp_path / "out")
    pids = {pid for pid, _ in children}
    assert count == len(children)
    assert not [event for event in events if "lost" in event]
    starts, ends = of_kind(events, "process_exec", pids), of_kind(events, "process_exit", pids)
    assert [pid for pid, _ in children] == [each["process"]["pid"] for each in starts]
    assert list(map(str, range(count))) == [each["process"]["arguments"] for each in starts]
    (parent,) = of_kind(events, "process_exec", {root.pid})
    assert {parent["process"]["exec_id"]} == {each["parent"]["exec_id"] for each in starts}
    assert children == [(each["process"]["pid"], outcome(each)) for each in ends]
    ids = [each["process"]["exec_id"] for each in starts]
    assert count == len(set(ids))
    assert ids == [each["process"]["exec_id"] for each in ends]


def test_killed_and_started_again(tmp_path: Path, finish: Path) -> None:
    """After kill -9 the kernel keeps nothing, and the next agent starts over the leavings."""
    with running_agent(tmp_path) as agent:
        objects = bpf_objects(agent.pid)
        # a program and a link for each copy of fork, exec and exit, and for three about cgroups
        programs = [kind for kind, _ in objects if kind in {"prog", "link"}]
        assert 6 * program_copies() + 6 == len(programs)
        agent.kill()
        assert -signal.SIGKILL == agent.wait(DEADLINE_S)
    assert {"tetragon.pid", "tetragon-info.json", "t.sock"} <= names_in(tmp_path)
    await_unloaded(objects)

    with running_agent(tmp_path) as again, subscribed(tmp_path, finish):
        assert str(again.pid) == (tmp_path / "tetragon.pid").read_text().strip()


@pytest.mark.one_kernel("it is about files and signals", vm="5.10")
def test_second_agent_then_the_end_of_the_first(tmp_path: Path, finish: Path) -> None:
    """A second agent says that one runs, and the first goes on.

    SIGTERM ends that one with 0 although a stream is open; it leaves no file and no BPF object, and
    the client ends too.
    """
    with running_agent(tmp_path) as agent, subscribed(tmp_path, finish) as client:
        second = start_agent(tmp_path)
        assert ALREADY_RUNNING == second.wait(DEADLINE_S)
        line = (tmp_path / "log").read_text().strip().splitlines()[-1]
        assert f"an agent already runs on this host (pid {agent.pid}" in line
        client.mark(finish, "still-here")
        objects = bpf_objects(agent.pid)
        agent.terminate()
        assert 0 == agent.wait(DEADLINE_S)
        client.process.wait(DEADLINE_S)
    assert {"events", "log"} == names_in(tmp_path)
    await_unloaded(objects)


def test_closed_sensor_leaves_nothing() -> None:
    """After close() every descriptor is closed and every program, map and link is gone."""
    descriptors = names_in(OWN_DESCRIPTORS)
    before = bpf_objects("self")
    with BaseSensor(SensorConfig(), Stats()):
        objects = bpf_objects("self") - before
        assert objects
    assert descriptors == names_in(OWN_DESCRIPTORS)
    assert before == bpf_objects("self")
    await_unloaded(objects)
