# SPDX-License-Identifier: Apache-2.0
"""contrib/kubernetes as `kubectl kustomize` renders it, and as this API server can take it."""

from __future__ import annotations

import copy
import functools
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from kernel.agents import wait
from kubernetes.api_server import Refused, collection

if TYPE_CHECKING:
    from kubernetes.api_server import ApiServer

__all__ = ["CONTRIB", "OVERLAYS", "apply", "containers", "definitions", "one_of", "render"]

ROOT: Final = Path(__file__).parents[2]
CONTRIB: Final = ROOT / "contrib/kubernetes"
OVERLAYS: Final = ("base", *sorted(f"overlays/{one.name}" for one in CONTRIB.glob("overlays/*")))
_KUBECTL: Final = ROOT / "build/kubectl/trixie/usr/bin/kubectl"
_CONFLICT: Final = 409
_PROBES: Final = ("startupProbe", "livenessProbe")


def render(overlay: str) -> list[dict[str, Any]]:
    """The objects of an overlay."""
    return copy.deepcopy(_rendered(overlay))


@functools.cache
def _rendered(overlay: str) -> list[dict[str, Any]]:
    subprocess.run([ROOT / "tools/unpack", "kubectl"], check=True, stdout=subprocess.DEVNULL)
    rendered = subprocess.run(
        [_KUBECTL, "kustomize", CONTRIB / overlay], check=True, capture_output=True, text=True
    )
    return [one for one in yaml.load_all(rendered.stdout, yaml.CSafeLoader) if one]


def definitions() -> list[dict[str, Any]]:
    """The custom resource definitions."""
    paths = sorted((CONTRIB / "crds").glob("tracing*.yaml"))
    return [yaml.load(path.read_text(), yaml.CSafeLoader) for path in paths]  # safe


def one_of(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The only object of a kind."""
    (found,) = [one for one in objects if one["kind"] == kind]
    return found


def containers(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the DaemonSet, those that end first before the others."""
    spec = one_of(objects, "DaemonSet")["spec"]["template"]["spec"]
    return [*spec.get("initContainers", ()), *spec["containers"]]


def apply(server: ApiServer, objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Create or replace them; what the server has then.

    gRPC probes came with 1.24: an older server sees a probe without any action, and refuses it.
    """
    for container in containers(objects) if any(o["kind"] == "DaemonSet" for o in objects) else ():
        for probe in _PROBES:
            container.pop(probe, None)
    found = [_apply(server, one) for one in objects]
    for one in objects:
        if one["kind"] == "CustomResourceDefinition":
            _await_served(server, one["spec"])
    return found


def _await_served(server: ApiServer, spec: dict[str, Any]) -> None:
    """Return when the API server has objects of the new kind."""
    path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}?limit=1"

    def is_served() -> bool:
        try:
            server.request("GET", path)
        except Refused:
            return False
        return True

    wait(is_served, path)


def _apply(server: ApiServer, one: dict[str, Any]) -> dict[str, Any]:
    try:
        return server.create(one)[0]
    except Refused as error:
        if error.status != _CONFLICT:
            raise
    path = f"{collection(one)}/{one['metadata']['name']}"
    version = server.request("GET", path)["metadata"]["resourceVersion"]
    metadata = {**one["metadata"], "resourceVersion": version}
    if one["kind"] == "Service":
        return server.request("GET", path)
    return server.request("PUT", path, {**one, "metadata": metadata})
