# SPDX-License-Identifier: Apache-2.0
"""Earlier events of a real agent: the same as those that were sent when they happened."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

import grpc
import pytest

from kernel.agents import address, running_agent
from kernel.recorder import DEADLINE_S
from tetragon.events_pb2 import GetEventsRequest, GetEventsResponse, History, HistoryState
from tetragon.sensors_pb2_grpc import FineGuidanceSensorsStub
from tetragon_server.replay import STATE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.one_kernel("it is about what the agent keeps", vm="5.10")
PROCESSES: Final = 200
LAST: Final = "the-last-one"
POLICY: Final = """
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: ends}
spec:
  kprobes:
  - {call: sys_exit_group, syscall: true, args: [{index: 0, type: int}]}
"""


def until_last(stream: Iterator[GetEventsResponse]) -> Iterator[GetEventsResponse]:
    """Events up to the exit of the last process."""
    for event in stream:
        yield event
        if event.process_exit.process.arguments.endswith(LAST):
            return


def test_history_is_what_was_sent_live(tmp_path: Path, workload: Path) -> None:
    """Execs, exits and hits of processes that have ended since, in order, each once."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    finish = workload / "finish"
    sizes = ("--event-history-size", "100000", "--event-history-bytes", "1G")
    options = (
        "--tracing-policy",
        str(policy),
        "--enable-process-cred",
        "--enable-ancestors",
        "base",
    )
    with (
        running_agent(tmp_path, *sizes, *options),
        grpc.insecure_channel(address(tmp_path).replace("unix://", "unix:")) as channel,
    ):
        agent = FineGuidanceSensorsStub(channel)
        live = agent.GetEvents(GetEventsRequest(history=History()), timeout=DEADLINE_S)
        state = HistoryState.FromString(dict(live.initial_metadata())[STATE_KEY])
        for number in range(PROCESSES):
            subprocess.run([finish, str(number % 7), f"no-{number}"], check=False)
        subprocess.run([finish, "0", LAST], check=True)
        then = list(until_last(live))

        place = History(run=state.run, after=state.next - 1)
        later = agent.GetEvents(GetEventsRequest(history=place), timeout=DEADLINE_S)
        assert then == list(until_last(later))

    kinds = [event.WhichOneof("event") for event in then]
    for kind in ("process_exec", "process_exit", "process_kprobe"):
        assert kinds.count(kind) > PROCESSES
    first = state.next
    assert list(range(first, first + len(then))) == [event.number for event in then]
