# SPDX-License-Identifier: Apache-2.0
"""What a policy has to know of every process beforehand, so that its filters can be answered.

A filter on executables is answered when a process calls exec, a filter on changes compares with
what was then. Both are kept in maps of the policy: by its own programs at fork, exec and end
(upkeep.py), and by a walk over /proc for processes that were there before it (tracking.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_sensors.kernel.maps import MapFlag, MapKind, MapSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tetragon_core.policy.model import BinaryFilter, Selector

__all__ = [
    "BASELINES",
    "IMAGES",
    "MAX_TESTS",
    "NO_TABLES",
    "OLDER",
    "READABLE",
    "BinaryTest",
    "ProcessTables",
    "process_tables",
]

PROCESSES: Final = 32_768
"""As many processes as the base sensor knows; what goes beyond is counted."""
READABLE: Final = 1
"""Lowest bit of a verdict: the path of the executable could be read."""
MAX_TESTS: Final = 62
"""Different sets of executables that one policy can ask for."""

IMAGES: Final = "images"
OLDER: Final = "older"
BASELINES: Final = "baselines"


@dataclass(frozen=True, slots=True)
class BinaryTest:
    """One question about the path of an executable; its answer is a bit of the verdict."""

    operator: str
    """In, Prefix or Postfix."""
    values: frozenset[bytes]

    @classmethod
    def of(cls, wanted: BinaryFilter) -> BinaryTest:
        """The question of a filter; whether yes or no is wanted, is not part of it."""
        values = (str(value).encode(errors="surrogateescape") for value in wanted.values)
        return cls(wanted.operator.removeprefix("Not"), frozenset(values))

    def holds(self, path: bytes) -> bool:
        """The answer, for user space."""
        match self.operator:
            case "Prefix":
                return path.startswith(tuple(self.values))
            case "Postfix":
                return path.endswith(tuple(self.values))
            case _:
                return path in self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessTables:
    """Which tables a policy needs; falsy when none."""

    tests: tuple[BinaryTest, ...] = ()
    follows: bool = False
    """Some filter follows children."""
    changes: bool = False
    """Some filter asks what changed since exec."""

    def __bool__(self) -> bool:
        return bool(self.tests) or self.changes

    def bit(self, wanted: BinaryFilter) -> int:
        """The bit of a verdict that answers this filter's question."""
        return READABLE << 1 + self.tests.index(BinaryTest.of(wanted))

    def verdict(self, path: bytes) -> int:
        """The verdict on an executable, without READABLE."""
        return sum(READABLE << 1 + n for n, test in enumerate(self.tests) if test.holds(path))

    def maps(self, flags: MapFlag = MapFlag.NONE) -> Iterator[MapSpec]:
        """The maps. Preallocated by default: allocating in a hook is safe from kernel 6.1 on."""
        if self.tests:
            yield _table(IMAGES, 32, flags)
        if self.follows:
            yield _table(OLDER, 8, flags)
        if self.changes:
            yield _table(BASELINES, 80, flags)


NO_TABLES: Final = ProcessTables()


def _table(name: str, value_bytes: int, flags: MapFlag) -> MapSpec:
    return MapSpec(
        kind=MapKind.HASH,
        value_bytes=value_bytes,
        max_entries=PROCESSES,
        name=name,
        flags=flags,
    )


def process_tables(
    selectors: Iterable[Selector], more: Sequence[BinaryFilter] = ()
) -> ProcessTables:
    """What these selectors, of all hooks of a policy, and more filters on executables need."""
    every = list(selectors)
    filters = [
        wanted
        for selector in every
        for wanted in (*selector.match_binaries, *selector.match_parent_binaries)
        if wanted.values
    ]
    filters += more
    return ProcessTables(
        tests=tuple(dict.fromkeys(BinaryTest.of(wanted) for wanted in filters)),
        follows=any(wanted.follow_children for wanted in filters),
        changes=any(
            selector.match_namespace_changes or selector.match_capability_changes
            for selector in every
        ),
    )
