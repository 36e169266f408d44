# SPDX-License-Identifier: Apache-2.0
"""`debug`, `dump`, `loglevel`, `sensors`, `rthooks`: what they ask, print and refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.wrappers_pb2 import UInt32Value

from tetragon import sensors_pb2 as pb
from tetragon import tetragon_pb2
from tetragon_cli.map_memory import MapMemory
from tetragon_cli.program_runs import run_rows
from tetragon_sensors.kernel.inventory import MapEntry, ProgramEntry

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

DUMP = "CONFIG_FLAG_DUMP_PROCESS_CACHE"


def map_entry(number: int, name: str, memory_bytes: int) -> MapEntry:
    """A hash map."""
    return MapEntry(
        number=number,
        kind="hash",
        name=name,
        key_bytes=4,
        value_bytes=8,
        max_entries=16,
        flags=0,
        memory_bytes=memory_bytes,
    )


def program_entry(number: int, run_count: int, run_time_ns: int) -> ProgramEntry:
    """A program that ran so often."""
    return ProgramEntry(
        number=number,
        kind="kprobe",
        name=f"p{number}",
        jited_bytes=0,
        instructions=2,
        loaded_ns=0,
        run_count=run_count,
        run_time_ns=run_time_ns,
        recursion_misses=0,
        map_numbers=(),
        memory_bytes=4096,
    )


def memory() -> MapMemory:
    """Four maps: two used and held, one only held, one of somebody else."""
    entries = (
        map_entry(1, "a", 3000),
        map_entry(2, "a", 1000),
        map_entry(3, "b", 1000),
        map_entry(4, "x", 500),
    )
    return MapMemory(maps={one.number: one for one in entries}, used={1, 2}, held={1, 2, 3})


@pytest.mark.parametrize("name", ["loglevel", "log"])
def test_log_level_is_told(name: str, agent: Any, run_client: Run) -> None:
    """In the API's words."""
    agent.replies["GetDebug"] = pb.GetDebugResponse(level="LOG_LEVEL_INFO")

    done = run_client(name, "get", "--server-address", agent.address)

    assert (done.returncode, done.stdout) == (0, "Current log level: LOG_LEVEL_INFO\n")


@pytest.mark.parametrize(("word", "level"), [("DEBUG", "DEBUG"), ("warning", "WARN")])
def test_log_level_is_set(word: str, level: str, agent: Any, run_client: Run) -> None:
    """Any case is taken, and the agent's answer printed."""
    wanted = f"LOG_LEVEL_{level}"
    agent.replies["SetDebug"] = pb.SetDebugResponse(level=wanted)

    done = run_client("--server-address", agent.address, "loglevel", "set", word)

    assert (done.returncode, done.stdout) == (0, f"Log level set to: {wanted}\n")
    assert [pb.SetDebugRequest(level=wanted).SerializeToString()] == agent.asked["SetDebug"]


def test_a_wrong_log_level_is_refused_without_an_agent(run_client: Run) -> None:
    """Nothing is connected to."""
    done = run_client("loglevel", "set", "loud", "--server-address", "unix:///nowhere")

    assert done.returncode
    assert done.stderr == "Error: invalid log level: loud\n"


def test_process_cache_is_one_object_a_line(agent: Any, run_client: Run) -> None:
    """The client asks for as much as it takes, and tells what was left out."""
    process = tetragon_pb2.Process(exec_id="e", pid=UInt32Value(value=7))
    entry = pb.ProcessInternal(process=process, color="inUse", refcnt=UInt32Value(value=2))
    dumped = pb.DumpProcessCacheResArgs(processes=[entry, entry], left_out=5)
    agent.replies["GetDebug"] = pb.GetDebugResponse(flag=DUMP, processes=dumped)

    done = run_client(
        *("debug", "dump", "processCache", "--skip-zero-refcnt", "--max-recv-size", "70000"),
        *("--server-address", agent.address),
    )

    expected = {"process": {"exec_id": "e", "pid": 7}, "color": "inUse", "refcnt": 2}
    assert [expected, expected] == [json.loads(line) for line in done.stdout.splitlines()]
    assert done.stderr.startswith("5 more entries")
    wanted = pb.DumpProcessCacheReqArgs(skip_zero_refcnt=True, max_bytes=70000)
    request = pb.GetDebugRequest(flag=DUMP, dump=wanted)
    assert [request.SerializeToString()] == agent.asked["GetDebug"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("dump", "errmetrics"), "this agent has no "),
        (("debug", "dump", "policyfilter"), "cannot open /sys/fs/bpf/tetragon/x: "),
        (("dump", "policyfilter"), "cannot open /sys/fs/bpf/tetragon/x: "),
        (("policyfilter", "dump"), "cannot open /sys/fs/bpf/tetragon/x: "),
        (("cgtracker", "dump"), "cannot open /sys/fs/bpf/tetragon/x: "),
    ],
)
def test_a_map_that_is_not_there_is_told_in_one_line(
    words: tuple[str, ...], expected: str, run_client: Run
) -> None:
    """No trace, and a code that says that it failed."""
    done = run_client(*words, "--map-fname", "/sys/fs/bpf/tetragon/x")

    assert done.returncode
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: {expected}")
    assert 1 == len(done.stderr.splitlines())


