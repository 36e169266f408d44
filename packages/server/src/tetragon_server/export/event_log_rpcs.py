# SPDX-License-Identifier: Apache-2.0
"""EventLogService: clients ask for the limits of the export file, and change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from tetragon import eventlogservice_pb2 as pb
from tetragon_core.errors import UsageError

from ..config.kinds import DURATION
from .go_durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from google.protobuf.message import Message

    from .export_file import ExportFile

    # What a request is depends on the rpc.
    Answer = Callable[[Any], Awaitable[Message]]

__all__ = ["EventLogRpcs"]


class EventLogRpcs:
    """Errors have Tetragon's code, UNKNOWN, and without an export file its words."""

    def __init__(self, file: ExportFile | None) -> None:
        self._file = file

    def answers(self) -> Mapping[str, Answer]:
        """Rpc name → request to reply; raising GRPCError."""
        return {"GetEventLogParams": self._get, "SetEventLogParams": self._set}

    async def _get(self, _: pb.GetEventLogParamsRequest) -> Message:
        file = self._found()
        return pb.GetEventLogParamsResponse(
            max_size=file.max_mib,
            rotation_interval=duration_text(file.interval_s),
            max_backups=file.max_backups,
        )

    async def _set(self, request: pb.SetEventLogParamsRequest) -> Message:
        file = self._found()
        try:
            file.set(
                max_mib=request.max_size if request.HasField("max_size") else None,
                interval_s=_interval(request),
                max_backups=request.max_backups if request.HasField("max_backups") else None,
            )
        except UsageError as error:
            raise GRPCError(Status.UNKNOWN, str(error)) from error
        return pb.SetEventLogParamsResponse()

    def _found(self) -> ExportFile:
        if self._file is None:
            raise GRPCError(Status.UNKNOWN, "no log params setters available")
        return self._file


def _interval(request: pb.SetEventLogParamsRequest) -> float | None:
    if not request.HasField("rotation_interval"):
        return None
    text = request.rotation_interval
    if not text:
        raise UsageError('rotation_interval: "" is no duration; write it like 30s, 5m or 1h30m')
    try:
        seconds: float = DURATION.parse(text)
    except ValueError as error:
        raise UsageError(f"rotation_interval: {error}") from error
    return seconds
