# SPDX-License-Identifier: Apache-2.0
"""Addresses of user space to frames: which file is mapped there, and which function of it.

Done after the fact, from /proc: of a process that has ended only the addresses are known, unless it
was looked at shortly before.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from tetragon_core.hooks import StackFrame
from tetragon_core.messages import TICK_NS
from tetragon_core.procstat import parse_stat

from .elf import ElfFunctions, read_functions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.messages import ProcessKey

__all__ = ["UserStacks"]

_PROCESSES: Final = 128
"""Whose mappings are remembered."""
_FILES: Final = 32
"""Whose functions are remembered."""
_FRESH_NS: Final = 1_000_000_000
"""For so long mappings are taken to stay as they are."""
_DELETED: Final = " (deleted)"
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class _Mapping(NamedTuple):
    start: int
    end: int
    offset: int
    inode: int
    path: str


class _View(NamedTuple):
    """Mappings of a process at a time."""

    ktime_ns: int
    mappings: Sequence[_Mapping]


class UserStacks:
    """Remembers mappings of processes and functions of files."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._views: OrderedDict[ProcessKey, _View] = OrderedDict()
        self._functions: OrderedDict[tuple[int, str], ElfFunctions] = OrderedDict()

    def frames(
        self, process: ProcessKey, ktime_ns: int, addresses: Sequence[int]
    ) -> tuple[StackFrame, ...]:
        """Frames of a stack, innermost first, that the process had at that time.

        The key may have the id of one of its threads in place of its own.
        """
        mappings = self._mappings(process, ktime_ns)
        return tuple(
            self._frame(process.tgid, mappings, address, is_caller=number > 0)
            for number, address in enumerate(addresses)
        )

    def _frame(
        self, tgid: int, mappings: Sequence[_Mapping], address: int, *, is_caller: bool
    ) -> StackFrame:
        place = bisect_right(mappings, address, key=lambda one: one.start) - 1
        if place < 0 or address >= mappings[place].end:
            return StackFrame(address, 0, "")
        mapping = mappings[place]
        offset = address - mapping.start + mapping.offset
        # a caller's address is that behind the call, which may be behind the function
        symbol = self._symbol(tgid, mapping, offset - is_caller)
        return StackFrame(address, offset, symbol, mapping.path)

    def _symbol(self, tgid: int, mapping: _Mapping, offset: int) -> str:
        if not mapping.inode or mapping.path.endswith(_DELETED):
            return ""
        key = mapping.inode, mapping.path
        functions = self._functions.get(key)
        if functions is None:
            functions = self._read_functions(tgid, mapping)
            if functions is None:
                return ""
            _remember(self._functions, key, functions, _FILES)
        return functions.at(offset)

    def _read_functions(self, tgid: int, mapping: _Mapping) -> ElfFunctions | None:
        """Those of the file, in the view of the process; None when it is another by now."""
        try:
            with Path(f"{self._proc}/{tgid}/root{mapping.path}").open("rb") as file:
                if os.fstat(file.fileno()).st_ino != mapping.inode:
                    return None
                return read_functions(file)
        except ValueError:
            return ElfFunctions([], [], b"")
        except OSError:
            return None

    def _mappings(self, process: ProcessKey, ktime_ns: int) -> Sequence[_Mapping]:
        known = self._views.get(process)
        if known is not None and ktime_ns - known.ktime_ns < _FRESH_NS:
            return known.mappings
        found = self._read_mappings(process.tgid, ktime_ns)
        if found is None:
            return known.mappings if known else ()
        _remember(self._views, process, _View(ktime_ns, found), _PROCESSES)
        return found

    def _read_mappings(self, tgid: int, ktime_ns: int) -> list[_Mapping] | None:
        """Executable mappings in ascending order; None when the process is gone."""
        directory = self._proc / str(tgid)
        try:
            stat = parse_stat((directory / "stat").read_bytes())
            text = os.fsdecode((directory / "maps").read_bytes())
        except OSError:
            return None
        if stat is None or stat.is_over or stat.start_ticks * TICK_NS > ktime_ns:
            return None  # another process has got the pid
        return [mapping for line in text.splitlines() if (mapping := _parse(line))]


def _remember(known: OrderedDict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > most:
        known.popitem(last=False)


def _parse(line: str) -> _Mapping | None:
    """A line of /proc/PID/maps; None when there is no code of a file."""
    fields = line.split(None, 5)
    if len(fields) < 6 or "x" not in fields[1]:
        return None
    start, _, end = fields[0].partition("-")
    return _Mapping(int(start, 16), int(end, 16), int(fields[2], 16), int(fields[4]), fields[5])
