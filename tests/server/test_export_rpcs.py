# SPDX-License-Identifier: Apache-2.0
"""EventLogService: what clients are told about the export file, and may change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from server.exporting import exec_of
from server.harness import names_in
from tetragon import eventlogservice_pb2 as pb
from tetragon_server.bus import Bus
from tetragon_server.config import AgentConfig
from tetragon_server.export.assembly import Export

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path


class Running:
    """An export and its rpcs."""

    def __init__(self, path: Path | None, **settings: Any) -> None:
        name = "" if path is None else str(path)
        self.config = AgentConfig(export_filename=name, **settings)
        self.bus = Bus(max_events=1000, max_bytes=1 << 20)
        self.export = Export(self.config, self.bus, node_name="n1")

    async def get(self) -> tuple[int, str, int]:
        """Size, interval, backups."""
        answer = self.export.rpcs.answers()["GetEventLogParams"]
        reply = await answer(pb.GetEventLogParamsRequest())
        assert isinstance(reply, pb.GetEventLogParamsResponse)
        return reply.max_size, reply.rotation_interval, reply.max_backups

    async def set(self, **values: Any) -> None:
        """Those given."""
        await self.export.rpcs.answers()["SetEventLogParams"](pb.SetEventLogParamsRequest(**values))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def test_limits_are_those_of_the_settings(tmp_path: Path) -> None:
    """The interval in Go's form."""

    async def work() -> tuple[int, str, int]:
        running = Running(tmp_path / "e.log", export_file_rotation_interval=5400.0)
        running.export.start()
        found = await running.get()
        await running.export.close(1)
        return found

    assert run(work()) == (10, "1h30m0s", 5)


def test_only_what_is_given_changes(tmp_path: Path) -> None:
    """Zero is a value: it switches rotation by time off, and keeps all backups."""

    async def work() -> list[tuple[int, str, int]]:
        running = Running(tmp_path / "e.log")
        found = []
        for values in (
            {"max_size": 3},
            {"rotation_interval": "5m"},
            {"max_backups": 0, "rotation_interval": "0s"},
            {},
        ):
            await running.set(**values)
            found.append(await running.get())
        return found

    assert run(work()) == [(3, "0s", 5), (3, "5m0s", 5), (3, "0s", 0), (3, "0s", 0)]


@pytest.mark.parametrize(
    "values",
    [
        {"max_size": -1},
        {"max_size": 3, "max_backups": -1},
        {"max_size": 3, "rotation_interval": "soon"},
        {"max_size": 3, "rotation_interval": ""},
        {"max_size": 3, "rotation_interval": "-5s"},
    ],
)
def test_values_that_cannot_be_used_change_nothing(tmp_path: Path, values: dict[str, Any]) -> None:
    """Refused with Tetragon's code, all of them."""

    async def work() -> tuple[Status, tuple[int, str, int]]:
        running = Running(tmp_path / "e.log")
        with pytest.raises(GRPCError) as error:
            await running.set(**values)
        return error.value.status, await running.get()

    assert run(work()) == (Status.UNKNOWN, (10, "0s", 5))


def test_without_an_export_file_both_are_refused() -> None:
    """In Tetragon's words, which scripts may look for."""

    async def work() -> list[str | None]:
        running = Running(None)
        said = []
        for call in (running.get, running.set):
            with pytest.raises(GRPCError) as error:
                await call()
            said.append(error.value.message)
        return said

    assert run(work()) == ["no log params setters available"] * 2


def test_an_interval_rotates_at_once_and_again(tmp_path: Path) -> None:
    """It counts from the request; each file has what came before its end."""

    async def work() -> None:
        running = Running(tmp_path / "e.log")
        running.export.start()
        running.bus.publish(exec_of(1))
        await running.set(rotation_interval="20ms")
        while len(names_in(tmp_path)) < 3:  # noqa: ASYNC110  # there is no event for a file
            await asyncio.sleep(0.005)
        await running.set(rotation_interval="0")
        running.bus.publish(exec_of(2))
        await running.export.close(5)

    run(work())

    files = [tmp_path / name for name in names_in(tmp_path)]
    assert sum(one.read_text().count("\n") for one in files) == 2
    assert '"pid":2' in files[-1].read_text()


def test_read_again_settings_change_only_what_differs(tmp_path: Path) -> None:
    """What a client has set stays, unless the settings say something new about it."""

    async def work() -> tuple[int, str, int]:
        running = Running(tmp_path / "e.log")
        await running.set(max_size=3, max_backups=7)
        running.export.reload(
            AgentConfig(export_filename=running.config.export_filename, export_file_max_backups=1)
        )
        return await running.get()

    assert run(work()) == (3, "0s", 1)
