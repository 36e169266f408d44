# SPDX-License-Identifier: Apache-2.0
"""Entries of a bug report that are read from the kernel: maps, programs, memory, features."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..kernel_objects import PIN_ROOT
from .archive import read_tail

if TYPE_CHECKING:
    from .archive import Archive

__all__ = ["KernelEntries"]

_BTF: Final = Path("/sys/kernel/btf/vmlinux")
_TRACE: Final = Path("/sys/kernel/tracing/trace")
_TRACE_BYTES: Final = 1 << 20
_BPFTOOL: Final = {
    "maps": ("map", "show"),
    "progs": ("prog", "show"),
    "cgroups": ("cgroup", "tree"),
}
_V2: Final[tuple[str, ...]] = ("memory.current", "memory.max", "memory.stat", "memory.events")
_V1: Final[tuple[str, ...]] = ("memory.usage_in_bytes", "memory.kmem.usage_in_bytes", "memory.stat")


@dataclass(frozen=True, slots=True)
class KernelEntries:
    """Of the machine, and of the agent's process when it runs."""

    info_file: Path
    pid: int | None
    bpftool: str
    """Program to ask as well; empty: none."""

    def add_to(self, archive: Archive) -> None:
        """Everything that can be had."""
        archive.add("kernel.txt", _kernel_text)
        archive.add("btf", lambda: read_tail(_BTF))
        archive.add_command("dmesg.out", "dmesg")
        archive.add("trace", lambda: read_tail(_TRACE, _TRACE_BYTES))
        self._add_objects(archive)
        if self.pid is None:
            archive.note("proc-smaps", "no agent runs")
            return
        process = Path(f"/proc/{self.pid}")
        # Without a command's line of words, which pmap shows, and which may have secrets.
        for name in ("smaps", "smaps_rollup", "status", "limits"):
            archive.add(f"proc-{name}", partial(read_tail, process / name))
        _add_memory_cgroup(archive, process)

    def _add_objects(self, archive: Archive) -> None:
        from ..commands.dump import execve_lines  # noqa: PLC0415  # not for --help
        from ..map_memory import map_memory  # noqa: PLC0415  # as above

        if self.bpftool:
            for name, words in _BPFTOOL.items():
                archive.add_command(f"bpftool-{name}.json", self.bpftool, *words, "-j")
        else:
            archive.add("bpftool-maps.json", _maps_json)
            archive.add("bpftool-progs.json", _programs_json)
        archive.add(
            "debugmaps.json",
            lambda: json.dumps(map_memory(Path(PIN_ROOT), self.info_file).as_object()),
        )
        archive.add(
            "execve_map.out",
            lambda: "".join(f"{line}\n" for line in execve_lines(self.info_file)),
        )


def _kernel_text() -> str:
    from tetragon_sensors.kernel.probes import probe_features  # noqa: PLC0415  # not for --help

    features = "".join(f"{name}: {str(has).lower()}\n" for name, has in probe_features())
    return f"{' '.join(os.uname())}\n{features}"


def _maps_json() -> str:
    """In the keys of bpftool."""
    from tetragon_sensors.kernel.inventory import list_maps  # noqa: PLC0415  # not for --help

    return json.dumps(
        [
            {
                "id": one.number,
                "type": one.kind,
                "name": one.name,
                "flags": one.flags,
                "bytes_key": one.key_bytes,
                "bytes_value": one.value_bytes,
                "max_entries": one.max_entries,
                "bytes_memlock": one.memory_bytes,
            }
            for one in list_maps()
        ]
    )


def _programs_json() -> str:
    """In the keys of bpftool."""
    from tetragon_sensors.kernel.inventory import list_programs  # noqa: PLC0415  # not for --help

    return json.dumps(
        [
            {
                "id": one.number,
                "type": one.kind,
                "name": one.name,
                "bytes_xlated": one.instructions * 8,
                "bytes_jited": one.jited_bytes,
                "bytes_memlock": one.memory_bytes,
                "map_ids": one.map_numbers,
                "run_cnt": one.run_count,
                "run_time_ns": one.run_time_ns,
                "recursion_misses": one.recursion_misses,
            }
            for one in list_programs()
        ]
    )


def _add_memory_cgroup(archive: Archive, process: Path) -> None:
    """What the agent's cgroup counts; in the first hierarchy that counts memory."""
    try:
        lines = (process / "cgroup").read_text().splitlines()
    except OSError as error:
        archive.note("memory.stat", str(error))
        return
    for number, controllers, path in (line.split(":", 2) for line in lines):
        if "memory" in controllers.split(","):
            directory, names = Path("/sys/fs/cgroup/memory"), _V1
        elif number == "0" and not any(":memory" in line for line in lines):
            directory, names = Path("/sys/fs/cgroup"), _V2
        else:
            continue
        for name in names:
            archive.add(name, partial(read_tail, directory / path.lstrip("/") / name))
