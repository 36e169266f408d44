# SPDX-License-Identifier: Apache-2.0
"""GetDebug, SetDebug and RuntimeHook: what they answer and refuse, and how much they send."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from grpclib.exceptions import GRPCError

from server.builders import HOST, image
from tetragon import sensors_pb2 as pb
from tetragon_core.cache import ProcessCache
from tetragon_core.process import Process
from tetragon_core.stats import Stats
from tetragon_server.inspection import InspectionRpcs
from tetragon_server.process_message import ProcessBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DUMP = pb.CONFIG_FLAG_DUMP_PROCESS_CACHE
BUILDER = ProcessBuilder(with_credentials=False, with_namespaces=False, host=HOST, users=None)


def filled_cache(pids: Iterable[int], parent: Process | None = None) -> ProcessCache:
    """One with a running process for each pid."""
    cache = ProcessCache(Stats())
    for pid in pids:
        one = Process("n", (pid, pid * 1000), (0, 1))
        one.image, one.parent = image(), parent
        cache.add(one)
    return cache


def ask(rpcs: InspectionRpcs, request: Any) -> Any:
    """The reply of the rpc that the request belongs to."""
    return run(rpcs, type(request).__name__.removesuffix("Request"), request)


def run(rpcs: InspectionRpcs, name: str, request: Any) -> Any:
    """The reply of one rpc."""

    async def answer() -> Any:
        return await rpcs.answers()[name](request)

    return asyncio.run(answer())


def dump(cache: ProcessCache, procfs: str = "/proc", **wanted: Any) -> pb.DumpProcessCacheResArgs:
    """What a dump of this cache answers."""
    request = pb.GetDebugRequest(flag=DUMP, dump=pb.DumpProcessCacheReqArgs(**wanted))
    reply = ask(InspectionRpcs(cache, BUILDER, procfs), request)
    assert isinstance(reply, pb.GetDebugResponse)
    assert reply.flag == DUMP
    return reply.processes


def test_the_level_that_is_set_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """SetDebug answers with the level it was given, GetDebug with that in force."""
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)
    rpcs = InspectionRpcs(filled_cache(()), BUILDER, "/proc")

    changed = ask(rpcs, pb.SetDebugRequest(level=pb.LOG_LEVEL_TRACE))

    assert changed == pb.SetDebugResponse(level=pb.LOG_LEVEL_TRACE)
    assert ask(rpcs, pb.GetDebugRequest()) == pb.GetDebugResponse(level=pb.LOG_LEVEL_TRACE)


@pytest.mark.parametrize(
    "request_",
    [
        pb.GetDebugRequest.FromString(b"\x08\x07"),
        pb.SetDebugRequest(flag=DUMP, level=pb.LOG_LEVEL_INFO),
        pb.SetDebugRequest(),
        pb.SetDebugRequest.FromString(b"\x10\x63"),
    ],
    ids=["flag", "set-dump", "no-level", "no-such-level"],
)
def test_what_cannot_be_done_is_refused(request_: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown flag or level is an error, and changes nothing."""
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)

    with pytest.raises(GRPCError):
        ask(InspectionRpcs(filled_cache(()), BUILDER, "/proc"), request_)

    assert logging.getLogger().level == logging.INFO


def test_states_of_processes() -> None:
    """One that runs is in use; one that ended waits for its children, then for its end."""
    cache = filled_cache([1])
    parent = cache.live(1)
    assert parent is not None
    child = Process("n", (2, 2000), parent.key)
    child.parent = parent
    cache.add(child)
    cache.retire(child, 10)
    cache.retire(parent, 20)

    seen = [(one.process.pid.value, one.color, one.refcnt.value) for one in dump(cache).processes]

    assert [(1, "deletePending", 0), (2, "deleteReady", 0)] == seen


def test_skipping_those_without_references() -> None:
    """An ended process without running children has none."""
    cache = filled_cache([1, 2])
    ended = cache.live(1)
    assert ended is not None
    cache.retire(ended, 10)

    reply = dump(cache, skip_zero_refcnt=True)

    assert [2] == [one.process.pid.value for one in reply.processes]


def test_excluding_what_runs(tmp_path: Path) -> None:
    """What is left are entries that no running process has."""
    (tmp_path / "1").mkdir()
    (tmp_path / "self").mkdir()

    reply = dump(filled_cache([1, 2]), str(tmp_path), exclude_execve_map_processes=True)

    assert [2] == [one.process.pid.value for one in reply.processes]


def test_a_reply_is_never_larger_than_asked_for() -> None:
    """What does not fit is left out and counted, and what is sent makes good use of the limit."""
    reply = dump(filled_cache(range(1, 301)), max_bytes=4000)

    assert 300 == len(reply.processes) + reply.left_out
    assert reply.left_out
    assert 3500 < pb.GetDebugResponse(flag=DUMP, processes=reply).ByteSize() <= 4000


def test_events_go_on_during_a_dump() -> None:
    """Other work gets its turn between slices."""

    async def count_turns() -> int:
        rpcs = InspectionRpcs(filled_cache(range(1, 1001)), BUILDER, "/proc")
        asked = asyncio.ensure_future(rpcs.answers()["GetDebug"](pb.GetDebugRequest(flag=DUMP)))
        turns = 0
        while not asked.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(count_turns()) >= 20
