# SPDX-License-Identifier: Apache-2.0
"""Memory of BPF maps for `debug maps`: of all, of those that the agent's programs use, and of those
that it has open or pinned; in upstream's tables and JSON keys.

"Pinned" in the titles is upstream's word; here it means held by the agent, pinned or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from .columns import aligned, size_text
from .kernel_objects import agent_objects

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from tetragon_sensors.kernel.inventory import MapEntry

__all__ = ["MapMemory", "map_memory"]


def map_memory(root: Path, info_file: Path) -> MapMemory:
    """What there is now. Raises TetragonError without root, or without an agent."""
    from tetragon_sensors.kernel import inventory  # noqa: PLC0415  # not for --help

    maps = {entry.number: entry for entry in inventory.list_maps()}
    owned = agent_objects(root, info_file)
    used = {
        number
        for program in inventory.list_programs()
        if program.number in owned.programs
        for number in program.map_numbers
    }
    return MapMemory(maps=maps, used=used & maps.keys(), held=owned.maps.keys() & maps.keys())


@dataclass(frozen=True, slots=True, kw_only=True)
class MapMemory:
    """Maps by number, and which of them belong to the agent."""

    maps: dict[int, MapEntry]
    used: set[int]
    """By programs of the agent."""
    held: set[int]
    """Open in the agent, or pinned by it."""

    def as_object(self) -> dict[str, Any]:
        """Upstream's JSON; as there, what is zero or empty is left out."""
        total = {
            "all_maps": self._bytes(self.maps),
            "pinned_progs_maps": self._bytes(self.used),
            "pinned_maps": self._bytes(self.held),
        }
        return {
            "total_memlock_bytes": _filled(total),
            "maps_stats": _filled(dict(zip(_COUNTS, self._counts(), strict=True))),
            **_filled(
                {
                    "diff_maps": [_described(self.maps[one]) for one in self._unused()],
                    "aggregated_maps": self._by_name(),
                }
            ),
        }

    def as_tables(self, lines: int) -> str:
        """Upstream's four tables; the last one has at most `lines` rows, 0: all."""
        totals = [size_text(self._bytes(which)) for which in (self.maps, self.used, self.held)]
        unused = [_described_row(self.maps[one]) for one in self._unused()]
        rows = [_total_row(one) for one in self._by_name()]
        tables = (
            [("AllMaps", "PinnedProgsMaps", "PinnedMaps"), totals],
            [_COUNT_TITLES, [str(count) for count in self._counts()]],
            [(*_TITLES, "Memlock"), *unused] if unused else [["Empty diff table"]],
            [_TOTAL_TITLES, *rows[: lines or None]] if rows else [["No memory is taken by maps"]],
        )
        return "\n".join("".join(f"{line}\n" for line in aligned(table)) for table in tables)

    def _bytes(self, numbers: Collection[int]) -> int:
        return sum(self.maps[number].memory_bytes for number in numbers)

    def _unused(self) -> list[int]:
        return sorted(self.held - self.used)

    def _counts(self) -> tuple[int, ...]:
        sets = (self.held & self.used, self.held ^ self.used, self.held | self.used)
        return (*map(len, (self.used, self.held, *sets)), len(self._unused()))

    def _by_name(self) -> list[dict[str, Any]]:
        """Maps of one name together, those that take the most first."""
        entries = sorted((self.maps[one] for one in self.held | self.used), key=_name_of)
        total = sum(entry.memory_bytes for entry in entries)
        rows = []
        for _, group in groupby(entries, _name_of):
            alike = list(group)
            taken = sum(entry.memory_bytes for entry in alike)
            row = {key: value for key, value in _described(alike[0]).items() if key != "id"}
            row |= {"count": len(alike), "total_memlock_bytes": taken}
            rows.append(row | {"percent_of_total": 100 * taken / total if total else 0.0})
        return sorted(rows, key=lambda row: -int(row["total_memlock_bytes"]))


_COUNTS = ("pinned_progs_maps", "pinned_maps", "inter", "exter", "union", "diff")
_COUNT_TITLES = ("PinnedProgsMaps", "PinnedMaps", "Inter", "Exter", "Union", "Diff")
_TITLES = ("ID", "Name", "Type", "KeySize", "ValueSize", "MaxEntries")
_TOTAL_TITLES = (*_TITLES[1:], "Count", "Memlock", "TotalMemlock", "PercentOfTotal")


def _name_of(entry: MapEntry) -> str:
    return entry.name


def _filled(pairs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in pairs.items() if value}


def _described(entry: MapEntry) -> dict[str, Any]:
    """Upstream's keys. Its names of types are in another case (`Hash`, `PerCPUArray`)."""
    return {
        "id": entry.number,
        "name": entry.name,
        "type": entry.kind,
        "key_size": entry.key_bytes,
        "value_size": entry.value_bytes,
        "max_entries": entry.max_entries,
        "memlock_bytes": entry.memory_bytes,
    }


def _described_row(entry: MapEntry) -> Sequence[str]:
    *cells, memory = _described(entry).values()
    return [*map(str, cells), size_text(memory)]


def _total_row(row: dict[str, Any]) -> Sequence[str]:
    *cells, memory, count, total, percent = row.values()
    return [*map(str, cells), str(count), size_text(memory), size_text(total), f"{percent:.1f}%"]
