# SPDX-License-Identifier: Apache-2.0
"""Objects of Kubernetes as tests create them."""

from __future__ import annotations

from typing import Any

__all__ = ["namespace", "pod", "role"]


def role(group: str, *rules: dict[str, Any]) -> list[dict[str, Any]]:
    """What all users of the group may do, everywhere."""
    api = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": group},
            "rules": list(rules),
        },
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": group},
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": group},
            "subjects": [{"kind": "Group", "apiGroup": api, "name": group}],
        },
    ]


def namespace(name: str) -> dict[str, Any]:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def pod(
    name: str,
    *,
    namespace: str = "default",
    node: str = "node1",
    labels: dict[str, str] | None = None,
    containers: tuple[str, ...] = ("main",),
    **metadata: Any,
) -> dict[str, Any]:
    """A pod that is bound to a node; no kubelet needs to run there."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}, **metadata},
        "spec": {
            "nodeName": node,
            "hostNetwork": True,
            "automountServiceAccountToken": False,
            "containers": [
                {"name": one, "image": "localhost/bb:1", "imagePullPolicy": "Never"}
                for one in containers
            ],
        },
    }
