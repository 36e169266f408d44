# SPDX-License-Identifier: Apache-2.0
"""What CRI-O asks of a runtime, replayed through runc: its annotations, and its cgroups' paths."""

from __future__ import annotations

import sys
import uuid
from typing import TYPE_CHECKING, Any, Final

import pytest

from kernel.agents import address
from runtimes.cgroup_directories import made_cgroup, run_in
from runtimes.watching import NOWHERE, Origin, watching

if TYPE_CHECKING:
    from pathlib import Path

    from runtimes.bundles import Bundles

IMAGE: Final = "docker.io/library/busybox:1.36"
POD: Final = {"namespace": "spaces", "name": "pod-web"}
LAYOUTS: Final = {
    "burstable": "/kubepods/burstable/pod{uid}/crio-{id}",
    "guaranteed": "/kubepods/pod{uid}/crio-{id}",
    "systemd": "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{_uid}.slice"
    "/crio-{id}.scope",
}
"""As both of its cgroup managers make them; {_uid} is with underscores."""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_first_process(layout: str, runc: Bundles, workload: Path, tmp_path: Path) -> None:
    """With the hook the first process has container and pod; the container's monitor has none."""
    crio_id, uid = uuid.uuid4().hex * 2, str(uuid.uuid4())
    cgroup = LAYOUTS[layout].format(id=crio_id, uid=uid, _uid=uid.replace("-", "_"))
    with watching(tmp_path, workload / "finish", None) as watch:
        container = runc.start(
            crio_id,
            *("true", "of-crio"),
            cgroup=cgroup,
            annotations=_annotations(crio_id, uid),
            hooks={"createRuntime": [_hook(tmp_path)]},
        )
        with made_cgroup(cgroup.replace("crio-", "crio-conmon-")) as monitor:
            run_in(monitor, workload / "finish", "of-conmon")
        watch.named(["of-crio", "of-conmon"], "process_exit")
        said = watch.named(["of-crio", "of-conmon"], "process_exec", "process_exit")
        processes = watch.processes("process_exec", "process_exit")
    runc.remove(container)

    right = Origin(crio_id[:31], f"cri-o://{crio_id}", "web", IMAGE)
    pods = [one["pod"] for one in processes if one.get("arguments") == "of-crio"]
    assert {"of-crio": [right, right], "of-conmon": [NOWHERE, NOWHERE]} == said
    assert [{**POD, "uid": uid}] * 2 == [
        {name: pod[name] for name in (*POD, "uid")} for pod in pods
    ]


def _annotations(crio_id: str, uid: str) -> dict[str, str]:
    """Of those that CRI-O sets, the ones that tell of the container, and some that do not."""
    return {
        "io.container.manager": "cri-o",
        "io.kubernetes.container.name": "web",
        "io.kubernetes.cri-o.ContainerID": crio_id,
        "io.kubernetes.cri-o.ContainerName": f"k8s_web_pod-web_spaces_{uid}_0",
        "io.kubernetes.cri-o.ContainerType": "container",
        "io.kubernetes.cri-o.ImageName": IMAGE,
        "io.kubernetes.cri-o.SandboxID": uuid.uuid4().hex * 2,
        "io.kubernetes.pod.name": POD["name"],
        "io.kubernetes.pod.namespace": POD["namespace"],
        "io.kubernetes.pod.uid": uid,
    }


def _hook(directory: Path) -> dict[str, Any]:
    """As `hook install` writes it, with the agent of this test."""
    log = ["--log-fname", str(directory / "hook.log")]
    words = ["hook", *log, "--grpc-address", address(directory), "createRuntime"]
    return {"path": sys.executable, "args": [sys.executable, "-m", "tetragon_cli", *words]}
