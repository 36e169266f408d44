# SPDX-License-Identifier: Apache-2.0
"""What the table learns of pods, in whatever order it is told."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from k8s.fake_api import FakeApi
from k8s.pod_texts import ID, UID, a_pod, a_status
from k8s.watched import FAST
from tetragon_core.stats import Counter
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.model import HOST
from tetragon_core.workloads.table import WorkloadTable
from tetragon_k8s.cluster.access import open_api
from tetragon_k8s.cluster.pods import PodSource
from tetragon_k8s.cluster.resources import Reference
from tetragon_k8s.cluster.watching import Pace

if TYPE_CHECKING:
    from pathlib import Path

CGROUP = 77
STATIC = 32 * "b"
OTHER = "0a1b2c3d-0000-4000-8000-000000000002"


class Told:
    """A source that is told objects by the test, and the table that it fills."""

    def __init__(self, tmp_path: Path) -> None:
        path = tmp_path / "config"
        config = {
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path.write_text(json.dumps(config))
        self.table = WorkloadTable(CgroupTable(), gone_pods=2)
        self.source = PodSource(
            open_api(str(path)), self.table, node_name="node1", with_annotations=False
        )

    def change(self, one: dict[str, Any]) -> None:
        """As the watch tells it."""
        self.source._on_changed(one)

    def delete(self, one: dict[str, Any], *, is_told: bool = True) -> None:
        """As the watch tells it; or finds it out with a list."""
        reference = Reference("shop", one["metadata"]["name"], one["metadata"]["uid"])
        self.source._on_deleted(reference, one if is_told else None)

    def make(self, uid: str = UID, container: str = ID, cgroup: int = CGROUP) -> None:
        """A container's cgroup appears."""
        self.table.cgroups.add(cgroup, f"/kubepods/pod{uid}/{container}")

    def shown(self, cgroup: int = CGROUP) -> tuple[str, str] | None:
        """Names of pod and container, once they are complete."""
        found = self.table.workload(cgroup, "")
        if found is None:
            return None
        assert found is not HOST
        assert found.pod is not None
        assert found.container is not None
        return found.pod.name, found.container.name


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Before anything was told."""
    return Told(tmp_path)


RUNNING = {"containerStatuses": [a_status()]}


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0)])
def test_whatever_comes_first(told: Told, order: tuple[int, ...]) -> None:
    """The cgroup, the pod and its status may come in any order: the last completes it."""
    steps = (told.make, lambda: told.change(a_pod()), lambda: told.change(a_pod(status=RUNNING)))

    for step in order[:2]:
        steps[step]()
    before = told.shown() if CGROUP in {one.id for one in told.table.cgroups} else None
    steps[order[2]]()

    assert ("web-7d9f-x2", "main") == told.shown()
    assert before in {None, ("web-7d9f-x2", "main")}


def test_a_short_container(told: Told) -> None:
    """A container that ended before its status was told still gets its names."""
    told.change(a_pod())
    told.make()
    told.table.cgroups.remove(CGROUP)
    assert None is told.shown()

    told.change(a_pod(status=RUNNING))

    assert ("web-7d9f-x2", "main") == told.shown()


def test_a_pod_deleted_right_away(told: Told) -> None:
    """What the last state tells is taken, and the pod is known for a while."""
    told.make()

    told.delete(a_pod(status=RUNNING))

    assert ("web-7d9f-x2", "main") == told.shown()
    assert (0, 1) == (len(told.table.pods), told.source.counters()[Counter.GONE_POD_HITS] and 1)


def test_pods_that_are_gone_for_long(told: Told) -> None:
    """Only so many are known after their end; the rest is counted."""
    for number in range(5):
        one = a_pod(f"pod{number}", uid=f"{UID[:-1]}{number}")
        told.change(one)
        told.delete(one, is_told=False)

    assert 3 == told.source.counters()[Counter.GONE_PODS_FORGOTTEN]
    assert {} == told.source._told


def test_a_static_pod(told: Told) -> None:
    """Its cgroups are named by the hash of its file; nobody else can take that name."""
    annotations = {"kubernetes.io/config.hash": STATIC, "kubernetes.io/config.mirror": STATIC}
    thief = a_pod("thief", uid=OTHER, metadata={"annotations": annotations})

    told.change(thief)
    told.change(a_pod("real", metadata={"annotations": annotations}, status=RUNNING))
    told.change(thief)
    told.make(uid=STATIC)

    assert ("real", "main") == told.shown()


def test_labels_that_change(told: Told) -> None:
    """Who follows containers hears of it, and processes from then on show the new ones."""
    changes = []
    told.table.changed.append(lambda cgroup: changes.append(cgroup.id))
    told.make()
    told.change(a_pod(status=RUNNING, metadata={"labels": {"tier": "old"}}))
    changes.clear()

    told.change(a_pod(status=RUNNING, metadata={"labels": {"tier": "new"}}))
    told.change(a_pod(status=RUNNING, metadata={"labels": {"tier": "new"}}))

    found = told.table.workload(CGROUP, "")
    assert found is not None
    assert found.pod is not None
    assert ({"tier": "new"}, [CGROUP]) == (found.pod.labels, changes)


def test_the_pods_are_known_when_the_source_has_started(tmp_path: Path) -> None:
    """Start lists them; a server that does not answer delays nothing, and is tried on."""

    async def follow() -> tuple[int, ...]:
        fake = FakeApi(tmp_path)
        await fake.start()
        await fake.put(a_pod(spec={"nodeName": "node1", "containers": []}))
        counts = [await _pods_after_start(fake)]
        await fake.stop()
        return (*counts, await _pods_after_start(fake))

    assert (1, 0) == asyncio.run(follow())


def test_a_server_that_hangs_does_not_delay_the_start(tmp_path: Path) -> None:
    """It has a while to answer with the first list; the agent starts without it then."""

    async def follow() -> int:
        fake = FakeApi(tmp_path)
        fake.hangs = True
        await fake.start()
        count = await _pods_after_start(fake, Pace(start_s=0.1))
        await fake.stop()
        return count

    assert 0 == asyncio.run(follow())


async def _pods_after_start(fake: FakeApi, pace: Pace = FAST) -> int:
    table = WorkloadTable(CgroupTable())
    api = open_api(fake.kubeconfig())
    source = PodSource(api, table, node_name="node1", with_annotations=False, pace=pace)
    await source.start()
    await source.close()
    await api.close()
    return len(table.pods)
