# SPDX-License-Identifier: Apache-2.0
"""What the hook tells about containers of each runtime."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tetragon_crio_hook import container_facts
from tetragon_crio_hook.container_facts import Facts, collect
from tetragon_crio_hook.container_spec import Spec, State
from tetragon_crio_hook.process_cgroup import cgroup_of, pick

ID = "a1" * 32
UID = "4c9f1974-5c46-44c2-b42f-3bbf0e98eef9"


def facts_of(
    annotations: Any = None, cgroups_path: Any = "/c/x", *, root: Any = "rootfs", **state: Any
) -> Facts:
    """Facts of a bundle /b with these."""
    content = {
        "annotations": annotations,
        "linux": {"cgroupsPath": cgroups_path},
        "root": {"path": root},
    }
    spec = Spec("/b/config.json", "/b", content, is_in_bundle=True)
    return collect(spec, State({"id": ID, "bundle": "/b"} | state))


def told(facts: Facts) -> tuple[str, ...]:
    """Container and pod."""
    names = (facts.name, facts.id, facts.image, facts.pod_name, facts.pod_uid, facts.pod_namespace)
    return (*names, facts.cgroups_path)


CRIO = {
    "io.kubernetes.container.name": "c",
    "io.kubernetes.cri-o.ImageName": "quay.io/i:1",
    "io.kubernetes.cri-o.ContainerID": ID,
    "io.kubernetes.pod.name": "p",
    "io.kubernetes.pod.uid": UID,
    "io.kubernetes.pod.namespace": "n",
}
CONTAINERD = {
    "io.kubernetes.cri.container-name": "c",
    "io.kubernetes.cri.image-name": "quay.io/i:1",
    "io.kubernetes.cri.sandbox-name": "p",
    "io.kubernetes.cri.sandbox-uid": UID,
    "io.kubernetes.cri.sandbox-namespace": "n",
}
SLICE = "kubepods-besteffort-pod4c9f1974_5c46.slice"
SLICES = "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod4c9f1974_5c46.slice"


@pytest.mark.parametrize(
    ("annotations", "given", "path"),
    [
        pytest.param(CRIO, f"{SLICE}:crio:{ID}", f"{SLICES}/crio-{ID}.scope", id="CRI-O"),
        pytest.param(
            CONTAINERD,
            f"{SLICE}:cri-containerd:{ID}",
            f"{SLICES}/cri-containerd-{ID}.scope",
            id="containerd",
        ),
        pytest.param(
            CONTAINERD, f"/kubepods/pod{UID}/{ID}", f"/kubepods/pod{UID}/{ID}", id="cgroupfs"
        ),
    ],
)
def test_kubernetes(annotations: dict[str, str], given: str, path: str) -> None:
    """Everything is known of containers in pods."""
    assert ("c", ID, "quay.io/i:1", "p", UID, "n", path) == told(facts_of(annotations, given))


def test_an_annotation_of_the_other_runtime_does_not_count() -> None:
    """A pod on CRI-O cannot name itself by containerd's annotations, nor the other way round."""
    liar = dict.fromkeys(CONTAINERD, "lie")

    assert told(facts_of(CRIO)) == told(facts_of(CRIO | liar))
    liar = {key: "lie" for key in CRIO if not key.endswith("ContainerID")}
    assert told(facts_of(CONTAINERD)) == told(facts_of(CONTAINERD | liar))
    liar["io.kubernetes.cri-o.ContainerID"] = "b2" * 32
    assert told(facts_of(CONTAINERD)) == told(facts_of(CONTAINERD | liar))
    assert ID == facts_of(liar).id


def test_without_annotations() -> None:
    """Docker, podman, runc: the id is the runtime's, or else the bundle's name."""
    assert ("", ID, "", "", "", "", "/c/x") == told(facts_of())
    assert "0abc" == facts_of(id=None, bundle="/run/moby/0abc/").id


@pytest.mark.parametrize("given", ["", "relative/one", "name", "a:b", "::x", "/", 5, None])
def test_a_cgroup_that_is_not_told_is_the_process_s(
    given: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No, relative and broken paths: the container's process is in its cgroup already."""
    monkeypatch.setattr(container_facts, "cgroup_of", {7: "/c/7", os.getpid(): "/host"}.get)

    assert "/c/7" == facts_of(None, given, pid=7).cgroups_path


def test_a_container_without_a_cgroup_is_not_in_the_host_s() -> None:
    """With --cgroups=disabled its process is where the runtime and the hook are."""
    facts, own = facts_of(None, "", pid=os.getpid()), cgroup_of(os.getpid())

    assert ("", f"the container has no cgroup of its own: it is in {own}") == (
        facts.cgroups_path,
        facts.warning,
    )


def test_a_cgroup_that_nobody_knows() -> None:
    """Everything else is told, with a warning."""
    without, gone = facts_of(None, "rel/a"), facts_of(None, "", pid=2**30)

    assert ("", "no absolute cgroup path in /b/config.json: 'rel/a'") == (
        without.cgroups_path,
        without.warning,
    )
    assert "cannot read /proc/1073741824/cgroup: No such file or directory" == gone.warning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0::/a\n", "/a"),
        ("12:pids:/p\n11:cpuset,memory:/m\n0::/u\n", "/m"),
        ("3:cpu:/\n2:memory:/\n1:pids:/p\n0::/\n", "/p"),
        ("2:memory:/\n0::/u:with:colons\n", "/u:with:colons"),
        ("0::/\n", ""),
        ("nonsense", ""),
    ],
)
def test_the_hierarchy_that_names_containers(text: str, expected: str) -> None:
    """memory, pids, cpuset, then v2; a root cgroup is none of a container."""
    assert expected == pick(text)


@pytest.mark.parametrize(
    ("root", "expected"),
    [("rootfs", "/b/rootfs"), ("/var/merged", "/var/merged"), ("", "/b/"), (7, "/b/")],
)
def test_root_directory(root: object, expected: str) -> None:
    """Relative to the bundle, or on its own."""
    assert os.path.normpath(expected) == facts_of(root=root).root_dir


@pytest.mark.parametrize("value", [None, 1, [], "x", {"a": 1, "b": None}])
def test_what_is_no_text_is_not_there(value: object) -> None:
    """Whatever a specification holds, nothing breaks."""
    content = {"annotations": value, "linux": value, "root": value, "mounts": [value, {"type": 1}]}
    spec = Spec("/b/config.json", "/b", content, is_in_bundle=True)

    facts = collect(spec, State({"id": value, "bundle": value, "pid": value, "annotations": value}))

    assert {} == facts.annotations
    assert "" == facts.cgroups_path
