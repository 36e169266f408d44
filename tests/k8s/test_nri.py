# SPDX-License-Identifier: Apache-2.0
"""The NRI plugin against a runtime that follows the protocol, and ones that do not."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any

import pytest

from k8s.nri_runtime import Runtime, runtime_at
from tetragon_core.errors import TetragonError
from tetragon_k8s.nri import plugin as nri_plugin
from tetragon_k8s.nri.messages import Nri
from tetragon_k8s.nri.plugin import NriPlugin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tetragon_core.workloads.announcement import Announcement

POD = Nri["PodSandbox"](
    id="s1", name="web-0", uid="u1", namespace="shop", labels={"app": "web"}, annotations={"a": "1"}
)
CONTAINER = Nri["Container"](
    id="c1",
    pod_sandbox_id="s1",
    name="web",
    annotations={"io.kubernetes.cri.image-name": "nginx:1"},
    linux=Nri["LinuxContainer"](cgroups_path="/kubepods/c1"),
)


class Told:
    """What was announced; refuses what the tests say."""

    def __init__(self) -> None:
        self.all: list[Announcement] = []
        self.refused = False

    def take(self, new: Announcement) -> None:
        """As the agent does."""
        if self.refused:
            raise TetragonError("no such cgroup")
        self.all.append(new)


def with_plugin(
    tmp_path: Path, told: Told, work: Callable[[Runtime, asyncio.Queue[Runtime]], Awaitable[None]]
) -> None:
    """Run `work` with a plugin that has connected and is registered."""

    async def run() -> None:
        path = tmp_path / "nri.sock"
        async with runtime_at(path) as plugins:
            plugin = NriPlugin(str(path), told.take)
            await plugin.start()
            try:
                runtime = await plugins.get()
                await runtime.take_registration()
                await work(runtime, plugins)
            finally:
                await plugin.close()

    asyncio.run(asyncio.wait_for(run(), 20))


def start_of(pod: Any = POD, container: Any = CONTAINER) -> bytes:
    """The event of a container that is about to start."""
    event = Nri["StateChangeEvent"](event=6, pod=pod, container=container)
    return bytes(event.SerializeToString())


def test_it_registers_and_asks_for_starts(tmp_path: Path) -> None:
    """Name and two digits first; then the mask of the one event it needs."""

    async def run() -> tuple[Any, Any]:
        async with runtime_at(tmp_path / "s") as plugins:
            plugin = NriPlugin(str(tmp_path / "s"), Told().take)
            await plugin.start()
            runtime = await plugins.get()
            registration = await runtime.take_registration()
            configured = await runtime.ask("Configure")
            await plugin.close()
            return registration, Nri["ConfigureResponse"].FromString(configured.payload)

    registration, configured = asyncio.run(run())

    assert ("tetragon-mini", "01") == (registration.plugin_name, registration.plugin_idx)
    assert 1 << 5 == configured.events


@pytest.mark.parametrize("piece", [0, 7])
def test_a_start_is_announced_before_it_is_answered(tmp_path: Path, piece: int) -> None:
    """With all that is known, in however many frames it came."""
    told = Told()

    async def work(runtime: Runtime, _: object) -> None:
        response = await runtime.ask("StateChange", start_of(), piece=piece)
        assert 0 == response.status.code

    with_plugin(tmp_path, told, work)

    (one,) = told.all
    assert ("/kubepods/c1", "c1", "containerd", "web", "nginx:1") == (
        *(one.cgroups_path, one.container_id, one.runtime, one.name, one.image),
    )
    assert ("u1", "web-0", "shop", {"app": "web"}) == (
        *(one.pod_uid, one.pod_name, one.pod_namespace, one.pod_labels),
    )
    assert "1" == one.annotations["a"]


def test_newer_runtimes_call_by_name(tmp_path: Path) -> None:
    """Where each event has a method of its own."""
    told = Told()
    request = Nri["StartContainerRequest"](pod=POD, container=CONTAINER)

    async def work(runtime: Runtime, _: object) -> None:
        await runtime.ask("StartContainer", request.SerializeToString())

    with_plugin(tmp_path, told, work)

    assert ["c1"] == [one.container_id for one in told.all]


def test_other_events_change_nothing(tmp_path: Path) -> None:
    """They are answered all the same; a method that no plugin has is refused."""
    told = Told()

    async def work(runtime: Runtime, _: object) -> None:
        stop = Nri["StateChangeEvent"](event=10, pod=POD, container=CONTAINER)
        assert 0 == (await runtime.ask("StateChange", stop.SerializeToString())).status.code
        assert 12 == (await runtime.ask("Dance")).status.code

    with_plugin(tmp_path, told, work)

    assert [] == told.all


def test_what_runs_already_is_announced(tmp_path: Path) -> None:
    """Also in several parts, the pods in another one than their containers."""
    told = Told()

    async def work(runtime: Runtime, _: object) -> None:
        first = Nri["SynchronizeRequest"](pods=[POD], more=True)
        last = Nri["SynchronizeRequest"](containers=[CONTAINER])
        answers = [
            Nri["SynchronizeResponse"].FromString(
                (await runtime.ask("Synchronize", one.SerializeToString())).payload
            )
            for one in (first, last)
        ]
        assert [True, False] == [one.more for one in answers]

    with_plugin(tmp_path, told, work)

    assert ["web-0"] == [one.pod_name for one in told.all]


def test_a_container_starts_whatever_we_think_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An announcement that is refused is logged, and no error for the runtime."""
    told = Told()
    told.refused = True

    async def work(runtime: Runtime, _: object) -> None:
        assert 0 == (await runtime.ask("StateChange", start_of())).status.code

    with_plugin(tmp_path, told, work)

    assert "a container was not taken: no such cgroup" in caplog.text


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack(">II", 7, 3) + b"abc",
        struct.pack(">II", 1, 1 << 30),
        struct.pack(">II", 1, 10) + struct.pack(">IIBB", 5 << 20, 1, 1, 0),
        struct.pack(">II", 1, 10) + struct.pack(">IIBB", 0, 1, 3, 0),
        struct.pack(">II", 1, 12) + struct.pack(">IIBB", 2, 1, 1, 0) + b"\xff\xff",
        b"",
    ],
    ids=["connection", "frame", "message", "type", "protobuf", "end"],
)
def test_it_connects_again(tmp_path: Path, frame: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an end of the connection, and after what is no NRI."""
    monkeypatch.setattr(nri_plugin, "_FIRST_PAUSE_S", 0.0)
    told = Told()

    async def work(runtime: Runtime, plugins: asyncio.Queue[Runtime]) -> None:
        runtime.writer.write(frame)
        if not frame:
            runtime.close()
        again = await plugins.get()
        await again.take_registration()
        await again.ask("StateChange", start_of())

    with_plugin(tmp_path, told, work)

    assert ["c1"] == [one.container_id for one in told.all]


def test_a_runtime_that_is_not_there_is_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it is tried; when it comes the plugin registers."""
    monkeypatch.setattr(nri_plugin, "_FIRST_PAUSE_S", 0.0)
    path = tmp_path / "nri.sock"

    async def run() -> None:
        plugin = NriPlugin(str(path), Told().take)
        await plugin.start()
        for _ in range(20):
            await asyncio.sleep(0)
        async with runtime_at(path) as plugins:
            runtime = await plugins.get()
            await runtime.take_registration()
            await runtime.ask("Configure")
            assert plugin.is_registered
            await plugin.close()

    asyncio.run(asyncio.wait_for(run(), 20))

    assert 1 == sum("containers start without us" in one.message for one in caplog.records)


def test_a_refused_plugin_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the runtime's reason in the log."""
    monkeypatch.setattr(nri_plugin, "_FIRST_PAUSE_S", 0.0)

    async def run() -> None:
        async with runtime_at(tmp_path / "s") as plugins:
            plugin = NriPlugin(str(tmp_path / "s"), Told().take)
            await plugin.start()
            await (await plugins.get()).take_registration("no plugins today")
            await (await plugins.get()).take_registration()
            await plugin.close()

    asyncio.run(asyncio.wait_for(run(), 20))

    assert "the plugin was refused: no plugins today" in caplog.text
