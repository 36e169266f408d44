# SPDX-License-Identifier: Apache-2.0
"""A policy's tables of processes in the kernel: made, kept, filled with who is there already.

Filling leaves no gap: the programs that keep the tables run before /proc is walked, and what they
have entered is not overwritten.
"""

from __future__ import annotations

import os
import struct
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.procfs import ProcScanner
from tetragon_sensors.kernel.attachments import attach_raw_tracepoint
from tetragon_sensors.kernel.maps import MapFlag, MapKind, create_map
from tetragon_sensors.kernel.programs import ProgramKind

from .loading import load_linked
from .snapshots import pack_baseline
from .tables import BASELINES, IMAGES, OLDER, PROCESSES, READABLE
from .upkeep import UPKEEP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tetragon_core.scanned import ScannedProcess
    from tetragon_sensors.kernel.attachments import Attachment
    from tetragon_sensors.kernel.maps import Map
    from tetragon_sensors.kernel.programs import Program

    from .plan import Plan
    from .reading import Environment

__all__ = ["ProcessTracking"]

_KEY: Final = struct.Struct("<I")
_IMAGE: Final = struct.Struct("<QQQQ")
_BITS: Final = struct.Struct("<Q")
_DELETED: Final = b" (deleted)"
_GENERATIONS: Final = 256
"""More ancestors than a process can sensibly have: a torn view of /proc must not loop."""


class ProcessTracking:
    """The maps of one policy, and the programs that keep its tables of processes."""

    def __init__(
        self, plan: Plan, scanner: ProcScanner | None = None, *, may_allocate: bool = False
    ) -> None:
        """Make the maps; `may_allocate`: with memory for those processes only that there are.

        Raises LoadError.
        """
        tables = plan.tables
        self._tables = tables
        self._scanner = scanner or ProcScanner()
        self._stack = ExitStack()
        self.attachments: list[Attachment] = []
        """Of the programs that keep the tables, while they are kept."""
        self._programs: list[tuple[str, Program]] = []
        self.maps: dict[str, Map] = {}
        try:
            flags = MapFlag.NO_PREALLOC if may_allocate else MapFlag.NONE
            for spec in (*tables.maps(flags), *plan.maps):
                self.maps[spec.name] = self._stack.enter_context(create_map(spec))
        except BaseException:
            self.close()
            raise

    @property
    def descriptors(self) -> Mapping[str, int]:
        """Of the maps, by name."""
        return {name: made.fd for name, made in self.maps.items()}

    @property
    def programs(self) -> Sequence[tuple[str, Program]]:
        """Those that keep the tables, each with the raw tracepoint it is at."""
        return tuple(self._programs)

    @property
    def fds(self) -> list[int]:
        """Of maps and programs, for accounting."""
        return [*self.descriptors.values(), *(program.fd for _, program in self._programs)]

    def load(self, environment: Environment) -> None:
        """Load the programs that keep the tables, if there are any. Raises LoadError."""
        if self._tables:
            for name, make in UPKEEP.items():
                program = load_linked(make(environment), ProgramKind.RAW_TRACEPOINT, "upkeep")
                self._stack.callback(program.close)
                self._programs.append((name, program))

    def start(self) -> None:
        """Keep the tables from now on; they are filled when this returns. Raises LoadError."""
        for made in self.maps.values():
            if made.spec.kind is not MapKind.PERCPU_ARRAY:  # what it has is never wrong
                made.clear()
        if not self._tables:
            return
        is_scanned = self._tables.follows or self._tables.changes
        before = list(self._scanner.scan()) if self._tables.follows else []
        for name, program in self._programs:
            self.attachments.append(attach_raw_tracepoint(program, name))
        processes = list(self._scanner.scan()) if is_scanned else []
        if self._tables.tests:
            self._fill_images()
        if self._tables.follows:
            self._fill_older([*before, *processes])
        if self._tables.changes:
            self._fill_baselines(processes)

    def stop(self) -> None:
        """Keep them no longer."""
        for attachment in self.attachments:
            attachment.close()
        self.attachments.clear()

    def close(self) -> None:
        """Give everything back; idempotent."""
        self.stop()
        self._stack.close()

    def _fill_images(self) -> None:
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
        for tgid in pids[:PROCESSES]:
            path = _executable(tgid)
            if path:
                verdict = READABLE | self._tables.verdict(path)
                self.maps[IMAGES].insert(_KEY.pack(tgid), _IMAGE.pack(0, verdict, 0, tgid))

    def _fill_baselines(self, processes: list[ScannedProcess]) -> None:
        for process in processes[:PROCESSES]:
            if process.capabilities and process.namespaces:
                value = pack_baseline(process.capabilities, process.namespaces)
                self.maps[BASELINES].insert(_KEY.pack(process.tgid), value)

    def _fill_older(self, processes: list[ScannedProcess]) -> None:
        """For each the verdicts on it and all its ancestors, gone or not."""
        parents = {process.tgid: process.ppid for process in processes}
        own = {tgid: self._tables.verdict(_executable(tgid)) for tgid in parents}
        for process in processes:
            own[process.tgid] |= self._tables.verdict(_known_path(process))
        bits = []
        for tgid in parents:
            found, ancestor = 0, tgid
            for _ in range(_GENERATIONS):
                found |= own.get(ancestor, 0)
                ancestor = parents.get(ancestor, 0)
                if not ancestor:
                    break
            if found:
                bits.append((_KEY.pack(tgid), _BITS.pack(found)))
        self.maps[OLDER].update_many(bits)


def _executable(tgid: int) -> bytes:
    """Path of the executable as the process itself sees it; empty when there is none."""
    try:
        path = os.fsencode(Path(f"/proc/{tgid}/exe").readlink())
        root = os.fsencode(Path(f"/proc/{tgid}/root").readlink())
    except OSError:
        return b""
    return path.removesuffix(_DELETED).removeprefix(root.removesuffix(b"/"))


def _known_path(process: ScannedProcess) -> bytes:
    """What the scan has read: of a process that is gone by now nothing else is known."""
    path = (process.executable or "").encode(errors="surrogateescape")
    return path.removesuffix(_DELETED)
