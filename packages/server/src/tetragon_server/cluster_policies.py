# SPDX-License-Identifier: Apache-2.0
"""Policies that are custom resources, as one of the agent's surroundings."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from tetragon_core.errors import TetragonError

from .policies.entry import Domain, PolicyKey
from .policies.resource import resource_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .policies.assembly import Policies
    from .policies.resource import Resource

__all__ = ["ClusterPolicySource"]

_REFRESH_S: Final = 10.0
"""How late the status learns what a client of the agent has switched."""
_CLEAR_S: Final = 0.5
"""For removing what this node has told, when the agent ends."""


class Writer(Protocol):
    """Writes into the status of policies what became of them on this node."""

    def set(
        self,
        kind: str,
        namespace: str,
        name: str,
        uid: str,
        status: Mapping[str, Any],
        told: Mapping[str, Any] | None,
    ) -> None:
        """Have this written; `told`: what is there already."""

    def forget(self, namespace: str, name: str) -> None:
        """Write no more about a policy."""

    async def run(self) -> None:
        """Write until cancelled."""

    async def clear(self) -> None:
        """Remove what this node has written. Raises TetragonError."""


class ClusterPolicySource:
    """Follows the API server from start to end; nothing waits for it."""

    def __init__(
        self,
        node: str,
        policies: Policies,
        *,
        follow: Callable[[ClusterPolicySource], Awaitable[None]],
        writer: Writer | None,
    ) -> None:
        """`node`: name of the own one in Kubernetes. `follow`: calls changed(), gone(), listed()
        and node_is() until it is cancelled. `writer`: None to write nothing.
        """
        self._node = node
        self._started = policies.started
        self._policies = policies.cluster()
        self._all = policies
        self._follow_server = follow
        self._writer = writer
        self._policies.tell = self._tell
        self._tasks: list[asyncio.Future[Any]] = []

    async def start(self) -> None:
        """Begin."""
        works: list[Awaitable[None]] = [self._follow_server(self), self._settle(), self._refresh()]
        works += [self._writer.run()] if self._writer is not None else []
        self._tasks = [asyncio.ensure_future(work) for work in works]

    async def close(self) -> None:
        """Follow no more; what the status says of this node is removed if the policies end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._writer is not None and not self._all.keeps_on_exit and self._tasks:
            with contextlib.suppress(TetragonError, TimeoutError):
                async with asyncio.timeout(_CLEAR_S):
                    await self._writer.clear()

    def changed(self, one: Mapping[str, Any], kind: str) -> None:
        """A policy is new or another than before."""
        self._policies.changed(resource_of(one, kind, self._node))

    def gone(self, namespace: str, name: str) -> None:
        """A policy is deleted."""
        if self._writer is not None:
            self._writer.forget(namespace, name)
        self._policies.gone(PolicyKey(name, namespace, Domain.KUBERNETES))

    def listed(self, *, is_namespaced: bool) -> None:
        """All there are of a kind were told."""
        self._policies.listed(is_namespaced=is_namespaced)

    def node_is(self, labels: Mapping[str, str] | None) -> None:
        """The labels of the own node."""
        self._policies.node_is(labels)

    async def _settle(self) -> None:
        await self._started.wait()
        await self._policies.run()

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_S)
            self._policies.refresh()

    def _tell(self, resource: Resource, status: Mapping[str, Any]) -> None:
        if self._writer is None:
            return
        key = resource.key
        self._writer.set(
            resource.kind, key.namespace, key.name, resource.uid, status, resource.told
        )
