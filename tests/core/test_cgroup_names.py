# SPDX-License-Identifier: Apache-2.0
"""What the paths say that runtimes make: container and pod, or neither."""

from __future__ import annotations

import pytest

from tetragon_core.workloads.cgroup_names import read_path

ID = "0123456789abcdef" * 4
INNER = "fedcba9876543210" * 4
UID = "4c9f1974-5c46-44c2-b42f-3bbf0e98eef9"
UID_ = UID.replace("-", "_")
STATIC = "0123456789abcdef" * 2
QOS = "/kubepods.slice/kubepods-burstable.slice"
NESTED = f"/docker/{ID}/kubelet/kubepods/pod{UID}/{INNER}"
ROOTLESS = "/user.slice/user-1000.slice/user@1000.service/user.slice"


@pytest.mark.parametrize(
    "path",
    [
        f"/docker/{ID}",
        f"/{ID}",
        f"/system.slice/docker-{ID}.scope",
        f"/system.slice/docker-{ID}.scope/init.scope",
        f"/system.slice/docker-{ID}.scope/system.slice/ssh.service",
        f"/machine.slice/libpod-{ID}.scope",
        f"/machine.slice/libpod-{ID}.scope/container",
        f"/machine.slice/machine-libpod_pod_{INNER}.slice/libpod-{ID}.scope/container",
        f"{ROOTLESS}/libpod-{ID}.scope/container",
        f"/libpod_parent/libpod-{ID}",
        f"/libpod_parent/{INNER}/libpod-{ID}",
        f"/system.slice/web.service/libpod-payload-{ID}",
        f"/system.slice/nerdctl-{ID}.scope",
        f"/slice:cri-containerd:{ID}",
        f"/ecs/task/{ID}",
        f"/docker/{ID}/syscont-cgroup-root/init.scope",
        f"/docker/{ID}/syscont-cgroup-root/docker/{INNER}",
    ],
)
def test_containers_of_no_pod(path: str) -> None:
    """Of docker, podman and others, with all that is inside."""
    assert (ID, "") == read_path(path)


@pytest.mark.parametrize(
    "path",
    [
        f"/kubepods/besteffort/pod{UID}/{ID}",
        f"/kubepods/pod{UID}/{ID}",
        f"/kubepods/burstable/pod{UID}/crio-{ID}",
        f"{QOS}/kubepods-burstable-pod{UID_}.slice/cri-containerd-{ID}.scope",
        f"{QOS}/kubepods-burstable-pod{UID_}.slice/crio-{ID}.scope/container",
        f"{QOS}/kubepods-burstable-pod{UID_}.slice/docker-{ID}.scope/a/b",
        f"/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{ID}.scope",
        f"/kubelet.slice/kubelet-kubepods-pod{UID_}.slice/cri-containerd-{ID}.scope",
        f"/custom/kubepods/besteffort/pod{UID}/{ID}",
        f"/kubepods/pod{UID}/libpod-{ID}",
    ],
)
def test_containers_of_pods(path: str) -> None:
    """Both drivers of cgroups, each class of quality of service."""
    assert (ID, UID) == read_path(path)


@pytest.mark.parametrize(
    ("path", "uid"),
    [
        (f"/kubepods/burstable/pod{UID}", UID),
        (f"{QOS}/kubepods-burstable-pod{UID_}.slice", UID),
        (f"{QOS}/kubepods-burstable-pod{UID_}.slice/crio-conmon-{ID}.scope", UID),
        (f"/kubepods/burstable/pod{STATIC}", STATIC),
        (f"{QOS}/kubepods-burstable-pod{STATIC}.slice", STATIC),
    ],
)
def test_pods_without_a_container(path: str, uid: str) -> None:
    """Cgroups of pods themselves, those of static ones too, and monitors in them."""
    assert ("", uid) == read_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/init.scope",
        "/system.slice/containerd.service",
        "/libpod_parent/conmon",
        f"/libpod_parent/{ID}",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"/machine.slice/machine-libpod_pod_{ID}.slice",
        "/default/t1",
        "/lxc/web",
        "/lxc.payload.web/init.scope",
        "/machine.slice/systemd-nspawn@web.service/payload",
        f"/system.slice/run-{ID}.service",
        f"/docker/{ID[:-1]}",
        f"/docker/{ID}0",
        f"/docker/{ID.upper()}",
        f"/docker/{ID}\n",
        f"/kubepods/pod{UID}0",
        "/kubepods/pod1234",
        "/container",
    ],
)
def test_neither(path: str) -> None:
    """Of the host, of what is no container, and names that only look alike."""
    assert ("", "") == read_path(path)


def test_innermost() -> None:
    """A container in another one: the inner one, and the pod that is nearest around it."""
    assert (INNER, UID) == read_path(NESTED)
    assert (INNER, "") == read_path(f"/docker/{ID}/docker/{INNER}")
