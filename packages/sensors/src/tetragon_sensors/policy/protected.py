# SPDX-License-Identifier: Apache-2.0
"""Who gets no signal from any policy: pid 1, the agent, its parents, whom the operator names."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final

from tetragon_core.procfs import ProcScanner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tetragon_sensors.kernel.maps import Map

__all__ = ["protect"]

_KEY: Final = struct.Struct("<I")
_VALUE: Final = struct.Struct("<Q")
_INIT: Final = 1
_GENERATIONS: Final = 64


def protect(table: Map, more: Iterable[int] = ()) -> None:
    """Fill the map: tgid -> start of the process, so that a tgid used anew is not spared.

    0 stands for whoever has the tgid: pid 1 does not change.
    """
    scanner = ProcScanner()
    table.update(_KEY.pack(_INIT), _VALUE.pack(0))
    wanted = [*_with_parents(scanner, os.getpid()), *more]
    for tgid in wanted:
        process = scanner.try_read(tgid)
        if process is not None and tgid != _INIT:
            table.update(_KEY.pack(tgid), _VALUE.pack(process.key.ktime_ns))


def _with_parents(scanner: ProcScanner, tgid: int) -> list[int]:
    found: list[int] = []
    while tgid > _INIT and len(found) < _GENERATIONS:
        found.append(tgid)
        process = scanner.try_read(tgid)
        tgid = process.ppid if process is not None else 0
    return found
