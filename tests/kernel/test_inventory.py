# SPDX-License-Identifier: Apache-2.0
"""Programs and maps of the machine are listed, with whose they are; the process table is read."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel.descriptors import nothing_leaks
from tetragon_core.errors import LoadError
from tetragon_sensors.kernel.inventory import (
    list_maps,
    list_programs,
    map_descriptor,
    objects_of_process,
    pinned_objects,
)
from tetragon_sensors.kernel.maps import MapKind, MapSpec, create_map
from tetragon_sensors.kernel.pins import BPFFS, mount_bpffs, pin
from tetragon_sensors.kernel.programs import ProgramKind, load_program
from tetragon_sensors.process_table import TableEntry, process_table

if TYPE_CHECKING:
    from collections.abc import Iterator

RETURN_0 = bytes.fromhex("b700000000000000 9500000000000000")
TABLE = MapSpec(kind=MapKind.HASH, key_bytes=4, value_bytes=24, max_entries=8, name="inventory")

pytestmark = pytest.mark.usefixtures(nothing_leaks.__name__)


@pytest.fixture
def pins() -> Iterator[Path]:
    """A directory for pins of this test alone."""
    mount_bpffs()
    path = BPFFS / f"inventory-{os.getpid()}"
    path.mkdir()
    yield path
    for one in path.iterdir():
        one.unlink()
    path.rmdir()


def test_a_map_is_listed_as_it_was_made() -> None:
    """Type, name and sizes are what they were asked to be, and it takes memory."""
    with closing(create_map(TABLE)) as made:
        mine = objects_of_process(os.getpid()).maps
        listed = [one for one in list_maps() if one.number in mine and one.name == TABLE.name]

        assert made.fd >= 0
        assert [("hash", 4, 24, 8)] == [
            (one.kind, one.key_bytes, one.value_bytes, one.max_entries) for one in listed
        ]
        assert listed[0].memory_bytes > 8 * (4 + 24)


def test_a_program_is_listed_as_it_was_loaded() -> None:
    """Type, name and length are told; one without maps uses none."""
    with load_program(ProgramKind.RAW_TRACEPOINT, RETURN_0, name="inventory") as program:
        number = program.info().program_id
        assert number in objects_of_process(os.getpid()).programs
        found = next(one for one in list_programs() if one.number == number)

    assert ("raw_tracepoint", "inventory", 2, ()) == (
        found.kind,
        found.name,
        found.instructions,
        found.map_numbers,
    )


def test_pins_are_found(pins: Path) -> None:
    """What is pinned below a directory is found with its path."""
    with closing(create_map(TABLE)) as made:
        assert pin(made.fd, pins / "one")
        found = pinned_objects(pins)

    assert [str(pins / "one")] == list(found.maps.values())
    assert {} == found.programs


def test_nothing_belongs_to_a_process_that_is_gone() -> None:
    """It is no error: the agent may have just ended."""
    assert {} == objects_of_process(1 << 22).maps


def test_a_table_of_processes_is_read() -> None:
    """Each entry names a process, its parent, and when both began."""
    with closing(create_map(TABLE)) as made:
        value = b"".join(one.to_bytes(8, "little") for one in (500, 100))
        value += (1).to_bytes(4, "little") + (3).to_bytes(4, "little")
        made.update((42).to_bytes(4, "little"), value)
        number = next(
            one.number
            for one in list_maps()
            if one.name == TABLE.name and one.number in objects_of_process(os.getpid()).maps
        )

        assert [TableEntry(42, 500, 100, 1, 3)] == list(process_table(number, Path()))


def test_another_map_is_no_table_of_processes(pins: Path) -> None:
    """It is refused in one line."""
    spec = MapSpec(kind=MapKind.HASH, key_bytes=8, value_bytes=8, max_entries=1, name="other")
    with closing(create_map(spec)) as made:
        assert pin(made.fd, pins / "other")

    with pytest.raises(LoadError, match="no table of processes"):
        list(process_table(None, pins / "other"))


def test_a_map_that_is_gone() -> None:
    """Its number opens nothing."""
    with pytest.raises(LoadError, match="cannot open map"):
        map_descriptor(1 << 30)
