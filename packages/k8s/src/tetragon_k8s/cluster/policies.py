# SPDX-License-Identifier: Apache-2.0
"""Follows both kinds of policies, and the labels of the own node, which they may ask for.

What becomes of a policy is not known here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from .resources import Resource
from .watching import Watch, Watcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .api import Api
    from .resources import Object
    from .watching import Pace

__all__ = ["KINDS", "NAMESPACED_KIND", "NODES", "PolicyListener", "PolicySource"]

_log = logging.getLogger(__name__)

NAMESPACED_KIND: Final = "TracingPolicyNamespaced"
KINDS: Final = {
    "TracingPolicy": Resource(group="cilium.io", version="v1alpha1", plural="tracingpolicies"),
    NAMESPACED_KIND: Resource(
        group="cilium.io", version="v1alpha1", plural="tracingpoliciesnamespaced"
    ),
}
NODES: Final = Resource(version="v1", plural="nodes")
_NODE_WAIT_S: Final = 10.0
"""For the first answer about the own node."""


class PolicyListener(Protocol):
    """Who is told; all of it returns at once."""

    def changed(self, one: Object, kind: str) -> None:
        """A policy is new or another than before."""

    def gone(self, namespace: str, name: str) -> None:
        """A policy is deleted; it has a namespace or none by its kind."""

    def listed(self, *, is_namespaced: bool) -> None:
        """All there are of a kind were told."""

    def node_is(self, labels: Mapping[str, str] | None) -> None:
        """The labels of the own node; None when nobody can tell."""


class PolicySource:
    """One per agent; `run()` it in a task."""

    def __init__(
        self,
        api: Api,
        node: str,
        listener: PolicyListener,
        *,
        pace: Pace | None = None,
        node_wait_s: float = _NODE_WAIT_S,
    ) -> None:
        """`node`: name of the own one. `node_wait_s`: for the first answer about it."""
        self._node = node
        self._listener = listener
        self._node_wait_s = node_wait_s
        self._has_node = False
        self._watches = [
            Watch(api, resource, self._watcher(kind), pace=pace) for kind, resource in KINDS.items()
        ]
        watcher = Watcher(self._on_node, lambda *_: None, self._on_nodes)
        fields = f"metadata.name={node}"
        self._watches.append(Watch(api, NODES, watcher, fields=fields, pace=pace))

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            for watch in self._watches:
                group.create_task(watch.run())
            await asyncio.sleep(self._node_wait_s)
            self._on_nodes()

    def _watcher(self, kind: str) -> Watcher:
        is_namespaced = kind == NAMESPACED_KIND
        return Watcher(
            lambda one: self._listener.changed(one, kind),
            lambda reference, _: self._listener.gone(reference.namespace, reference.name),
            lambda: self._listener.listed(is_namespaced=is_namespaced),
        )

    def _on_node(self, one: Object) -> None:
        self._has_node = True
        labels: Any = one["metadata"].get("labels") or {}
        self._listener.node_is({str(key): str(value) for key, value in labels.items()})

    def _on_nodes(self) -> None:
        """What there is was told, or was waited for."""
        if self._has_node:
            return
        self._has_node = True
        attrs = {"node": self._node}
        _log.warning("no labels of the own node: is NODE_NAME right?", extra={"attrs": attrs})
        self._listener.node_is(None)
