# SPDX-License-Identifier: Apache-2.0
"""Several agents or files as one stream: order, failures, and nothing lost."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tetragon.events_pb2 import GetEventsResponse
from tetragon_cli.merging import merged
from tetragon_core.errors import ConnectionFailedError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

DEADLINE_S = 30


def event(at_ns: int, node: str = "") -> GetEventsResponse:
    made = GetEventsResponse(node_name=node)
    made.time.FromNanoseconds(at_ns)
    return made


def numbers(events: Iterator[GetEventsResponse]) -> list[int]:
    return [one.time.ToNanoseconds() for one in events]


def test_events_of_two_sources_come_by_time() -> None:
    """As far as both are there at the same time."""
    odd, even = (iter([event(at) for at in range(start, 100, 2)]) for start in (1, 2))

    assert list(range(1, 100)) == numbers(merged({"a": odd, "b": even}, print))


def test_a_silent_source_stops_nobody() -> None:
    """An event waits for older ones of others for a moment only."""
    released = threading.Event()

    def silent() -> Iterator[GetEventsResponse]:
        released.wait(DEADLINE_S)
        yield event(1)

    stream = merged({"a": iter([event(5), event(6)]), "b": silent()}, print)
    first = [next(stream), next(stream)]
    released.set()

    assert [5, 6] == numbers(iter(first))
    assert [1] == numbers(stream)


def test_a_clock_that_is_behind_delays_nobody() -> None:
    """One source's events are always older than the other's, and both go on being printed."""
    steps = [threading.Event() for _ in range(5)]

    def behind() -> Iterator[GetEventsResponse]:
        for number, step in enumerate(steps):
            step.wait(DEADLINE_S)
            yield event(number + 1)

    stream = merged({"a": iter([event(1000)]), "b": behind()}, print)
    steps[0].set()
    shown = [next(stream), next(stream)]
    for step in steps:
        step.set()

    assert [1, 1000] == sorted(numbers(iter(shown)))
    assert [2, 3, 4, 5] == numbers(stream)


def test_a_source_that_fails_is_told_and_the_others_go_on() -> None:
    """Its error comes again at the end, so that the exit code tells."""

    def failing() -> Iterator[GetEventsResponse]:
        yield event(1)
        raise ConnectionFailedError("went away")

    told: list[str] = []
    stream = merged({"a": failing(), "b": iter([event(at) for at in range(2, 5000)])}, told.append)
    found: list[GetEventsResponse] = []
    with pytest.raises(ConnectionFailedError, match="went away"):
        found.extend(stream)

    assert list(range(1, 5000)) == numbers(iter(found))
    assert ["a: went away"] == told


def test_several_agents(agent: Any, run_client: Run, tmp_path: Path) -> None:
    """Addresses come by comma or by repetition; who cannot be reached is named once."""
    agent.events = [event(2, "x"), event(4, "x")]
    nobody = f"unix://{tmp_path}/none.sock"

    joined = run_client("getevents", "--retries=0", "--server-address", f"{agent.address},{nobody}")
    given = run_client(
        *("getevents", "--retries=0", "--server-address", nobody),
        *("--server-address", agent.address),
    )

    assert joined.stdout == given.stdout
    assert ["x", "x"] == [json.loads(line)["node_name"] for line in joined.stdout.splitlines()]
    assert 69 == joined.returncode == given.returncode
    assert f"{agent.address}: the agent ended the stream\n" in joined.stderr
    assert (
        f"{nobody}: cannot reach the agent at {nobody}: there is no such socket." in joined.stderr
    )


def test_other_commands_take_one_agent(run_client: Run) -> None:
    """Several addresses are refused, not tried one after the other."""
    done = run_client("status", "--server-address", "a:1,b:2")

    assert (2, "Error: 'a:1,b:2' are several addresses: give one\n") == (
        done.returncode,
        done.stderr,
    )


def test_lines_tell_the_node(agent: Any, run_client: Run) -> None:
    """In mini and table, when there are several; compact has it always."""
    made = event(10**9, "node7")
    made.process_exec.process.binary = "/b"
    made.process_exec.process.pid.value = 5
    agent.events = [made]
    again = agent.address.replace("unix://", "unix:")
    both = ("--server-address", f"{agent.address},{again}")

    mini = run_client("getevents", "-o", "mini", *both).stdout.splitlines()
    table = run_client("getevents", "-o", "table", *both).stdout.splitlines()
    alone = run_client("getevents", "-o", "mini", "--server-address", agent.address).stdout

    assert ["🚀 process            5: node7: ?: /b"] * 2 == mini
    assert ["TIME", "NODE", "TYPE"] == table[0].split()[:3]
    assert ["00:00:01.000", "node7", "exec"] == table[1].split()[:3]
    assert "🚀 process            5: ?: /b\n" == alone
