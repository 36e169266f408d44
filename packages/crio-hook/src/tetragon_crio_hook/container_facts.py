# SPDX-License-Identifier: Apache-2.0
"""What the annotations and paths of an OCI specification tell about a container.

Everything here may come from whoever made the container: what is no text counts as not there.
"""

from __future__ import annotations

import os

from tetragon_core.errors import TetragonError
from tetragon_core.workloads.runtime_paths import cgroup_path

from .process_cgroup import cgroup_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from .container_spec import Spec, State

__all__ = ["Facts", "Mount", "collect", "texts"]

_CONTAINERD: Final = {
    "name": "io.kubernetes.cri.container-name",
    "image": "io.kubernetes.cri.image-name",
    "pod_name": "io.kubernetes.cri.sandbox-name",
    "pod_uid": "io.kubernetes.cri.sandbox-uid",
    "pod_namespace": "io.kubernetes.cri.sandbox-namespace",
}
_CRIO_ID: Final = "io.kubernetes.cri-o.ContainerID"
_CRIO: Final = {
    "name": "io.kubernetes.container.name",
    "image": "io.kubernetes.cri-o.ImageName",
    "id": _CRIO_ID,
    "pod_name": "io.kubernetes.pod.name",
    "pod_uid": "io.kubernetes.pod.uid",
    "pod_namespace": "io.kubernetes.pod.namespace",
}


class Mount:
    """A mount of the container."""

    __slots__ = ("destination", "options", "source", "type")

    def __init__(self, entry: Mapping[str, object]) -> None:
        self.destination = _text(entry.get("destination"))
        self.type = _text(entry.get("type"))
        self.source = _text(entry.get("source"))
        options = entry.get("options")
        self.options = [_text(one) for one in options] if isinstance(options, list) else []


class Facts:
    """What the agent is told; empty is not known."""

    def __init__(self) -> None:
        self.cgroups_path = ""
        self.root_dir = ""
        self.annotations: Mapping[str, str] = {}
        self.name = ""
        self.id = ""
        self.pod_name = ""
        self.pod_uid = ""
        self.pod_namespace = ""
        self.image = ""
        self.mounts: list[Mount] = []
        self.warning = ""
        """Why something is not known."""


def collect(spec: Spec, state: State) -> Facts:
    """Everything a specification and the runtime's state tell."""
    facts = Facts()
    facts.annotations = texts(spec.content.get("annotations"))
    # An annotation of the other runtime is one that somebody gave the container; nobody knows its
    # id before it is made.
    tables = (_CONTAINERD, _CRIO)
    told_id = facts.annotations.get(_CRIO_ID, "")
    is_crio = bool(told_id) and told_id == (state.id or told_id)
    for table in tables[::-1] if is_crio else tables:
        for name, key in table.items():
            if not getattr(facts, name):
                setattr(facts, name, facts.annotations.get(key, ""))
    facts.id = state.id or facts.id or _last_name(state.bundle)
    facts.root_dir = _root_directory(spec)
    mounts = spec.content.get("mounts")
    if isinstance(mounts, list):
        facts.mounts = [Mount(one) for one in mounts if isinstance(one, dict)]
    try:
        facts.cgroups_path = _cgroup(spec, state)
    except TetragonError as error:
        facts.warning = str(error)
    return facts


def texts(value: object) -> dict[str, str]:
    """The entries of an object that are texts."""
    if not isinstance(value, dict):
        return {}
    return {key: one for key, one in value.items() if isinstance(one, str)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _last_name(path: str) -> str:
    """Docker and containerd name a bundle by its container."""
    return os.path.basename(path.rstrip("/"))  # noqa: PTH119  # pathlib takes longer than the hook


def _root_directory(spec: Spec) -> str:
    """Beside its specification, or in the working directory when that is elsewhere."""
    if not spec.is_in_bundle:
        return spec.directory
    root = spec.content.get("root")
    path = _text(root.get("path")) if isinstance(root, dict) else ""
    return os.path.normpath(os.path.join(spec.directory, path))  # noqa: PTH118  # as above


def _cgroup(spec: Spec, state: State) -> str:
    """As the specification has it; else the one that the container's process is in already.

    A path that does not begin at the root is relative to what the runtime chooses.
    """
    linux = spec.content.get("linux")
    given = _text(linux.get("cgroupsPath")) if isinstance(linux, dict) else ""
    try:
        path = cgroup_path(given)
        if path.startswith("/") and path.strip("/"):
            return path
        reason = TetragonError(f"no absolute cgroup path in {spec.path}: {given!r}")
    except TetragonError as error:
        reason = error
    if state.pid > 0:
        path = cgroup_of(state.pid)
        if path != cgroup_of(os.getpid()):
            return path
        # podman run --cgroups=disabled: it would make a container of whoever started it.
        raise TetragonError(f"the container has no cgroup of its own: it is in {path}")
    raise reason
