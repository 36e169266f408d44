# SPDX-License-Identifier: Apache-2.0
"""Cgroups as runtimes have systemd make them, replayed through crun: no systemd runs here."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from runtimes.watching import Origin, watching

if TYPE_CHECKING:
    from pathlib import Path

    from runtimes.bundles import Bundles

_POD: Final = "0a1b2c3d_5c46_4d5e_8f90_a1b2c3d4e5f6"
_SLICES: Final = "kubepods.slice/kubepods-burstable.slice"
PATHS: Final = {
    "podman": "/machine.slice/libpod-{id}.scope",
    "podman with crun": "/machine.slice/libpod-{id}.scope/container",
    "podman of a user": "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{id}.scope"
    "/container",
    "docker": "/system.slice/docker-{id}.scope",
    "containerd": f"/{_SLICES}/kubepods-burstable-pod{_POD}.slice/cri-containerd-{{id}}.scope",
    "cri-o": f"/{_SLICES}/kubepods-burstable-pod{_POD}.slice/crio-{{id}}.scope",
    "cri-o with crun": f"/{_SLICES}/kubepods-burstable-pod{_POD}.slice/crio-{{id}}.scope/container",
}


def test_first_process(crun: Bundles, workload: Path, tmp_path: Path) -> None:
    """The id is known from the path alone, also if the process is in a cgroup inside of it."""
    ids = {maker: uuid.uuid4().hex * 2 for maker in PATHS}
    started = []
    with watching(tmp_path, workload / "finish", None) as watch:
        for maker, path in PATHS.items():
            container_id = ids[maker]
            cgroup = path.format(id=container_id)
            started.append(crun.start(container_id, "true", container_id, cgroup=cgroup))
        said = watch.named([*ids.values()], "process_exec")
    for container in started:
        crun.remove(container)

    assert {one: [Origin(one[:31], "", "", "")] for one in ids.values()} == said
