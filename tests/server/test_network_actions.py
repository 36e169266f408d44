# SPDX-License-Identifier: Apache-2.0
"""Requests that hits of policies ask the agent for."""

from __future__ import annotations

import asyncio
import logging
import queue
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from network_listener import listener
from server.fake_engine import DEADLINE_S, FakeEngine, policy_text
from tetragon_core.network_requests import NetworkRequest
from tetragon_core.stats import Counter
from tetragon_server.config import AgentConfig
from tetragon_server.policies.assembly import Policies
from tetragon_server.policies.network_actions import WAITING, NetworkActions

if TYPE_CHECKING:
    from pathlib import Path

    from tetragon_server.policies.engine import Ask


def test_one_request_for_each_hit() -> None:
    """A URL that is asked for twice is fetched twice."""
    with listener() as (url, paths):
        actions = NetworkActions()
        for path in ("/a", "/a", "/b"):
            actions.ask(NetworkRequest("GetUrl", url + path))

        # They go out side by side.
        assert ["/a", "/a", "/b"] == sorted(paths.get(timeout=DEADLINE_S) for _ in range(3))
        assert paths.empty()


def test_a_name_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """DnsLookup asks the resolver of the host."""
    asked: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(socket, "getaddrinfo", lambda name, _port: asked.put(name))

    NetworkActions().ask(NetworkRequest("DnsLookup", "ebpf.io"))

    assert asked.get(timeout=DEADLINE_S) == "ebpf.io"


def test_too_many_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks never waits: what finds no place is dropped and counted."""
    started, go_on = threading.Event(), threading.Event()
    done: queue.Queue[str] = queue.Queue()

    def resolve(name: str, _port: None) -> None:
        started.set()
        go_on.wait(DEADLINE_S)
        done.put(name)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    actions = NetworkActions()
    request = NetworkRequest("DnsLookup", "ebpf.io")
    actions.ask(request)
    assert started.wait(DEADLINE_S)

    for _ in range(WAITING + 3):
        actions.ask(request)

    assert actions.counters()[Counter.REQUESTS_DROPPED] == 3
    go_on.set()
    for _ in range(WAITING + 1):  # none is left for when the host's resolver is back
        done.get(timeout=DEADLINE_S)


def test_failures_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The thread outlives failures; all are counted, and within seconds one is logged."""
    caplog.set_level(logging.WARNING)
    with listener() as (url, paths):
        actions = NetworkActions()
        for _ in range(3):
            actions.ask(NetworkRequest("GetUrl", "file:///etc/passwd"))
        actions.ask(NetworkRequest("GetUrl", url + "/a"))

        assert paths.get(timeout=DEADLINE_S) == "/a"
    assert actions.counters()[Counter.REQUESTS_FAILED] == 3
    assert ["a request of a policy failed"] == [one.message for one in caplog.records]


@pytest.mark.parametrize("enabled", [False, True])
def test_engines_may_ask_only_with_the_flag(tmp_path: Path, *, enabled: bool) -> None:
    """Without --enable-policy-network-actions an engine is given nobody to ask."""
    given: list[Ask | None] = []

    def open_engine(ask: Ask | None) -> FakeEngine:
        given.append(ask)
        return FakeEngine()

    path = tmp_path / "a.yaml"
    path.write_text(policy_text("a"))

    async def run() -> None:
        config = AgentConfig(
            tracing_policy_dir="",
            tracing_policy=(str(path),),
            enable_policy_network_actions=enabled,
        )
        policies = Policies(config, open_engine)
        await policies.start()
        await policies.close()

    asyncio.run(run())

    assert [enabled] == [one is not None for one in given]
