# SPDX-License-Identifier: Apache-2.0
"""Containers that already run when the agent starts, and what happens to them then."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtimes.watching import Origin, watching
from tetragon_core.cgroups import pick_hierarchy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtimes.model import Runtime, Started

RUNTIMES = ("podman", "podman_crun", "runc", "crun", "ctr_16", "ctr_2", "cri_17", "docker")
SLEEP = ("sleep", "1234567")


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """The runtime that the test is run with."""
    found: Runtime = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("runtime", RUNTIMES, indirect=True)
def test_old_container(runtime: Runtime, workload: Path, tmp_path: Path) -> None:
    """What is run in it before and after a pause, in cgroups inside its own, and its end: named."""
    container = runtime.start("old", *SLEEP)
    right = Origin.of(container, runtime.kind)
    with watching(tmp_path, workload / "finish", runtime) as watch:
        runtime.execute(container, "true", "run-inside")
        runtime.pause(container)
        runtime.unpause(container)
        runtime.execute(container, "true", "run-after-pause")
        with _inner_cgroup(container, "init.scope/deep") as inner:
            _run_in(inner, workload / "finish", "run-deep-inside")
        runtime.remove(container)
        names = ("run-inside", "run-after-pause", "run-deep-inside", SLEEP[1])
        said = watch.named(names[:3], "process_exec")
        ended = watch.named(names, "process_exit")

    assert {name: [right] for name in names[:3]} == said
    assert {name: [right] for name in names} == ended


@pytest.mark.parametrize("runtime", RUNTIMES, indirect=True)
def test_same_name_again(runtime: Runtime, workload: Path, tmp_path: Path) -> None:
    """A container that has the name of one before is itself, and not that one."""
    with watching(tmp_path, workload / "finish", runtime) as watch:
        rights = []
        for number in range(3):
            container = runtime.start("same", "true", f"run-{number}")
            rights.append(Origin.of(container, runtime.kind))
            watch.named(
                [f"run-{number}"], "process_exit"
            )  # a program that has not begun tells none
            runtime.remove(container)
        names = [f"run-{number}" for number in range(3)]
        said = watch.named(names, "process_exec")
        ended = watch.named(names, "process_exit")

    expected = {name: [right] for name, right in zip(names, rights, strict=True)}
    assert expected == said
    assert expected == ended


@contextmanager
def _inner_cgroup(container: Started, path: str) -> Iterator[Path]:
    """A cgroup inside the container's; as systemd or an inner runtime makes it there."""
    hierarchy = pick_hierarchy(Path("/proc/cgroups").read_text(), Path("/proc/mounts").read_text())
    (own,) = Path(hierarchy.mount).rglob(f"*{container.id}")
    inner = own / path
    inner.mkdir(parents=True)
    try:
        yield inner
    finally:
        while inner != own:
            inner.rmdir()
            inner = inner.parent


def _run_in(cgroup: Path, finish: Path, name: str) -> None:
    command = 'echo $$ > "$1/cgroup.procs" && exec "$2" "$3"'
    subprocess.run(["sh", "-ec", command, "sh", cgroup, finish, name], check=True)
