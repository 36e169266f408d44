# SPDX-License-Identifier: Apache-2.0
"""Pods as the API server gives them."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["ID", "UID", "a_pod", "a_status", "owned"]

UID: Final = "0a1b2c3d-0000-4000-8000-000000000001"
ID: Final = 64 * "a"


def a_pod(name: str = "web-7d9f-x2", *, uid: str = UID, **more: Any) -> dict[str, Any]:
    """A pod of namespace shop with one container, main; `more`: its metadata, spec and status."""
    metadata = {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": "5"}
    spec = {"containers": [{"name": "main", "image": "nginx:1.27"}]}
    return {
        "metadata": metadata | more.pop("metadata", {}),
        "spec": spec | more.pop("spec", {}),
        "status": more.pop("status", {}),
    }


def a_status(name: str = "main", container_id: str = f"containerd://{ID}", **more: Any) -> Any:
    """Of a running container."""
    state = {"running": {"startedAt": "2026-11-21T20:00:00Z"}}
    return {
        "name": name,
        "image": "docker.io/library/nginx:1.27",
        "imageID": "docker.io/library/nginx@sha256:00",
        "containerID": container_id,
        "state": state,
        **more,
    }


def owned(kind: str, name: str, **labels: str) -> dict[str, Any]:
    """Metadata of a pod that a controller has made."""
    owners = [{"kind": "Node", "name": "n"}, {"kind": kind, "name": name, "controller": True}]
    return {"generateName": "web-", "ownerReferences": owners, "labels": labels}
