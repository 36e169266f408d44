# SPDX-License-Identifier: Apache-2.0
"""Pods and their containers, read from the API's objects.

Statuses are written by kubelets; all else by whoever may create pods. An object that is not as it
should be raises KeyError, TypeError, AttributeError or ValueError.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.workloads.model import Container, Pod

from .workload_owner import workload_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .resources import Object

__all__ = ["containers_of", "pod_of", "running_ids", "uid_in_cgroups"]

_STATIC_UID: Final = re.compile(r"[0-9a-f]{32}\Z")
_HASH: Final = "kubernetes.io/config.hash"
_MIRROR: Final = "kubernetes.io/config.mirror"
_LISTS: Final = (
    ("containers", "containerStatuses"),
    ("initContainers", "initContainerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)
_PROBES: Final = ("livenessProbe", "readinessProbe")


def pod_of(one: Object, *, with_annotations: bool) -> Pod:
    """What events show of a pod."""
    metadata = one["metadata"]
    workload = workload_of(one)
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        labels=metadata.get("labels") or {},
        annotations=(metadata.get("annotations") or {}) if with_annotations else {},
        workload=workload.name,
        workload_kind=workload.kind,
    )


def uid_in_cgroups(one: Object) -> str:
    """What the cgroups of a static pod are named by; empty for all others.

    The API has a mirror of it, with a uid of its own. Anybody may create a pod that looks like one:
    what has the form of a uid that the API gives is not taken, and nothing before a kubelet has
    told of containers, which it does of no mirror but its own. Nobody can make a mirror of a pod
    that runs: the API server takes that annotation only when a pod is created.
    """
    annotations = one["metadata"].get("annotations") or {}
    found = str(annotations.get(_HASH, ""))
    is_static = annotations.get(_MIRROR) == found and _STATIC_UID.match(found)
    return found if is_static and any(containers_of(one)) else ""


def containers_of(one: Object) -> Iterator[Container]:
    """Those the kubelet has told the ids of, and those they came in place of."""
    spec, status = one.get("spec") or {}, one.get("status") or {}
    for of_spec, of_status in _LISTS:
        wanted = {container["name"]: container for container in spec.get(of_spec) or ()}
        for told in status.get(of_status) or ():
            known = wanted.get(told["name"], {})
            probes = tuple(_probes(known)) if of_spec == "containers" else ()
            for container_id, start in _runs(told):
                yield _container(told, known, container_id, start, probes)


def running_ids(one: Object) -> frozenset[str]:
    """Of its containers that run, without the runtime's name."""
    status = one.get("status") or {}
    told = [each for _, of_status in _LISTS for each in status.get(of_status) or ()]
    ids = [
        each.get("containerID") or "" for each in told if (each.get("state") or {}).get("running")
    ]
    return frozenset(each.rpartition("://")[2] for each in ids if each)


def _runs(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Whole id and start of the container there is, and of the one before: it may be just gone."""
    before = ((told.get("lastState") or {}).get("terminated") or {}).get("containerID")
    if before and before != told.get("containerID"):
        yield before, ""
    if now := told.get("containerID"):
        running = (told.get("state") or {}).get("running") or {}
        yield now, running.get("startedAt") or ""


def _container(
    told: Mapping[str, Any],
    wanted: Mapping[str, Any],
    container_id: str,
    start: str,
    probes: tuple[tuple[str, ...], ...],
) -> Container:
    runtime, _, own_id = container_id.rpartition("://")
    security = wanted.get("securityContext") or {}
    return Container(
        id=own_id,
        runtime=runtime,
        name=told["name"],
        image=told.get("image") or "",
        image_id=told.get("imageID") or "",
        start_time_ns=_nanoseconds(start),
        is_privileged=security.get("privileged") is True,
        exec_probes=probes,
    )


def _probes(wanted: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for probe in _PROBES:
        command = ((wanted.get(probe) or {}).get("exec") or {}).get("command")
        if command:
            yield tuple(str(one) for one in command)


def _nanoseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000 if text else 0
