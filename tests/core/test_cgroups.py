# SPDX-License-Identifier: Apache-2.0
"""Container ids and the choice of a hierarchy."""

from __future__ import annotations

import pytest

from tetragon_core.cgroups import V2, container_id, container_id_of_path, pick_hierarchy

ID = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "name",
    [
        ID,
        f"docker-{ID}.scope",
        f"cri-containerd-{ID}.scope",
        f"crio-{ID}.scope",
        f"crio-{ID}",
        f"libpod-{ID}.scope",
        f"kubepods-pod1.slice:cri-containerd:{ID}",
    ],
)
def test_runtimes_put_the_id_into_the_name(name: str) -> None:
    """Every form known gives the full id."""
    assert container_id(name) == ID


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "session-1.scope",
        "containerd.service",
        f"crio-conmon-{ID}.scope",
        f"libpod-conmon-{ID}.scope",
        f"{ID}0",
        ID[:-1],
        "x" * 64,
        f"docker-{ID}.service",
        f"{ID}.scope\n",
    ],
)
def test_other_cgroups_have_no_container(name: str) -> None:
    """A length alone proves nothing."""
    assert container_id(name) == ""


def test_podmans_inner_cgroup_belongs_to_its_container() -> None:
    """The full path tells what the last component does not."""
    assert container_id_of_path(f"/user.slice/libpod-{ID}.scope/container") == ID
    assert container_id_of_path(f"/docker/{ID}") == ID
    assert container_id_of_path(f"/system.slice/docker-{ID}.scope/init.scope") == ""
    assert container_id_of_path("container") == ""


CGROUPS = """#subsys_name\thierarchy\tnum_cgroups\tenabled
cpuset\t3\t1\t1
cpu\t1\t1\t1
memory\t4\t9\t{memory}
pids\t8\t5\t1
"""
V2_MOUNT = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n"
UNIFIED = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
TMPFS = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
MEMORY = "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
PIDS = "cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n"


@pytest.mark.parametrize(
    ("memory", "mounts", "expected"),
    [
        pytest.param(1, V2_MOUNT, ("", "/sys/fs/cgroup"), id="v2"),
        pytest.param(1, TMPFS + PIDS + MEMORY, ("memory", "/sys/fs/cgroup/memory"), id="v1 memory"),
        pytest.param(1, TMPFS + UNIFIED + MEMORY, ("memory", "/sys/fs/cgroup/memory"), id="hybrid"),
        pytest.param(
            1,
            MEMORY + "cgroup /mnt/chroot/sys/fs/cgroup/memory cgroup rw,memory 0 0\n",
            ("memory", "/sys/fs/cgroup/memory"),
            id="mounted twice",
        ),
        pytest.param(
            0, TMPFS + MEMORY + PIDS, ("pids", "/sys/fs/cgroup/pids"), id="memory disabled"
        ),
        pytest.param(1, TMPFS + UNIFIED, ("", "/sys/fs/cgroup/unified"), id="v2 elsewhere"),
        pytest.param(1, "", ("", "/sys/fs/cgroup"), id="nothing mounted"),
    ],
)
def test_the_hierarchy_is_the_one_containers_use(
    memory: int, mounts: str, expected: tuple[str, str]
) -> None:
    """v2 when it is at the usual place, else the first usable v1 controller."""
    chosen = pick_hierarchy(CGROUPS.format(memory=memory), mounts)

    assert (chosen.controller, chosen.mount) == expected


def test_v2_needs_no_controller() -> None:
    """A kernel without v1 has an empty /proc/cgroups, or none."""
    assert pick_hierarchy("", V2_MOUNT) == V2
