# SPDX-License-Identifier: Apache-2.0
"""The agent's tables of containers in the kernel as text: which filters, and which cgroups."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tetragon_core.errors import TetragonError, UsageError

from .kernel_objects import PIN_ROOT, owned_map

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "cgroup_number",
    "enter_home",
    "filter_bits",
    "filter_lines",
    "home_lines",
    "home_number",
    "map_fname",
    "print_all",
]

map_fname = click.option(
    "--map-fname", default="", metavar="FILE", help="A pinned map [the agent's, pinned or not]."
)
_FILTERS: Final = "workload_filter"
_HOMES: Final = "container_cgrps"
_ID: Final = re.compile(r"[0-9a-f]{6,64}")


def filter_bits(info_file: Path, fname: str = "") -> Mapping[int, int]:
    """Cgroup of a container -> numbers of the filters that hold for it, as bits.

    Raises TetragonError when there is no agent.
    """
    from tetragon_sensors.workload_tables import (  # noqa: PLC0415  # not for --help
        FILTERS_BYTES,
        read_table,
    )

    try:
        number = None if fname else owned_map(_FILTERS, Path(PIN_ROOT), info_file)
    except TetragonError as error:
        if _FILTERS in str(error):  # it is made with the first policy that needs it
            return {}
        raise
    return read_table(number, Path(fname), FILTERS_BYTES)


def filter_lines(info_file: Path, fname: str = "") -> Iterator[str]:
    """A line for each filter: its number, and the cgroups of the containers it holds for."""
    found: dict[int, list[int]] = defaultdict(list)
    for home, bits in sorted(filter_bits(info_file, fname).items()):
        for number in range(bits.bit_length()):
            if bits >> number & 1:
                found[number].append(home)
    return _lines(found)


def home_lines(info_file: Path, fname: str = "") -> Iterator[str]:
    """A line for each container: its cgroup, and all cgroups inside with it."""
    from tetragon_sensors.workload_tables import (  # noqa: PLC0415  # not for --help
        CGROUP_BYTES,
        read_table,
    )

    found: dict[int, list[int]] = defaultdict(list)
    table = read_table(_homes_map(info_file, fname), Path(fname), CGROUP_BYTES)
    for cgroup, home in sorted(table.items()):
        found[home].append(cgroup)
    return _lines(found)


def enter_home(info_file: Path, fname: str, cgroup: int, home: int) -> None:
    """Have a cgroup belong to the container with that cgroup. Raises TetragonError."""
    from tetragon_sensors.workload_tables import enter_cgroup  # noqa: PLC0415  # not for --help

    enter_cgroup(_homes_map(info_file, fname), Path(fname), cgroup, home)


def _homes_map(info_file: Path, fname: str) -> int | None:
    return None if fname else owned_map(_HOMES, Path(PIN_ROOT), info_file)


def _lines(found: Mapping[int, list[int]]) -> Iterator[str]:
    for number in sorted(found):
        yield f"{number}: [{' '.join(map(str, found[number]))}]"


def print_all(lines: Iterator[str]) -> None:
    """The lines, or that there are none."""
    texts = list(lines) or ["(empty)"]
    click.echo("\n".join(texts))


def cgroup_number(text: str) -> int:
    """The number of a cgroup, given it or the directory. Raises UsageError."""
    if text.isascii() and text.isdecimal():
        return int(text)
    try:
        # In cgroup file systems the number of the inode is that of the cgroup (kernfs, 5.5).
        return Path(text).stat().st_ino
    except OSError as error:
        raise UsageError(f"failed to parse cgroup: {text}: {error.strerror}") from error


def home_number(container: str, mount: str = "") -> int:
    """The number of the cgroup that was made for a container, given its id or the start of it.

    Raises UsageError when there is none, or more than one.
    """
    from tetragon_core.cgroups import container_id, pick_hierarchy  # noqa: PLC0415  # as above

    if not mount:
        cgroups, mounts = (Path(f"/proc/{name}").read_text() for name in ("cgroups", "mounts"))
        mount = pick_hierarchy(cgroups, mounts).mount
    start = container.rpartition("://")[2]
    if not _ID.fullmatch(start):
        raise UsageError(f"{container} is no container id: give six hex digits or more of it")
    # Not rglob(): it fails when a cgroup goes meanwhile.
    named = (Path(above, name) for above, names, _ in os.walk(mount) for name in names)
    found = {one for one in named if container_id(one.name).startswith(start)}
    outer = [one for one in found if found.isdisjoint(one.parents)]
    if len(outer) != 1:
        raise UsageError(f"{len(outer)} cgroups below {mount} are of container {container}")
    return outer[0].stat().st_ino