@pytest.mark.parametrize(
    "words",
    [
        *(("debug", "maps"), ("debug", "progs"), ("dump", "execve"), ("dump", "policyfilter")),
        *(("cgtracker", "dump"), ("policyfilter", "listpolicies", "abcdef")),
    ],
)
def test_the_kernel_is_not_asked_without_an_agent(
    words: tuple[str, ...], tmp_path: Path, run_client: Run
) -> None:
    """Without one, and without root, the reason is one line."""
    done = run_client(*words, "--run-dir", str(tmp_path))

    assert done.returncode
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert 1 == len(done.stderr.splitlines())


def test_memory_of_maps_as_upstreams_json() -> None:
    """Sums, counts, what no program uses, and maps of one name together; zeros are left out."""
    seen = memory().as_object()

    assert {"all_maps": 5500, "pinned_progs_maps": 4000, "pinned_maps": 5000} == seen[
        "total_memlock_bytes"
    ]
    counts = {"pinned_progs_maps": 2, "pinned_maps": 3, "inter": 2, "exter": 1, "union": 3}
    assert counts | {"diff": 1} == seen["maps_stats"]
    assert [3] == [one["id"] for one in seen["diff_maps"]]
    assert [("a", 2, 4000, 80.0), ("b", 1, 1000, 20.0)] == [
        (one["name"], one["count"], one["total_memlock_bytes"], one["percent_of_total"])
        for one in seen["aggregated_maps"]
    ]


def test_memory_of_maps_as_tables() -> None:
    """Four tables; the last is cut."""
    seen = memory().as_tables(1)

    expected = """\
AllMaps   PinnedProgsMaps   PinnedMaps
5.50 kB   4.00 kB           5.00 kB

PinnedProgsMaps   PinnedMaps   Inter   Exter   Union   Diff
2                 3            2       1       3       1

ID   Name   Type   KeySize   ValueSize   MaxEntries   Memlock
3    b      hash   4         8           16           1.00 kB

Name   Type   KeySize   ValueSize   MaxEntries   Count   Memlock   TotalMemlock   PercentOfTotal
a      hash   4         8           16           2       3.00 kB   4.00 kB        80.0%
"""
    assert expected == seen


def test_runs_of_programs_are_those_of_the_interval() -> None:
    """The busiest first; what was loaded meanwhile has no row yet."""
    before = {n: (program_entry(n, 10, 1000), "pin") for n in (1, 2)}
    now = {
        1: (program_entry(1, 15, 2000), "pin"),
        2: (program_entry(2, 20, 6000), "-"),
        3: (program_entry(3, 1, 1), "-"),
    }

    assert [
        (" 50.00", "2", "10", "5000", "p2", "-"),
        (" 10.00", "1", "5", "1000", "p1", "pin"),
    ] == run_rows(before, now, 10_000)


def test_sensors_are_refused_by_the_agent_with_a_hint(agent: Any, run_client: Run) -> None:
    """The commands are there for scripts; output is upstream's, should an agent answer."""
    one = pb.SensorStatus(name="s", enabled=True, collection="c")
    agent.replies["ListSensors"] = pb.ListSensorsResponse(sensors=[one])

    done = run_client("sensors", "list", "--server-address", agent.address)

    assert (done.returncode, done.stdout) == (0, "s (enabled) c\n")
    assert "tracingpolicy" in done.stderr


def test_a_container_is_announced(agent: Any, run_client: Run) -> None:
    """The id is sent as the cgroup path, as by upstream's client."""
    agent.replies["RuntimeHook"] = tetragon_pb2.RuntimeHookResponse()

    done = run_client(
        *("rthooks", "create-container", "--container-id", "/c", "--root-dir", "/r"),
        *("--annotations", "a=1,b=2", "--server-address", agent.address),
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    [asked] = agent.asked["RuntimeHook"]
    new = tetragon_pb2.CreateContainer(
        cgroupsPath="/c", rootDir="/r", annotations={"a": "1", "b": "2"}
    )
    assert new == tetragon_pb2.RuntimeHookRequest.FromString(asked).createContainer


def test_number_of_a_cgroup(run_client: Run, tmp_path: Path) -> None:
    """That of its directory's inode."""
    done = run_client("policyfilter", "cgroupid", str(tmp_path))

    assert done.stdout == f"{tmp_path.stat().st_ino}\n"
