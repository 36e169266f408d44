# SPDX-License-Identifier: Apache-2.0
"""Tells WorkloadTable of the pods of this node, and of their containers, as the API has them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tetragon_core.stats import Counter
from tetragon_core.workloads.table import Rank

from .errors import ApiError, RefusedError
from .pod_objects import containers_of, pod_of, running_ids, uid_in_cgroups
from .resources import PODS
from .watching import Pace, Watch, Watcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tetragon_core.workloads.model import Container
    from tetragon_core.workloads.table import WorkloadTable

    from .api import Api
    from .resources import Object, Reference

__all__ = ["PodSource"]

_log = logging.getLogger(__name__)

_DENIED: Final = (401, 403)
_FOR_GOOD: Final = 4
"""Refusals in a row; a server that has just started refuses what it allows a moment later."""


class PodSource:
    """One per agent; between start and close it watches in a task."""

    def __init__(
        self,
        api: Api,
        table: WorkloadTable,
        *,
        node_name: str,
        with_annotations: bool,
        pace: Pace | None = None,
    ) -> None:
        self._table = table
        self._node_name = node_name
        self._with_annotations = with_annotations
        self._start_s = (pace or Pace()).start_s
        self._denials = 0
        self._told: dict[str, dict[str, Container]] = {}
        """By uid of the pod and id of the container: what the table knows already."""
        self._watch = Watch(
            api,
            PODS,
            Watcher(
                self._on_changed,
                self._on_deleted,
                self._on_synced,
                self._on_failed,
                self._on_allowed,
            ),
            fields=f"spec.nodeName={node_name}",
            pace=pace,
        )
        self._task: asyncio.Task[None] | None = None
        table.expects_pods = table.is_kubernetes = True

    async def start(self) -> None:
        """List the pods, and go on in a task.

        Where that fails or takes long, events wait for their pods, and leave marked in the end.
        """
        with suppress(ApiError, TimeoutError):  # the task meets it again, and tells
            async with asyncio.timeout(self._start_s):
                await self._watch.sync()
        self._task = asyncio.create_task(self._watch.run())

    async def close(self) -> None:
        """End the watch."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def counters(self) -> Mapping[Counter, int]:
        """Source for Stats."""
        tally, pods = self._watch.tally, self._table.pods
        return {
            Counter.POD_CHANGES: tally.changes,
            Counter.POD_WATCH_FAILURES: tally.failures,
            Counter.POD_LISTS: tally.lists,
            Counter.PODS_UNREADABLE: tally.unreadable,
            Counter.GONE_POD_HITS: pods.gone_hits,
            Counter.GONE_PODS_FORGOTTEN: pods.gone_forgotten,
        }

    def _on_changed(self, one: Object) -> None:
        if self._denials:
            self._on_allowed()
        pod = pod_of(one, with_annotations=self._with_annotations)
        self._table.pods.learn(pod, other_uid=uid_in_cgroups(one))
        before = self._told.get(pod.uid, {})
        now = {container.id: container for container in containers_of(one)}
        self._told[pod.uid] = now
        for container in now.values():
            if before.get(container.id) != container:
                self._table.learn(container, Rank.API, pod_uid=pod.uid)
        self._settle_holder(pod.uid, running_ids(one))

    def _settle_holder(self, uid: str, running: frozenset[str]) -> None:
        """The container that holds a pod is in no status: the only cgroup too many is its.

        Right after a container was started anew the status may still have the old one; then there
        is not one too many, or more than one that the status does not have.
        """
        table = self._table
        homes = [one for one in table.homes() if table.pods.canonical(one.pod_uid) == uid]
        others = [one for one in homes if one.container_id not in running]
        if running and len(others) == 1 and len(homes) == len(running) + 1:
            table.settle(others[0].id)

    def _on_deleted(self, reference: Reference, last: Object | None) -> None:
        try:
            if last is not None:
                self._on_changed(last)  # a short container may be told of only now
        finally:
            self._told.pop(reference.uid, None)
            self._table.pods.forget(reference.uid)

    def _on_failed(self, error: ApiError) -> None:
        """One that may not ask is told nothing, however long events wait."""
        if isinstance(error, RefusedError) and error.status in _DENIED:
            self._denials += 1
            if self._denials >= _FOR_GOOD:
                self._table.expects_pods = False

    def _on_allowed(self) -> None:
        self._denials = 0
        self._table.expects_pods = True

    def _on_synced(self) -> None:
        self._on_allowed()
        count = len(self._told)
        _log.info(
            "pods of this node are known",
            extra={"attrs": {"node": self._node_name, "count": count}},
        )
        if not count:
            _log.warning(
                "the API server has no pods of node %r; if that is not its name in the cluster, "
                "set NODE_NAME",
                self._node_name,
            )
