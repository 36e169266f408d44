# SPDX-License-Identifier: Apache-2.0
"""Where in a file the things are that policies name: symbols, offsets, addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tetragon_core.errors import TetragonError
from tetragon_core.policy.numbers import parse_integer
from tetragon_sensors.bcc.symbols import SymbolKind, find_symbol

from .image import ElfError
from .pclntab import go_functions

if TYPE_CHECKING:
    from .binary import Binary

__all__ = ["Place", "place_of_address", "place_of_offset", "place_of_symbol"]


class Place(NamedTuple):
    """An instruction of a file."""

    offset: int
    symbol: str = ""
    """`name` or `name+offset` as the policy has it; empty: the policy has no symbol."""
    written: int = 0
    """The offset or address that the policy has instead."""
    is_resolver: bool = False
    """The symbol is of a function that chooses an implementation (IFUNC), not of one of those."""


def place_of_symbol(binary: Binary, text: str) -> Place:
    """A function, or an instruction of it: `name` or `name+offset`. Raises TetragonError."""
    name, _, behind = text.partition("+")
    start, is_resolver = _function(binary, name)
    place = place_of_offset(binary, start + (parse_integer(behind) if behind else 0))
    return place._replace(symbol=text, is_resolver=is_resolver)


def place_of_offset(binary: Binary, offset: int) -> Place:
    """An offset of the file. Raises TetragonError when no process can run what is there."""
    if not binary.image.is_code(offset):
        raise TetragonError(f"offset {offset:#x} of {binary.path} is not loaded as code")
    return Place(offset, written=offset)


def place_of_address(binary: Binary, address: int) -> Place:
    """An address as the linker gave it (nm prints these). Raises TetragonError."""
    offset = binary.image.offset_of(address)
    if offset is None:
        raise TetragonError(f"{binary.path} has nothing at address {address:#x}")
    return place_of_offset(binary, offset)._replace(written=address)


def _function(binary: Binary, name: str) -> tuple[int, bool]:
    for kind in (SymbolKind.FUNCTION, SymbolKind.RESOLVER):
        found = find_symbol(binary.link, name, kind)
        if found is not None:
            return found, kind is SymbolKind.RESOLVER
    try:
        functions = go_functions(binary.image)
    except ElfError as error:
        raise TetragonError(f"{binary.path}: {error}") from error
    address = functions.find(name) if functions else None
    found = binary.image.offset_of(address) if address is not None else None
    if found is None:
        stripped = binary.image.section(".symtab") is None and functions is None
        why = ": it is stripped, so that only what it exports has a name" if stripped else ""
        raise TetragonError(f"{binary.path} has no function {name}{why}")
    return found, False
