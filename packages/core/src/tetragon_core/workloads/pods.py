# SPDX-License-Identifier: Apache-2.0
"""Kubernetes pods by uid, and for a while those that are gone."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from .fitting import MAX_ANNOTATIONS, MAX_LABELS, fitting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .model import Pod

__all__ = ["PodTable"]


class PodTable:
    """Filled by the watch of the API server."""

    def __init__(self, max_gone: int, tell: Callable[[str], object]) -> None:
        """`tell` gets the uid of each pod that is new or changed."""
        self._max_gone = max_gone
        self._tell = tell
        self._pods: dict[str, Pod] = {}
        self._gone: OrderedDict[str, Pod] = OrderedDict()
        self._names: dict[str, str] = {}
        self.gone_hits = 0
        """Times a pod was found although it was gone."""
        self.gone_forgotten = 0
        """Pods that were gone for too long to be found any more."""

    def __len__(self) -> int:
        return len(self._pods)

    def __iter__(self) -> Iterator[Pod]:
        return iter(list(self._pods.values()))

    def learn(self, pod: Pod, *, other_uid: str = "") -> None:
        """Enter or change a pod.

        `other_uid`: what the cgroups of a static pod are named by; its uid in the API is the one of
        its mirror (annotation kubernetes.io/config.hash). It stays with the pod that had it first:
        anybody can write annotations.
        """
        if other_uid and self._names.get(other_uid) not in self._pods:
            self._names[other_uid] = pod.uid
        if self._pods.get(pod.uid) == pod:
            return
        self._pods[pod.uid] = pod
        self._tell(pod.uid)

    def forget(self, uid: str) -> None:
        """Note that the pod is gone; get() still knows it for a while."""
        pod = self._pods.pop(uid, None)
        if pod is None:
            return
        self._gone[uid] = replace(
            pod,
            labels=fitting(pod.labels, MAX_LABELS),
            annotations=fitting(pod.annotations, MAX_ANNOTATIONS),
        )
        while len(self._gone) > self._max_gone:
            lost, _ = self._gone.popitem(last=False)
            self.gone_forgotten += 1
            self._names = {name: of for name, of in self._names.items() if of != lost}

    def canonical(self, uid: str) -> str:
        """The uid in the API for one of either kind."""
        return self._names.get(uid, uid)

    def get(self, uid: str) -> Pod | None:
        """The pod with this uid of either kind, also if it is gone since not long ago."""
        uid = self.canonical(uid)
        found = self._pods.get(uid)
        if found is None and (found := self._gone.get(uid)) is not None:
            self.gone_hits += 1
        return found
