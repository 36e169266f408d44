# SPDX-License-Identifier: Apache-2.0
"""A watch that notes what it was told, and waits for it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from tetragon_k8s.cluster.access import open_api
from tetragon_k8s.cluster.resources import PODS
from tetragon_k8s.cluster.watching import Pace, Watch, Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from tetragon_k8s.cluster.resources import Reference

__all__ = ["FAST", "Seen", "World", "running", "some_pod", "watching"]

DEADLINE_S: Final = 30
LOOK_S: Final = 0.02
"""How often is looked for what nobody tells."""
FAST: Final = Pace(first_s=0.01, most_s=0.1)


class World(Protocol):
    """An API server, real or not."""

    def kubeconfig(self, user: str = ...) -> str:
        """A file to reach it with."""

    async def start(self) -> None:
        """Let it answer."""

    async def stop(self) -> None:
        """Let it end at once; what it knows stays."""

    async def put(self, one: Mapping[str, Any]) -> None:
        """Create an object, or change it."""

    async def remove(self, name: str) -> None:
        """Delete it."""

    async def expire(self) -> None:
        """Let no version so far be one to watch from."""


class Seen:
    """What a watch told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.uids: list[str] = []
        self._moved = asyncio.Event()

    def watcher(self) -> Watcher:
        """To be given to a watch."""
        return Watcher(self._changed, self._deleted, lambda: self._note("synced", ""))

    async def until(self, holds: Callable[[], object]) -> None:
        """Return when `holds()`."""
        async with asyncio.timeout(DEADLINE_S):
            while not holds():
                self._moved.clear()
                again = asyncio.get_running_loop().call_later(LOOK_S, self._moved.set)
                await self._moved.wait()
                again.cancel()

    async def has(self, *told: tuple[str, str]) -> None:
        """Return when all this was told."""
        await self.until(lambda: set(told) <= set(self.told))

    def _changed(self, one: Mapping[str, Any]) -> None:
        assert "managedFields" not in one["metadata"]
        self.uids.append(one["metadata"]["uid"])
        self._note("changed", _text(one))

    def _deleted(self, reference: Reference, last: Mapping[str, Any] | None) -> None:
        del last
        self._note("deleted", reference.name)

    def _note(self, kind: str, name: str) -> None:
        self.told.append((kind, name))
        self._moved.set()


def _text(one: Mapping[str, Any]) -> str:
    color = one["metadata"].get("labels", {}).get("color", "")
    return f"{one['metadata']['name']} {color}".strip()


def some_pod(name: str, color: str = "", *, node: str = "node1") -> dict[str, Any]:
    """A pod with one label."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"color": color}},
        "spec": {"nodeName": node, "containers": [{"name": "main", "image": "localhost/bb:1"}]},
    }


@asynccontextmanager
async def watching(
    world: World, pace: Pace = FAST, user: str | None = None
) -> AsyncIterator[tuple[Watch, Seen]]:
    """A watch of the pods of node1 that does not run, and what it tells."""
    api = open_api(world.kubeconfig() if user is None else world.kubeconfig(user))
    seen = Seen()
    try:
        yield Watch(api, PODS, seen.watcher(), fields="spec.nodeName=node1", pace=pace), seen
    finally:
        await api.close()


@asynccontextmanager
async def running(world: World, pace: Pace = FAST) -> AsyncIterator[tuple[Watch, Seen]]:
    """The same, and it runs."""
    async with watching(world, pace) as (watch, seen):
        task = asyncio.create_task(watch.run())
        try:
            yield watch, seen
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
