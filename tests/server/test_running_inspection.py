# SPDX-License-Identifier: Apache-2.0
"""An agent as a process is looked into over gRPC: its log level, its process cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from server.harness import DEADLINE_S, spawn, wait_until
from tetragon import sensors_pb2 as pb
from tetragon import sensors_pb2_grpc, tetragon_pb2

if TYPE_CHECKING:
    from pathlib import Path

DUMP = pb.CONFIG_FLAG_DUMP_PROCESS_CACHE
HOOK = tetragon_pb2.RuntimeHookRequest(
    createContainer=tetragon_pb2.CreateContainer(cgroupsPath="/made-up", containerID="c1")
)


def dumped(client: Any, **wanted: Any) -> Any:
    """What a dump has."""
    request = pb.GetDebugRequest(flag=DUMP, dump=pb.DumpProcessCacheReqArgs(**wanted))
    return client.GetDebug(request, timeout=DEADLINE_S).processes


def test_the_level_changes_while_the_agent_runs(tmp_path: Path) -> None:
    """What is announced after the change is in the log, what was before is not."""
    with spawn(tmp_path) as agent:
        wait_until((tmp_path / "tetragon-info.json").exists, "the info file")
        with grpc.insecure_channel(f"unix:{tmp_path}/tetragon.sock") as channel:
            client = sensors_pb2_grpc.FineGuidanceSensorsStub(channel)
            client.RuntimeHook(HOOK, timeout=DEADLINE_S)
            client.SetDebug(pb.SetDebugRequest(level=pb.LOG_LEVEL_DEBUG), timeout=DEADLINE_S)
            level = client.GetDebug(pb.GetDebugRequest(), timeout=DEADLINE_S).level
            client.RuntimeHook(HOOK, timeout=DEADLINE_S)
        agent.terminate()
        _, log = agent.communicate(timeout=DEADLINE_S)

    assert pb.LOG_LEVEL_DEBUG == level
    assert 1 == log.count(b"a container is announced")
    assert b"/made-up" in log


def test_the_cache_of_a_running_agent(tmp_path: Path) -> None:
    """Processes that were reported are in it; a request without arguments means all."""
    with spawn(tmp_path) as agent:
        wait_until((tmp_path / "tetragon-info.json").exists, "the info file")
        with grpc.insecure_channel(f"unix:{tmp_path}/tetragon.sock") as channel:
            client: Any = sensors_pb2_grpc.FineGuidanceSensorsStub(channel)
            before = len(dumped(client).processes)
            assert agent.stdin is not None
            agent.stdin.write(b"e" * 500)
            agent.stdin.flush()
            wait_until(lambda: len(dumped(client).processes) == before + 500, "500 more entries")

            bare = client.GetDebug(pb.GetDebugRequest(flag=DUMP), timeout=DEADLINE_S).processes
            cut = dumped(client, max_bytes=10_000)
        agent.kill()

    assert {"inUse"} == {one.color for one in bare.processes}
    assert before + 500 == len(bare.processes) == len(cut.processes) + cut.left_out
    assert cut.ByteSize() < 10_000
