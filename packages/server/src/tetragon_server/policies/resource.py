# SPDX-License-Identifier: Apache-2.0
"""A policy as the API server of Kubernetes has it: the part that makes the policy, as a text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from .entry import Domain, PolicyKey

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Resource", "resource_of"]


class Resource(NamedTuple):
    """One custom resource, at one moment."""

    key: PolicyKey
    kind: str
    uid: str
    """Another one of the same name has another."""
    generation: int
    """Grows with each change of what makes the policy."""
    text: str
    """JSON, which is YAML; the same for as long as the policy is the same."""
    told: Mapping[str, Any] | None = None
    """What its status says of this node."""


def resource_of(found: Mapping[str, Any], kind: str, node: str) -> Resource:
    """The resource; what tools and the API server add to it is left out."""
    metadata = found.get("metadata", {})
    name, namespace = str(metadata.get("name", "")), str(metadata.get("namespace", ""))
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if metadata.get(key)}
    policy = {"apiVersion": found.get("apiVersion"), "kind": kind, "metadata": kept}
    return Resource(
        PolicyKey(name, namespace, Domain.KUBERNETES),
        kind,
        str(metadata.get("uid", "")),
        int(metadata.get("generation", 0)),
        json.dumps({**policy, "spec": found.get("spec", {})}, sort_keys=True),
        _told(found.get("status"), node),
    )


def _told(status: object, node: str) -> Mapping[str, Any] | None:
    entries = status.get("nodes") if isinstance(status, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("node") == node:
            return entry
    return None
