# SPDX-License-Identifier: Apache-2.0
"""Policies as custom resources, and what their status says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kernel.agents import wait
from kubernetes.api_server import Refused, collection

if TYPE_CHECKING:
    from kubernetes.api_server import ApiServer

__all__ = ["await_status", "change", "delete", "node_entries", "path_of", "policy"]

_NOT_FOUND: Final = 404
_MERGE: Final = "application/merge-patch+json"


def policy(name: str, *, namespace: str = "", event: str = "", **spec: Any) -> dict[str, Any]:
    """A policy at a tracepoint: by default at the one of each exec."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    hook = {"subsystem": "sched", "event": event or "sched_process_exec"}
    return {
        "apiVersion": "cilium.io/v1alpha1",
        "kind": "TracingPolicyNamespaced" if namespace else "TracingPolicy",
        "metadata": metadata,
        "spec": {"tracepoints": [hook], **spec},
    }


def path_of(one: dict[str, Any]) -> str:
    """Where the API server has it."""
    return f"{collection(one)}/{one['metadata']['name']}"


def change(server: ApiServer, one: dict[str, Any], **fields: Any) -> None:
    """Set fields of any object."""
    server.request("PATCH", path_of(one), fields, content_type=_MERGE)


def delete(server: ApiServer, one: dict[str, Any]) -> None:
    """Delete any object, if it is there."""
    try:
        server.request("DELETE", path_of(one))
    except Refused as error:
        if error.status != _NOT_FOUND:
            raise


def node_entries(server: ApiServer, one: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What each node says of it."""
    status = server.request("GET", path_of(one)).get("status", {})
    return {entry["node"]: entry for entry in status.get("nodes") or ()}


def await_status(
    server: ApiServer, one: dict[str, Any], state: str, *, node: str = "node1", error: str = ""
) -> dict[str, Any]:
    """The entry of a node, once it has this state and an error with this text."""
    found: dict[str, Any] = {}

    def is_there() -> bool:
        found.clear()
        found.update(node_entries(server, one).get(node, {}))
        return state == found.get("state") and error in found.get("error", "")

    wait(is_there, f"{state} of {one['metadata']['name']}, {error}")
    return found
