# SPDX-License-Identifier: Apache-2.0
"""RuntimeHook: a container runtime announces a container. It is taken, counted and logged.

Nothing is made of it yet; an announcement must succeed all the same, on any host, since the runtime
may refuse to start the container otherwise.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from tetragon import tetragon_pb2 as pb
from tetragon_core.stats import Counter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from google.protobuf.message import Message

    from tetragon_core.stats import Stats

    # What a request is depends on the rpc.
    Answer = Callable[[Any], Awaitable[Message]]

__all__ = ["RuntimeHookRpc"]

_log = logging.getLogger(__name__)


class RuntimeHookRpc:
    """Announcements of containers."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats

    def answers(self) -> Mapping[str, Answer]:
        """Rpc name → request to reply; raising GRPCError."""
        return {"RuntimeHook": self._take}

    async def _take(self, request: pb.RuntimeHookRequest) -> Message:
        if request.WhichOneof("event") != "createContainer":
            raise GRPCError(Status.UNKNOWN, "RuntimeHook: the request announces nothing")
        self._stats.add(Counter.RUNTIME_HOOKS)
        new = request.createContainer
        _log.debug(
            "a container is announced",
            extra={"attrs": {"cgroup": new.cgroupsPath, "root": new.rootDir}},
        )
        return pb.RuntimeHookResponse()
