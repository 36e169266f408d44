# SPDX-License-Identifier: Apache-2.0
"""Policies that are custom resources: those of the manager follow those of the API server.

A version that cannot be loaded is told, and the one before stays. How changes are noticed, and how
the status is written, is not known here.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.errors import TetragonError, UsageError
from tetragon_core.policy.node_selection import selects

from .auditing import no_audit
from .entry import Domain, PolicyMode, PolicyState, mode_of
from .node_status import bounded, node_status
from .reading import read_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .auditing import Audit
    from .entry import PolicyKey
    from .manager import PolicyManager
    from .reading import ReadPolicy
    from .resource import Resource
    from .worker import EngineWorker

    Tell = Callable[[Resource, Mapping[str, Any]], None]

__all__ = ["ClusterPolicies"]

_log = logging.getLogger(__name__)

_SOURCE: Final = "kubernetes"
_NO_ENFORCEMENT: Final = (
    "it would enforce, which --reject-enforcement forbids on this node; set option policy-mode to"
    " monitor, or let the agent load it from a file"
)
_NO_LABELS: Final = (
    "the labels of this node are not known, so nodeSelector was not looked at: the policy is loaded"
)


@dataclass(slots=True)
class _Known:
    """A resource, and what was made of it."""

    resource: Resource
    read: ReadPolicy | None = None
    error: str = ""
    is_stale: bool = False
    """The same text is worth another look."""

    @property
    def asks_for_node(self) -> bool:
        return self.read is not None and self.read.policy.spec.node_selector is not None


class ClusterPolicies:
    """Told what the API server says; all but `run` and `settle` return at once.

    What is pending is the newest of each policy, so it is bounded by how many there are.
    """

    def __init__(
        self,
        manager: PolicyManager,
        worker: EngineWorker,
        *,
        reject_enforcement: bool = False,
        audit: Audit = no_audit,
    ) -> None:
        """`reject_enforcement`: no resource may make a policy enforce."""
        self._manager = manager
        self._worker = worker
        self._reject_enforcement = reject_enforcement
        self._audit = audit
        self._known: dict[PolicyKey, _Known] = {}
        self._pending: dict[PolicyKey, Resource | None] = {}
        self._there: set[PolicyKey] = set()
        self._listed: set[bool] = set()
        self._labels: Mapping[str, str] | None = None
        self._is_node_known = False
        self._wake = asyncio.Event()
        self.tell: Tell = lambda *_: None
        """Gets the status of each resource that something became of."""

    def changed(self, resource: Resource) -> None:
        """Take one that is new, or changed, or there at start."""
        self._there.add(resource.key)
        self._pending[resource.key] = resource
        self._wake.set()

    def gone(self, key: PolicyKey) -> None:
        """Remove one."""
        self._there.discard(key)
        self._pending[key] = None
        self._wake.set()

    def listed(self, *, is_namespaced: bool) -> None:
        """Remove what the API server has not told of one kind: it has told all there are.

        That holds for what an agent before this one has left, too: only a list that the API server
        has really given counts.
        """
        self._listed.add(is_namespaced)
        self._wake.set()

    def node_is(self, labels: Mapping[str, str] | None) -> None:
        """Take the labels of the own node; None: nobody can tell, so nodeSelector is not asked.

        Before the first call policies with a nodeSelector wait.
        """
        if self._is_node_known and labels == self._labels:
            return
        self._labels, self._is_node_known = labels, True
        for key, known in self._known.items():
            if known.asks_for_node:
                known.is_stale = True
                self._pending.setdefault(key, known.resource)
        self._wake.set()

    async def run(self) -> None:
        """Follow for ever. Not before the agent's other policies are loaded: what an agent before
        has left is known by then.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.settle()
            except Exception:  # noqa: BLE001  # the next change is worth a look whatever this was
                _log.exception("policies of Kubernetes could not be followed")

    async def settle(self) -> None:
        """Do what is pending."""
        while self._listed:
            is_namespaced = self._listed.pop()
            for key in self._manager.keys(Domain.KUBERNETES) - self._there:
                if bool(key.namespace) is is_namespaced:
                    await self._remove(key)
        while self._pending:
            key = next(iter(self._pending))
            resource = self._pending.pop(key)
            await (self._remove(key) if resource is None else self._take(resource))

    def refresh(self) -> None:
        """Tell every status anew: clients of the agent may have changed something."""
        for known in self._known.values():
            self._tell(known)

    async def _take(self, resource: Resource) -> None:
        known = self._known.get(resource.key)
        if known is None or known.is_stale or known.resource.text != resource.text:
            known = self._known[resource.key] = _Known(resource)
            try:
                await self._load(known)
            except TetragonError as error:
                self._note_refused(known, error)
        known.resource = resource
        self._tell(known)

    async def _load(self, known: _Known) -> None:
        """Have the manager hold this version. Raises TetragonError."""
        key, text = known.resource.key, known.resource.text
        known.read = read = await self._worker.run(lambda: read_policy(text))
        if self._reject_enforcement and mode_of(read.policy) is PolicyMode.ENFORCE:
            raise UsageError(_NO_ENFORCEMENT)
        if known.asks_for_node and not self._is_node_known:
            return
        entry = self._manager.get(key)
        if not self._is_meant(read):
            if entry is None or entry.state is not PolicyState.SKIPPED or entry.text != text:
                await self._manager.skip(read, Domain.KUBERNETES)
                self._note("a policy is for other nodes", key)
            return
        if known.asks_for_node and self._labels is None:
            read = known.read = read._replace(warnings=(*read.warnings, _NO_LABELS))
        if entry is None or entry.loaded is None:
            await self._manager.add(read, Domain.KUBERNETES)
            self._note("a policy was loaded", key)
        elif entry.text != text or entry.error:
            await self._manager.replace(key, read)
            self._note("a policy was replaced", key)

    def _is_meant(self, read: ReadPolicy) -> bool:
        selector = read.policy.spec.node_selector
        return selector is None or self._labels is None or selects(selector, self._labels)

    async def _remove(self, key: PolicyKey) -> None:
        self._known.pop(key, None)
        if key not in self._manager.keys(Domain.KUBERNETES):
            return  # it may have been deleted by hand, or was never loaded
        try:
            await self._manager.delete(key)
        except TetragonError as error:
            _log.error("a policy could not be removed", extra={"attrs": {"error": error}})
            return
        self._note("a policy was removed", key)

    def _note(self, what: str, key: PolicyKey) -> None:
        _log.info(what, extra={"attrs": {"policy": key}})
        self._audit(what, key, _SOURCE)

    def _note_refused(self, known: _Known, error: TetragonError) -> None:
        known.error = bounded(str(error))
        key = known.resource.key
        attrs: dict[str, Any] = {"policy": key, "problem": known.error}
        entry = self._manager.get(key)
        if entry is not None and entry.loaded is not None:
            attrs["note"] = "its version before stays"
            known.error = (
                f"generation {known.resource.generation} is refused, the version before stays:"
                f" {known.error}"
            )
        _log.error("policy refused", extra={"attrs": attrs})

    def _tell(self, known: _Known) -> None:
        if known.asks_for_node and not self._is_node_known:
            return
        key, generation = known.resource.key, known.resource.generation
        status = node_status(self._manager.get(key), known.error, generation)
        if status is not None:
            self.tell(known.resource, status)
