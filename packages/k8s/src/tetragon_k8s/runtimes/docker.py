# SPDX-License-Identifier: Apache-2.0
"""Docker, asked over the HTTP API of its socket; Podman's service answers the same.

Containers are listed, not inspected: a container that starts is locked until it has started, and
the list does not wait for that.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.workloads.model import Container, Pod

from .id_names import maker
from .runtime import REGISTERED_S, Found, RuntimeFailedError, bounded
from .threads import Threads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tetragon_core.workloads.cgroup_table import Cgroup

    from .http_socket import HttpSocket

__all__ = ["DockerRuntime"]

_MAKERS: Final = {
    "docker": frozenset({"", "docker"}),
    "podman": frozenset({"libpod", "libpod-payload"}),
}
_FEW: Final = 32
"""Up to so many ids go into a question, which is an address; for more, all are listed."""


class DockerRuntime:
    """One socket."""

    patience_s = REGISTERED_S

    def __init__(self, path: str, runtime: str = "docker") -> None:
        """`runtime`: docker or podman, whose names of cgroups differ."""
        self.name = f"{runtime} at unix://{path}"
        self._runtime = runtime
        self._path = path
        self._makers = _MAKERS[runtime]
        self._threads = Threads(f"ask-{runtime}")
        self._socket: HttpSocket | None = None

    def start(self) -> None:
        """Nothing is asked before there is a container."""

    def claims(self, cgroup: Cgroup) -> bool:
        """Containers have an id of 64 digits."""
        if not cgroup.container_id or (cgroup.path and maker(cgroup.path) not in self._makers):
            return False
        return os.path.exists(self._path)  # noqa: PTH110  # for each new cgroup: a third of the time

    async def find(self, cgroups: Sequence[Cgroup]) -> Mapping[int, Found]:
        """One question for all of them."""
        ids = [one.container_id for one in cgroups]
        try:
            rows = await self._threads.run(lambda: self._rows(ids))
        except asyncio.CancelledError:
            await self.close()  # else the thread goes on as long as anything comes
            raise
        return {
            one.id: self._found(rows[one.container_id], one)
            for one in cgroups
            if one.container_id in rows
        }

    async def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()

    def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        from .http_socket import HttpSocket  # noqa: PLC0415  # http.client, only with a runtime

        if self._socket is None:
            self._socket = HttpSocket(self._path)
        query = "/containers/json?all=1"
        if len(ids) <= _FEW:
            named = json.dumps({"id": ids}, separators=(",", ":"))
            query += "&filters=" + named.replace('"', "%22")
        rows = self._socket.get_json(query)
        if not isinstance(rows, list):
            raise RuntimeFailedError("its answer is no list of containers")
        return {str(row.get("Id")): row for row in rows if isinstance(row, dict)}

    def _found(self, row: Mapping[str, Any], cgroup: Cgroup) -> Found:
        labels = row.get("Labels")
        labels = bounded(_texts(labels)) if isinstance(labels, dict) else {}
        names = row.get("Names")
        name = str(names[0]).removeprefix("/") if isinstance(names, list) and names else ""
        pod = _pod(labels, cgroup)
        container = Container(
            id=cgroup.container_id,
            runtime=self._runtime,
            name=(pod and labels.get("io.kubernetes.container.name")) or name,
            image=_text(row.get("Image")),
            image_id=_text(row.get("ImageID")),
            labels={} if pod else labels,
        )
        return Found(container=container, pod=pod)


def _pod(labels: Mapping[str, str], cgroup: Cgroup) -> Pod | None:
    """Of a container that cri-dockerd made: only if its cgroup says so too, since an image can have
    any labels.
    """
    uid = labels.get("io.kubernetes.pod.uid")
    if not uid or uid != cgroup.pod_uid:
        return None
    name = labels.get("io.kubernetes.pod.name", "")
    return Pod(
        namespace=labels.get("io.kubernetes.pod.namespace", ""),
        name=name,
        uid=uid,
        workload=name,
        workload_kind="Pod",
    )


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in values.items() if isinstance(value, str)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
