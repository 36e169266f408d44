# SPDX-License-Identifier: Apache-2.0
"""Which workload a pod is of, guessed from its controller and labels as Tetragon does.

The workload itself is not asked for: that would take rights on every kind of workload.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .resources import Object

__all__ = ["WorkloadName", "workload_of"]

_CRON_JOB: Final = re.compile(r"(.+)-[0-9]{8,10}\Z", re.DOTALL)


class WorkloadName(NamedTuple):
    """Of a Deployment, DaemonSet, CronJob…; of the pod itself if nothing made it."""

    name: str
    kind: str


def workload_of(pod: Object) -> WorkloadName:
    """Only a pod with a generated name was made by a controller."""
    metadata = pod["metadata"]
    owner = _controller(metadata) if metadata.get("generateName") else None
    if owner is None:
        return WorkloadName(metadata["name"], "Pod")
    labels = metadata.get("labels") or {}
    name, kind = str(owner.get("name", "")), str(owner.get("kind", ""))
    match kind:
        case "ReplicaSet":
            made = labels.get("pod-template-hash", "")
            if made and name.endswith(made):
                return WorkloadName(name.removesuffix(f"-{made}"), "Deployment")
        case "ReplicationController":
            if config := labels.get("deploymentconfig", ""):
                return WorkloadName(config, "DeploymentConfig")
        case "Job":
            if found := _CRON_JOB.match(name):
                return WorkloadName(found[1], "CronJob")
    return WorkloadName(name or metadata["name"], kind)


def _controller(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    owners = metadata.get("ownerReferences") or ()
    return next((one for one in owners if one.get("controller")), None)
