# SPDX-License-Identifier: Apache-2.0
"""Containers that already run when the agent starts, and what happens to them then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtimes.cgroup_directories import cgroup_of, made_cgroup, run_in
from runtimes.watching import Origin, watching

if TYPE_CHECKING:
    from pathlib import Path

    from runtimes.model import Runtime

OLD = ("podman", "crun", "ctr_16", "cri_2", "docker")
AGAIN = ("podman", "runc", "crun", "ctr_2", "cri_17", "docker")
SLEEP = ("sleep", "1234567")


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """The runtime that the test is run with."""
    found: Runtime = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("runtime", OLD, indirect=True)
def test_old_container(runtime: Runtime, workload: Path, tmp_path: Path) -> None:
    """What is run in it before and after a pause, in cgroups inside its own, and its end: named."""
    container = runtime.start("old", *SLEEP)
    right = Origin.of(container, runtime.kind)
    with watching(tmp_path, workload / "finish", runtime) as watch:
        runtime.execute(container, "true", "run-inside")
        runtime.pause(container)
        runtime.unpause(container)
        runtime.execute(container, "true", "run-after-pause")
        with made_cgroup(f"{cgroup_of(container)}/init.scope/deep") as inner:
            run_in(inner, workload / "finish", "run-deep-inside")
        runtime.remove(container)
        names = ("run-inside", "run-after-pause", "run-deep-inside", SLEEP[1])
        said = watch.named(names[:3], "process_exec")
        ended = watch.named(names, "process_exit")

    assert {name: [right] for name in names[:3]} == said
    assert {name: [right] for name in names} == ended


@pytest.mark.parametrize("runtime", AGAIN, indirect=True)
def test_same_name_again(runtime: Runtime, workload: Path, tmp_path: Path) -> None:
    """A container that has the name of one before is itself, and not that one."""
    with watching(tmp_path, workload / "finish", runtime) as watch:
        rights = []
        for number in range(3):
            container = runtime.start("same", "true", f"run-{number}")
            rights.append(Origin.of(container, runtime.kind))
            # A program that has not begun yet would tell nothing.
            watch.named([f"run-{number}"], "process_exit")
            runtime.remove(container)
        names = [f"run-{number}" for number in range(3)]
        said = watch.named(names, "process_exec")
        ended = watch.named(names, "process_exit")

    expected = {name: [right] for name, right in zip(names, rights, strict=True)}
    assert expected == said
    assert expected == ended
