# SPDX-License-Identifier: Apache-2.0
"""GetDebug and SetDebug: the agent's log level, and what its process cache holds.

A dump is made in slices, so that events go on meanwhile, one at a time, and is limited in size:
what would make the reply larger than the client takes is left out and told.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Final

from google.protobuf.wrappers_pb2 import UInt32Value
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from tetragon import sensors_pb2 as pb

from .logs import current_level, set_level

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from google.protobuf.message import Message

    from tetragon_core.cache import ProcessCache
    from tetragon_core.process import Process

    from .process_message import ProcessBuilder

    # What a request is depends on the rpc.
    Answer = Callable[[Any], Awaitable[Message]]

__all__ = ["InspectionRpcs"]

_SLICE: Final = 50
"""Entries made at one go: about 2 ms."""
_CLIENT_BYTES: Final = 10 << 20
"""What Tetragon's client takes, unless it is told otherwise."""
_MOST_BYTES: Final = 32 << 20
"""Whatever a client asks for; the agent holds the reply in memory."""
_ENVELOPE_BYTES: Final = 64
_ENTRY_BYTES: Final = 6
"""Tag and length of one entry."""
_PREFIX: Final = "LOG_LEVEL_"

_log = logging.getLogger(__name__)


class InspectionRpcs:
    """Requests to look into the agent and to let it log more."""

    def __init__(self, cache: ProcessCache, builder: ProcessBuilder, procfs: str) -> None:
        self._cache = cache
        self._builder = builder
        self._procfs = procfs
        self._dumping = asyncio.Lock()

    def answers(self) -> Mapping[str, Answer]:
        """Rpc name → request to reply; raising GRPCError."""
        return {"GetDebug": self._get, "SetDebug": self._set}

    async def _get(self, request: pb.GetDebugRequest) -> Message:
        if request.flag == pb.CONFIG_FLAG_LOG_LEVEL:
            level = _PREFIX + current_level().upper()
            return pb.GetDebugResponse(flag=request.flag, level=level)
        if request.flag == pb.CONFIG_FLAG_DUMP_PROCESS_CACHE:
            # Filled in place: to copy it would take longer than all else that is not in slices.
            reply = pb.GetDebugResponse(flag=request.flag)
            reply.processes.SetInParent()
            async with self._dumping:
                await self._dump(request.dump, reply.processes)
            return reply
        raise _refused("GetDebug", request.flag)

    async def _set(self, request: pb.SetDebugRequest) -> Message:
        if request.flag != pb.CONFIG_FLAG_LOG_LEVEL:
            raise _refused("SetDebug", request.flag)
        if not request.HasField("level") or request.level not in pb.LogLevel.values():
            raise GRPCError(Status.UNKNOWN, f"SetDebug: {request.level} is no log level")
        before, level = current_level(), pb.LogLevel.Name(request.level)
        set_level(level.removeprefix(_PREFIX).lower())
        # Not lost when the new level hides it.
        _log.log(
            max(logging.INFO, logging.getLogger().level),
            "log level changed",
            extra={"attrs": {"from": before, "to": current_level()}},
        )
        return pb.SetDebugResponse(flag=request.flag, level=request.level)

    async def _dump(
        self, wanted: pb.DumpProcessCacheReqArgs, reply: pb.DumpProcessCacheResArgs
    ) -> None:
        """What there was when it began, running ones first; states are those of the moment."""
        entries = [one for one in self._cache if not one.retired_ktime_ns]
        entries += [one for one in self._cache if one.retired_ktime_ns]
        if wanted.skip_zero_refcnt:
            entries = [one for one in entries if one.refcnt > 0]
        if wanted.exclude_execve_map_processes:
            running = await asyncio.to_thread(_running_pids, self._procfs)
            entries = [one for one in entries if not self._runs(one, running)]
        room = min(wanted.max_bytes or _CLIENT_BYTES, _MOST_BYTES) - _ENVELOPE_BYTES
        for number, entry in enumerate(entries):
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
            message = self._message(entry)
            room -= message.ByteSize() + _ENTRY_BYTES
            if room < 0:
                reply.left_out = len(entries) - number
                break
            reply.processes.append(message)

    def _runs(self, entry: Process, running: frozenset[int]) -> bool:
        return entry.pid in running and self._cache.live(entry.pid) is entry

    def _message(self, entry: Process) -> pb.ProcessInternal:
        # The reasons of references are not counted one by one here.
        return pb.ProcessInternal(
            process=self._builder.build(entry),
            color=_color(entry),
            refcnt=UInt32Value(value=max(0, entry.refcnt)),
        )


def _color(entry: Process) -> str:
    """What Tetragon's cache calls the state of an entry."""
    if entry.refcnt > 0:
        return "inUse"
    return "deletePending" if entry.cached_children else "deleteReady"


def _running_pids(procfs: str) -> frozenset[int]:
    """As /proc has them; every process of the kernel's table is there."""
    return frozenset(int(name) for name in os.listdir(procfs) if name.isdecimal())  # noqa: PTH208  # names alone: no Path for each


def _refused(rpc: str, flag: int) -> GRPCError:
    """In Tetragon's code for everything that cannot be done."""
    return GRPCError(Status.UNKNOWN, f"{rpc}: flag {flag} is not known here")
