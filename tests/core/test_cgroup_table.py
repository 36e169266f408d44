# SPDX-License-Identifier: Apache-2.0
"""The table of cgroups: what is made, renamed and removed, in whatever order that is told."""

from __future__ import annotations

from tetragon_core.cache import ProcessCache
from tetragon_core.cgroup_messages import CgroupFlag, CgroupMessage
from tetragon_core.clock import ManualClock
from tetragon_core.observer import Observer
from tetragon_core.stats import Stats
from tetragon_core.workloads.cgroup_table import Cgroup, CgroupTable

ID = "0123456789abcdef" * 4
INNER = "fedcba9876543210" * 4


class Told:
    """A table, and what it has told."""

    def __init__(self, table: CgroupTable | None = None) -> None:
        self.table = CgroupTable() if table is None else table
        self.story: list[tuple[str, int]] = []
        self.table.made.append(lambda cgroup: self.story.append(("made", cgroup.id)))
        self.table.removed.append(lambda cgroup: self.story.append(("removed", cgroup.id)))
        self.table.doubted.append(lambda: self.story.append(("doubted", 0)))

    @property
    def paths(self) -> dict[int, str]:
        """All there are."""
        return {cgroup.id: cgroup.path for cgroup in self.table}


def cgroup(table: CgroupTable, cgroup_id: int) -> Cgroup:
    """One that is known."""
    found = table.get(cgroup_id)
    assert found is not None
    return found


def test_told_once() -> None:
    """A walk and a record of the same cgroup make it known once."""
    told = Told()

    told.table.add(7, "/a")
    told.table.add(7, "/a")

    assert [("made", 7)] == told.story


def test_found_for_a_while_after_its_end() -> None:
    """By its id, for late events; not by its path, and not for ever."""
    table = CgroupTable()
    for number in range(1, 1101):
        table.add(number, f"/{number}")
        table.remove(number)

    assert (0, None) == (len(table), table.by_path("/1100"))
    assert "/1100" == cgroup(table, 1100).path
    assert table.get(1) is None
    assert 1100 not in table


def test_its_end_was_not_told() -> None:
    """Another one at the same path: the first is gone."""
    told = Told()
    told.table.add(7, "/a")

    told.table.add(8, "/a")

    assert [("made", 7), ("removed", 7), ("made", 8)] == told.story
    assert {8: "/a"} == told.paths


def test_old_records_after_a_walk() -> None:
    """The walk saw the end already; what the records tell then leads to the same."""
    told = Told()
    told.table.add(9, "/a")  # by the walk
    told.table.add(8, "/a")
    told.table.remove(8)
    told.table.add(9, "/a")

    told.table.remove(99)

    assert {9: "/a"} == told.paths


def test_names_that_are_no_text_stay_apart() -> None:
    """Two names that would be shown alike are two cgroups."""
    table = CgroupTable()
    observer = Observer(
        *(ProcessCache(Stats()), ManualClock(0), Stats()), node_name="n", cgroups=table
    )

    for number, path in enumerate((b"/\xff", b"/\xfe", "/\ufffd".encode())):
        observer.feed(CgroupMessage(1, number, 1, path))

    assert ["/\udcff", "/\udcfe", "/\ufffd"] == [one.path for one in table]


def test_records() -> None:
    """Made, with a path or a name; renamed; removed."""
    told = Told()
    observer = Observer(
        *(ProcessCache(Stats()), ManualClock(0), Stats()), node_name="n", cgroups=told.table
    )

    observer.feed(CgroupMessage(1, 7, 1, b"/a"))
    observer.feed(CgroupMessage(2, 8, 7, b"b", CgroupFlag.NAME))
    observer.feed(CgroupMessage(3, 9, 1, b"/c"))
    observer.feed(CgroupMessage(4, 9, 1, b"/d", CgroupFlag.RENAMED))
    observer.feed(CgroupMessage(5, 7, 1, b"", CgroupFlag.GONE))

    assert {8: "/a/b", 9: "/d"} == told.paths
    assert ("doubted", 0) in told.story


