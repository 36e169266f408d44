# SPDX-License-Identifier: Apache-2.0
"""Sockets of runtimes where something else listens, or nothing that answers."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from k8s.asked import DEADLINE_S, asked_of, cgroup_at, container_id
from k8s.grpc_runtime import Calls, served
from k8s.unix_peer import close_at_once, drip, peer, say_garbage, say_nothing
from tetragon_k8s.runtimes import grpc_socket
from tetragon_k8s.runtimes.containerd import ContainerdRuntime
from tetragon_k8s.runtimes.cri import CriRuntime
from tetragon_k8s.runtimes.cri_messages import MESSAGES
from tetragon_k8s.runtimes.docker import DockerRuntime
from tetragon_k8s.runtimes.runtime import RuntimeFailedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tetragon_k8s.runtimes.runtime import Runtime

ONE = container_id(1)
MAKERS: dict[str, tuple[Callable[[str], Runtime], str]] = {
    "cri": (CriRuntime, f"/kubepods/{ONE}"),
    "containerd": (ContainerdRuntime, "/default/t1"),
    "docker": (DockerRuntime, f"/docker/{ONE}"),
}


@pytest.fixture(params=sorted(MAKERS))
def kind(request: pytest.FixtureRequest) -> str:
    """A runtime with a socket."""
    return str(request.param)


@pytest.mark.parametrize("talk", [close_at_once, say_nothing, say_garbage])
def test_events_go_on(tmp_path: Path, kind: str, talk: Any) -> None:
    """Whatever listens there, events wait only as long as they may, and the agent goes on."""
    make, path = MAKERS[kind]
    socket = tmp_path / "r.sock"

    async def run() -> str:
        runtime = make(str(socket))
        async with peer(socket, talk), asked_of(runtime, patience_s=0.1, call_s=0.05) as asked:
            asked.appear(7, path)
            return await asked.name(7)

    assert asyncio.run(run()) == ""


def test_no_thread_stays(tmp_path: Path) -> None:
    """An answer that comes in drops is broken off, and the thread that read it ends."""
    make, path = MAKERS["docker"]
    socket = tmp_path / "r.sock"

    async def run() -> None:
        runtime = make(str(socket))
        async with peer(socket, drip):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(runtime.find([cgroup_at(path)]), 0.1)
            for one in threading.enumerate():
                if one.name == "ask-docker":
                    await asyncio.to_thread(one.join, DEADLINE_S)
                    assert not one.is_alive()
        await runtime.close()

    asyncio.run(run())


def test_nobody_listens(tmp_path: Path, kind: str) -> None:
    """A socket that was left behind is an error that says so."""
    make, path = MAKERS[kind]
    socket = tmp_path / "r.sock"

    async def run() -> None:
        async with peer(socket, close_at_once):
            os.link(socket, tmp_path / "left")
        runtime = make(str(tmp_path / "left"))
        try:
            await runtime.find([cgroup_at(path)])
        finally:
            await runtime.close()

    with pytest.raises(RuntimeFailedError, match="refused"):
        asyncio.run(run())


def test_an_answer_of_any_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply of gRPC beyond the limit is refused by its length."""
    monkeypatch.setattr(grpc_socket, "_MAX_REPLY_BYTES", 1000)
    calls = Calls(MESSAGES)
    large = MESSAGES["VersionResponse"](runtime_name="a" * 1001)
    calls.add("/runtime.v1.RuntimeService/Version", "Version", lambda *_: large)
    socket = tmp_path / "r.sock"

    async def run() -> None:
        runtime = CriRuntime(str(socket))
        async with served(calls, socket):
            try:
                await runtime.find([cgroup_at(f"/kubepods/{ONE}")])
            finally:
                await runtime.close()

    with pytest.raises(RuntimeFailedError, match="more than 1000"):
        asyncio.run(run())


def test_a_socket_may_come_later(tmp_path: Path, kind: str) -> None:
    """Before its socket is there a runtime is not asked; from then on it is."""
    make, path = MAKERS[kind]
    socket = tmp_path / "r.sock"
    runtime = make(str(socket))

    before = runtime.claims(cgroup_at(path))
    socket.touch()

    assert not before
    assert runtime.claims(cgroup_at(path))
