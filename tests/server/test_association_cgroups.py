# SPDX-License-Identifier: Apache-2.0
"""Events of processes in cgroups that have to be looked for, or that somebody inside named."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from server.associated import ID, OTHER, Side, exec_of, name_of, run_in
from tetragon_core.workloads.model import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def side() -> Iterator[Side]:
    """Nothing is known of the containers in cgroups 7 and 8."""
    loop = asyncio.new_event_loop()
    yield Side(loop)
    loop.close()


def test_a_cgroup_is_looked_for(side: Side) -> None:
    """Events of a cgroup that no record told of wait for the walk, then for what it finds."""
    side.table.cgroups.doubted.append(int)
    first, second = run_in(70, 1), run_in(70, 2)
    side.feed(exec_of(first))
    side.table.cgroups.add(70, f"/docker/{ID}/inner")
    side.feed(exec_of(second))
    side.table.cgroups.settle()
    before = list(side.late)

    side.learn()

    assert [] == before
    assert [exec_of(first), exec_of(second)] == side.late
    assert ["web", "web"] == [name_of(first), name_of(second)]


def test_a_cgroup_is_not_found(side: Side) -> None:
    """Nobody knows more: they leave as of the host."""
    side.table.cgroups.doubted.append(int)
    process = run_in(70)
    side.feed(exec_of(process))

    for _ in range(2):
        side.table.cgroups.settle()

    assert [exec_of(process)] == side.late
    assert process.workload is HOST


def test_a_name_somebody_in_it_invented(side: Side) -> None:
    """Nobody knows the inner container, so its events wait for the outer one."""
    side.table.cgroups.add(9, f"/docker/{ID}/{OTHER[:-1]}f")
    process = run_in(9)
    side.feed(exec_of(process))
    side.table.give_up(9)
    before = list(side.late)

    side.learn()

    assert [] == before
    assert [exec_of(process)] == side.late
    assert "web" == name_of(process)
