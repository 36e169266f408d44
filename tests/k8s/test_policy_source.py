# SPDX-License-Identifier: Apache-2.0
"""What the watch of policies tells, and what it says of the own node."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from k8s.fake_api import FakeApi
from k8s.watched import DEADLINE_S, FAST
from tetragon_k8s.cluster.access import open_api
from tetragon_k8s.cluster.policies import PolicySource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

NODE: Any = {"kind": "Node", "metadata": {"name": "n1", "namespace": "", "labels": {"zone": "a"}}}


class Listener:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self._moved = asyncio.Event()

    def _note(self, told: object) -> None:
        self.told.append(told)
        self._moved.set()

    def changed(self, one: Mapping[str, Any], kind: str) -> None:
        """A policy is new or another."""
        self._note(("changed", kind, one["metadata"]["name"]))

    def gone(self, namespace: str, name: str) -> None:
        """A policy is gone."""
        self._note(("gone", namespace, name))

    def listed(self, *, is_namespaced: bool) -> None:
        """All of a kind were told."""
        self._note(("listed", is_namespaced))

    def node_is(self, labels: Mapping[str, str] | None) -> None:
        """The own node's labels."""
        self._note(("node", labels))

    async def until(self, holds: Callable[[list[object]], object]) -> None:
        """Return when it was told that."""
        async with asyncio.timeout(DEADLINE_S):
            while not holds(self.told):
                self._moved.clear()
                await self._moved.wait()


@asynccontextmanager
async def following(
    server: FakeApi, listener: Listener, user: str = "good", node_wait_s: float = DEADLINE_S
) -> AsyncIterator[None]:
    """A source of node n1 that runs."""
    api = open_api(server.kubeconfig(user))
    source = PolicySource(api, "n1", listener, pace=FAST, node_wait_s=node_wait_s)
    task = asyncio.create_task(source.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await api.close()
        await server.stop()


def test_what_is_told(tmp_path: Path) -> None:
    """Each policy of both kinds before its list is said to be whole, then changes and ends."""

    async def run() -> None:
        server, listener = FakeApi(tmp_path), Listener()
        await server.start()
        await server.put({"metadata": {"name": "p", "namespace": "ns"}})  # the same for all paths
        async with following(server, listener):
            await listener.until(lambda told: {("listed", True), ("listed", False)} <= set_of(told))
            listed = list(listener.told)
            await server.remove("p", "ns")
            await listener.until(lambda told: told.count(("gone", "ns", "p")) == 2)

        for kind, is_namespaced in (("TracingPolicy", False), ("TracingPolicyNamespaced", True)):
            changed = listed.index(("changed", kind, "p"))
            assert changed < listed.index(("listed", is_namespaced))

    asyncio.run(run())


def set_of(told: list[object]) -> set[object]:
    """Without what cannot be in a set."""
    return {one for one in told if isinstance(one, tuple) and not isinstance(one[1], dict)}


def test_the_own_node(tmp_path: Path) -> None:
    """Its labels are told, and again when they change."""

    async def run() -> None:
        server, listener = FakeApi(tmp_path), Listener()
        await server.start()
        await server.put(NODE)
        async with following(server, listener):
            await listener.until(lambda told: ("node", {"zone": "a"}) in told)
            metadata = {**NODE["metadata"], "labels": {"zone": "b"}}
            await server.put({**NODE, "metadata": metadata})
            await listener.until(lambda told: ("node", {"zone": "b"}) in told)

        assert ("node", None) not in listener.told

    asyncio.run(run())


@pytest.mark.parametrize(
    ("user", "node_wait_s"), [("good", DEADLINE_S), ("stranger", 0.05)], ids=["absent", "forbidden"]
)
def test_nobody_knows_the_node(tmp_path: Path, user: str, node_wait_s: float) -> None:
    """Where there is no such node, or nobody may read it, that is told instead of waiting on."""

    async def run() -> None:
        server, listener = FakeApi(tmp_path), Listener()
        await server.start()
        async with following(server, listener, user, node_wait_s):
            await listener.until(lambda told: ("node", None) in told)

        assert 1 == listener.told.count(("node", None))

    asyncio.run(run())


def test_a_server_that_refuses(tmp_path: Path) -> None:
    """No list is told that the server has not given: nothing would be removed for it."""

    async def run() -> None:
        server, listener = FakeApi(tmp_path), Listener()
        await server.start()
        async with following(server, listener, "stranger", 0.05):
            await listener.until(lambda told: ("node", None) in told)

        assert [("node", None)] == listener.told

    asyncio.run(run())
