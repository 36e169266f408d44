# SPDX-License-Identifier: Apache-2.0
"""Containers announced before their first process: by a runtime's hook or as an NRI plugin.

When announce() returns, events name the container and policies that select it are in force: the
runtime goes on only then.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tetragon_core.cgroups import container_id as id_in_name
from tetragon_core.errors import TetragonError
from tetragon_core.stats import Counter
from tetragon_core.workloads.announcement import Announcement
from tetragon_core.workloads.cgroup_names import read_path
from tetragon_core.workloads.model import Container, Pod
from tetragon_core.workloads.runtime_paths import cgroup_path
from tetragon_core.workloads.table import Rank

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tetragon_core.stats import Stats
    from tetragon_core.workloads.table import WorkloadTable

__all__ = ["Announcements"]

_log = logging.getLogger(__name__)

_MAX_TEXT: Final = 4096
"""No name of a runtime is longer."""
_NO_PODS: Final = {"libpod": "podman", "docker": "docker"}
"""How cgroups begin, or are in, whose runtimes do not say pods in annotations; images do."""
_CONFIG_HASH: Final = "kubernetes.io/config.hash"
"""Of a static pod: the uid its cgroups are named by."""


class Announcements:
    """One per agent; used in its event loop."""

    def __init__(
        self,
        table: WorkloadTable,
        cgroup_root: Path,
        stats: Stats,
        *,
        is_needed: Callable[[], bool] = lambda: False,
    ) -> None:
        """`cgroup_root`: where the hierarchy that names containers is seen. `is_needed`: whether
        any policy selects workloads, so that it matters whether they are known in time.
        """
        self._table = table
        self._root = cgroup_root
        self._stats = stats
        self._is_needed = is_needed

    def announce(self, new: Announcement) -> None:
        """Take it. Raises TetragonError for a text that is too long, and for a cgroup that is not
        there while policies select workloads: they would come late.
        """
        self._stats.add(Counter.RUNTIME_HOOKS)
        _check_lengths(new)
        path, cgroup_id = self._cgroup(new)
        new = _believable(new, path)
        container_id = new.container_id or read_path(path).container_id or _last_name(path)
        if cgroup_id:
            self._table.cgroups.add(cgroup_id, path)
        elif not container_id:
            return
        self._table.learn(
            Container(id=container_id, runtime=new.runtime, name=new.name, image=new.image),
            Rank.ANNOUNCED,
            cgroup_id=cgroup_id,
            pod=_pod(new, path),
            pod_uid=_pod_uid(new, path),
        )
        _log.debug(
            "a container is announced",
            extra={"attrs": {"container": container_id, "cgroup": path, "pod": new.pod_name}},
        )

    def _cgroup(self, new: Announcement) -> tuple[str, int]:
        """Path and id; the id is 0 when it cannot be known and need not be."""
        try:
            path = _normal(cgroup_path(new.cgroups_path))
            return path, self._cgroup_id(path)
        except TetragonError as error:
            if self._is_needed():
                raise
            _log.warning("an announced container has no cgroup here: %s", error)
            return "", 0

    def _cgroup_id(self, path: str) -> int:
        """The kernel's number of it: the inode of its directory (kernfs)."""
        try:
            return (self._root / path.lstrip("/")).stat(follow_symlinks=False).st_ino
        except OSError as error:
            raise TetragonError(
                f"RuntimeHook: cgroup {path} is not in {self._root}: {error.strerror}"
            ) from error


def _check_lengths(new: Announcement) -> None:
    texts = (new.cgroups_path, new.container_id, new.name, new.image, new.pod_name)
    if any(len(one) > _MAX_TEXT for one in (*texts, new.pod_uid, new.pod_namespace)):
        raise TetragonError(f"RuntimeHook: a text is longer than {_MAX_TEXT} characters")


def _believable(new: Announcement, path: str) -> Announcement:
    """Without what the cgroup contradicts: annotations may come from an image, or from a pod.

    Podman gives those of the image to the container; its names are asked for elsewhere.
    """
    above, _, last = path.rpartition("/")
    new = replace(new, container_id=id_in_name(last) or new.container_id)
    pod_uid = read_path(path).pod_uid
    if pod_uid:
        is_right = pod_uid in {_pod_uid(new, ""), new.pod_uid} or not new.pod_uid
        new = new if is_right else replace(new, pod_name="", pod_namespace="")
        return replace(new, pod_uid=pod_uid, annotations={})
    is_docker = above.rpartition("/")[2] == "docker" and id_in_name(last) == last
    runtime = _NO_PODS.get("docker" if is_docker else last.partition("-")[0])
    if runtime is None or not id_in_name(last):
        return new
    return Announcement(cgroups_path=path, container_id=new.container_id, runtime=runtime)


def _normal(path: str) -> str:
    """From the root, without what could lead out of it."""
    parts = [part for part in path.split("/") if part]
    if not parts or ".." in parts or "." in parts or "\0" in path:
        raise TetragonError(f"RuntimeHook: {path!r} is no cgroup of a container")
    return "/" + "/".join(parts)


def _last_name(path: str) -> str:
    """As Tetragon has it: after the last dash, without `.scope`."""
    return path.rpartition("/")[2].removesuffix(".scope").rpartition("-")[2]


def _pod_uid(new: Announcement, path: str) -> str:
    """As the cgroup has it: for a static pod that is the hash of its file."""
    told = new.annotations.get(_CONFIG_HASH) or new.pod_uid
    if not told:
        return read_path(path).pod_uid
    try:
        return str(uuid.UUID(told)) if len(told) > 32 else told  # digits of one
    except ValueError:
        return told


def _pod(new: Announcement, path: str) -> Pod | None:
    if not new.pod_name:
        return None
    return Pod(
        namespace=new.pod_namespace,
        name=new.pod_name,
        uid=_pod_uid(new, path),
        labels=new.pod_labels,
    )
