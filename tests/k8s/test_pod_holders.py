# SPDX-License-Identifier: Apache-2.0
"""The container that holds a pod, which nobody names; and API servers that tell nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from k8s.pod_texts import a_pod, a_status
from k8s.test_pods import Told
from tetragon_k8s.cluster.errors import RefusedError, UnreachableError

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = "f" * 64
NEXT = "e" * 64


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """A pod whose holder and only container have their cgroups, and that has no status yet."""
    made = Told(tmp_path)
    made.make(container=HOLDER, cgroup=1)
    made.make(cgroup=2)
    made.change(a_pod())
    return made


def is_waited_for(told: Told, cgroup: int) -> bool:
    """Whether an event of it would wait."""
    return told.table.workload(cgroup, "") is None


def test_the_holder_has_the_pod_and_no_name(told: Told) -> None:
    """It is the one cgroup that no running container of the status has."""
    before = is_waited_for(told, 1)

    told.change(a_pod(status={"containerStatuses": [a_status()]}))

    assert before
    assert ("web-7d9f-x2", "") == told.shown(1)
    assert ("web-7d9f-x2", "main") == told.shown(2)


def test_one_that_started_anew_is_not_the_holder(told: Told) -> None:
    """While the status still has the container before it."""
    told.table.cgroups.remove(2)
    told.make(container=NEXT, cgroup=3)

    told.change(a_pod(status={"containerStatuses": [a_status()]}))

    assert is_waited_for(told, 3)


def test_a_pod_without_a_holder(tmp_path: Path) -> None:
    """CRI-O makes none by default; a container that started anew has the only cgroup."""
    told = Told(tmp_path)
    told.make(container=NEXT, cgroup=3)

    told.change(a_pod(status={"containerStatuses": [a_status()]}))

    assert is_waited_for(told, 3)


def test_containers_that_do_not_run_are_not_counted(told: Told) -> None:
    """One more cgroup than running containers may be of one that the status is behind with."""
    ended = a_status("side", f"containerd://{NEXT}", state={"terminated": {"exitCode": 0}})

    told.change(a_pod(status={"containerStatuses": [a_status(), ended]}))

    assert not is_waited_for(told, 1)


@pytest.mark.parametrize("status", [401, 403])
def test_nobody_waits_for_a_server_that_refuses(told: Told, status: int) -> None:
    """Until it tells again; one that has just started, or cannot be reached, may do so soon."""
    told.source._on_failed(UnreachableError("gone"))
    before = is_waited_for(told, 2)
    refused = []
    for _ in range(4):
        told.source._on_failed(RefusedError("list pods", status, "no"))
        refused.append(is_waited_for(told, 2))

    told.source._on_allowed()

    assert (True, [True, True, True, False]) == (before, refused)
    assert is_waited_for(told, 2)


def test_what_is_told_is_waited_for(told: Told) -> None:
    """The first pod of a list after refusals has its status still to come."""
    for _ in range(4):
        told.source._on_failed(RefusedError("list pods", 403, "no"))

    told.change(a_pod())

    assert is_waited_for(told, 2)


def test_ids_are_not_lost_in_the_text(told: Told) -> None:
    """A status without ids or states makes nobody the holder."""
    bare = {"name": "main"}

    told.change(a_pod(status={"containerStatuses": [bare]}))

    assert is_waited_for(told, 1)
