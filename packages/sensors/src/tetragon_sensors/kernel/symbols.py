# SPDX-License-Identifier: Apache-2.0
"""The kernel's symbols: which functions are there, and which one an address is in.

The list is read when first needed, as one text of some megabytes, and searched as such.
"""

from __future__ import annotations

import bisect
import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.policy.problems import did_you_mean

from ._ffi import find_bytes
from .btf_types import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .btf_types import BtfTypes

__all__ = ["BtfSymbols", "Place", "Symbol", "Symbols", "kprobe_blacklist"]

_KALLSYMS: Final = Path("/proc/kallsyms")
_BLACKLIST: Final = Path("/sys/kernel/debug/kprobes/blacklist")
_TEXT_KINDS: Final = b"tTwW"
_NEAR_LENGTH: Final = 3
_LARGEST_FUNCTION: Final = 1 << 20
"""The list has no sizes; farther from the start of one, an address is in no function."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function of the kernel or of a module."""

    name: str
    address: int
    """0 when the kernel does not show addresses (kernel.kptr_restrict)."""
    module: str
    """Empty for the kernel itself."""


class Place(NamedTuple):
    """A place in a function."""

    name: str
    offset: int
    module: str
    """Empty for the kernel itself."""


def near_names(name: str, names: Iterable[str]) -> str:
    """` (did you mean "x"?)`; only names of about that length that begin alike are compared."""
    start = name[:2]
    near = {
        each
        for each in names
        if each.startswith(start) and abs(len(each) - len(name)) <= _NEAR_LENGTH
    }
    return did_you_mean(name, near)


class Symbols:
    """The symbols as they were when first asked for; modules and BPF programs come and go."""

    def __init__(self, path: Path = _KALLSYMS, types: BtfTypes | None = None) -> None:
        """`types` answer for functions they have: to make the list takes the kernel 0.1 s."""
        self._path = path
        self._types = types
        self._present: set[str] = set()

    @functools.cached_property
    def _text(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError:
            return b""

    @property
    def is_known(self) -> bool:
        """False when the list cannot be read or is empty."""
        return bool(self._text)

    @functools.cached_property
    def addresses_known(self) -> bool:
        """False when the kernel hides addresses from us (kernel.kptr_restrict)."""
        return any(line[:16].strip(b"0") for line in self._text[:4096].split(b"\n")[:-1])

    @functools.cache  # noqa: B019  (the object lives as long as the agent, and names are few)
    def find(self, name: str) -> tuple[Symbol, ...]:
        """Every function of that name: static functions may share one."""
        found = []
        wanted = b" " + name.encode()
        place = find_bytes(self._text, wanted)
        while place >= 0:
            begin = self._text.rfind(b"\n", 0, place) + 1
            end = self._text.find(b"\n", place)
            symbol = _parse(self._text[begin:end], name)
            if symbol:
                found.append(symbol)
            place = find_bytes(self._text, wanted, place + 1)
        return tuple(found)

    def has(self, name: str) -> bool:
        """True when a function has that name."""
        if name in self._present:
            return True
        if self._types is not None and self._types.find(name, Kind.FUNC):
            return True
        return bool(self.find(name))

    def module_of(self, name: str) -> str | None:
        """Module of the first function of that name: "" for the kernel, None when there is none."""
        if self._types is not None and self._types.find(name, Kind.FUNC):
            return ""
        found = self.find(name)
        return found[0].module if found else None

    def starting(self, prefix: str) -> list[str]:
        """Functions of the kernel itself, not of modules, whose names start so; sorted.

        Weak ones are not among them: they stand in for what was not built (kernel/sys_ni.c).
        Afterwards has() answers for them at no cost.
        """
        pattern = rb" [tT] (" + re.escape(prefix.encode()) + rb"[^\t\n]*)\n"
        found = {name.decode() for name in re.findall(pattern, self._text)}
        self._present |= found
        return sorted(found)

    def forget(self) -> None:
        """Give up the list's memory, some 10 MB; what is asked next reads it anew."""
        for name in ("_text", "_kernel_end", "_module_lines", "addresses_known"):
            self.__dict__.pop(name, None)

    def near(self, name: str) -> str:
        """` (did you mean "x"?)` for the nearest function, or nothing when none is near."""
        pattern = rb" [tTwW] (" + re.escape(name[:2].encode()) + rb"[^\t\n]*)"
        return near_names(name, (each.decode() for each in re.findall(pattern, self._text)))

    def at(self, address: int) -> Place | None:
        """The function that an address is in, None for data, user space or hidden addresses."""
        if not self.addresses_known or address <= 0:
            return None
        line = self._line_before(address) or b""
        modules_line = self._module_line_before(address)
        if modules_line and _address(modules_line) > _address(line or b"0"):
            line = modules_line
        if not line or line[17] not in _TEXT_KINDS:
            return None
        offset = address - _address(line)
        name, module = _names(line)
        return Place(name, offset, module) if offset < _LARGEST_FUNCTION else None

    @functools.cached_property
    def _kernel_end(self) -> int:
        """Where the kernel's own symbols, which are sorted by address, end and modules begin."""
        first = self._text.find(b"\t[")
        return self._text.rfind(b"\n", 0, first) + 1 if first >= 0 else len(self._text)

    def _line_at(self, place: int) -> tuple[int, bytes]:
        """Start and text of the line that this byte of the kernel's part is in."""
        begin = self._text.rfind(b"\n", 0, place) + 1
        return begin, self._text[begin : self._text.find(b"\n", place)]

    def _line_before(self, address: int) -> bytes | None:
        """The last of the kernel's symbols at or before an address; the first of its equals."""
        low, high = 0, self._kernel_end
        while low < high:  # the first line whose address is greater begins in low..high
            begin, line = self._line_at((low + high) // 2)
            if _address(line) <= address:
                low = begin + len(line) + 1
            else:
                high = begin
        if not low:
            return None
        begin, found = self._line_at(low - 1)
        while begin:
            begin, line = self._line_at(begin - 1)
            if _address(line) != _address(found):
                break
            found = line
        return found

    @functools.cached_property
    def _module_lines(self) -> tuple[list[int], list[bytes]]:
        lines = sorted(filter(None, self._text[self._kernel_end :].split(b"\n")), key=_address)
        return [_address(line) for line in lines], lines

    def _module_line_before(self, address: int) -> bytes | None:
        addresses, lines = self._module_lines
        index = bisect.bisect_right(addresses, address) - 1
        return lines[index] if index >= 0 else None


class BtfSymbols(Symbols):
    """What is known of another machine's symbols: the functions that its types have."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self._names = names

    @functools.cached_property
    def _text(self) -> bytes:
        return "".join(f"{0:016x} T {name}\n" for name in self._names).encode()


def _address(line: bytes) -> int:
    return int(line[:16], 16)


def _names(line: bytes) -> tuple[str, str]:
    name, _, module = line[19:].decode().partition("\t")
    return name, module.strip("[]")


def _parse(line: bytes, name: str) -> Symbol | None:
    found, module = _names(line)
    if found != name or line[17] not in _TEXT_KINDS:
        return None
    return Symbol(name, _address(line), module)


def kprobe_blacklist(path: Path = _BLACKLIST) -> frozenset[str] | None:
    """Functions that no kprobe can have; None when debugfs is not mounted or not ours to read."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return frozenset(line.split("\t", 1)[1] for line in lines if "\t" in line)