def test_inside_of_an_unknown_one() -> None:
    """Where it is cannot be known: a walk is asked for."""
    told = Told()

    told.table.add_inside(8, 7, "b")

    assert [("doubted", 0)] == told.story


def test_homes() -> None:
    """All that is inside of a container has it as its home, whatever it is named."""
    table = CgroupTable()
    paths = ("/docker", f"/docker/{ID}", f"/docker/{ID}/init.scope", f"/docker/{ID}/init.scope/x")
    for number, path in enumerate(paths):
        table.add(number, path)

    assert [0, 1, 1, 1] == [cgroup(table, number).home.id for number in range(4)]
    assert ["", ID, ID, ID] == [cgroup(table, number).container_id for number in range(4)]


def test_a_container_in_another() -> None:
    """Has a home of its own, and is known to be in the other."""
    table = CgroupTable()
    for number, path in enumerate((f"/docker/{ID}", f"/docker/{ID}/docker")):
        table.add(number, path)
    table.add(2, f"/docker/{ID}/docker/{INNER}")
    table.add(3, f"/docker/{ID}/docker/{INNER}/a")

    inner = cgroup(table, 2)
    assert (INNER, None, 0) == (inner.container_id, inner.top, inner.outer and inner.outer.id)
    assert 2 == cgroup(table, 3).home.id


def test_told_of_before_the_one_it_is_in() -> None:
    """By a hook, or after a loss: where it belongs is found out when it is told of again."""
    told = Told()
    told.table.add(3, f"/docker/{ID}/a")
    before = cgroup(told.table, 3).home.id

    for number, path in enumerate(("/docker", f"/docker/{ID}", f"/docker/{ID}/a")):
        told.table.add(number + 1, path)
        told.table.add(number + 1, path)

    assert (3, 2) == (before, cgroup(told.table, 3).home.id)
    assert [("made", 3), ("made", 1), ("made", 2), ("removed", 3), ("made", 3)] == told.story


def test_deep() -> None:
    """As deep as paths can be, told of before the container they are in."""
    table = CgroupTable()
    for depth in range(1, 2000):
        table.add(depth + 10, f"/docker/{ID}" + "/a" * depth)

    for number, path in enumerate(("/docker", f"/docker/{ID}", f"/docker/{ID}/a")):
        table.add([1, 2, 11][number], path)

    assert {2} == {cgroup(table, depth + 10).home.id for depth in range(1, 2000)}


def test_a_container_whose_name_tells_nothing() -> None:
    """What is made inside of it belongs to it once somebody knows that it is one."""
    table = CgroupTable()
    table.is_container = {7}.__contains__
    table.add(7, "/default/t1")
    table.add(8, "/default/t1/a")
    table.add(9, "/default/t2")

    assert [7, 7, 9] == [cgroup(table, number).home.id for number in (7, 8, 9)]


def test_there_is_an_end_to_all() -> None:
    """Whoever makes them; what is gone makes room."""
    told = Told(CgroupTable(max_all=5))
    for number in range(10):
        told.table.add(number, f"/user.slice/{number}")
    full = (len(told.table), told.table.refused)

    told.table.remove(0)
    told.table.add(10, "/user.slice/10")

    assert (5, 5) == full
    assert 10 in told.table


def test_there_is_an_end_to_what_containers_make() -> None:
    """Inner ones are refused and counted when there are too many; those of the host never."""
    told = Told(CgroupTable(max_inner=3))
    told.table.add(1, f"/docker/{ID}")
    for number in range(10):
        told.table.add(100 + number, f"/docker/{ID}/{number}")
        told.table.add(200 + number, f"/docker/{ID}/{number:064x}")
        told.table.add(300 + number, f"/{number}")
    full = (len(told.table), told.table.refused)

    told.table.remove(100)
    told.table.add(400, f"/docker/{ID}/new")

    assert (1 + 3 + 10, 17) == full
    assert 400 in told.table
