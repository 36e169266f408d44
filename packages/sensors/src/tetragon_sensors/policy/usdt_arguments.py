# SPDX-License-Identifier: Apache-2.0
"""Where a USDT probe has its arguments: the text of its note, as the assembler was given it.

An argument is `N@OPERAND`: N bytes, negative for a signed number, and an operand in the syntax of
the architecture (https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation). What it is
here is strict: an operand that is not known in full is Unreadable, and never taken for another.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from .frames import register_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

__all__ = [
    "Constant",
    "InMemory",
    "InRegister",
    "Index",
    "Unreadable",
    "UsdtArgument",
    "parse_usdt_arguments",
    "with_symbols",
]


@dataclass(frozen=True, slots=True)
class Constant:
    """The same at every hit."""

    value: int


@dataclass(frozen=True, slots=True)
class InRegister:
    """A register, or a part of one."""

    offset: int
    """In struct pt_regs."""
    bytes: int


@dataclass(frozen=True, slots=True)
class Index:
    """What is added to an address: a register, extended and shifted."""

    register: InRegister
    shift: int = 0
    is_signed: bool = False


@dataclass(frozen=True, slots=True)
class InMemory:
    """Memory of the process, at the sum of all parts."""

    bases: tuple[InRegister, ...]
    displacement: int = 0
    index: Index | None = None
    symbol: str = ""
    """Its address is a part as well: `with_symbols` puts it in."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something no program can have."""

    reason: str


@dataclass(frozen=True, slots=True)
class UsdtArgument:
    """One argument of one site."""

    text: str
    """As the note has it."""
    size: int
    """In bytes."""
    is_signed: bool
    place: Constant | InRegister | InMemory | Unreadable

    @property
    def constant(self) -> int:
        """Of a Constant: the number that its bytes hold."""
        assert isinstance(self.place, Constant)
        number = self.place.value & (1 << 8 * self.size) - 1
        is_negative = self.is_signed and number >> 8 * self.size - 1
        return number - (1 << 8 * self.size) if is_negative else number


if TYPE_CHECKING:
    Place = Constant | InRegister | InMemory | Unreadable
    Names = Mapping[str, InRegister]
    Operand = Callable[[str, Names], Place | None]

_NEXT: Final = re.compile(r"\s+(?=-?\d*f?@)")
_ARGUMENT: Final = re.compile(r"(-?)([1248])(f?)@(.+)", re.DOTALL)
_INTEGER: Final = r"[-+]?(?:0x[0-9a-f]+|\d+)"
_NAME: Final = r"[A-Za-z_.][\w.$]*"
_CONSTANT_X86: Final = re.compile(rf"\$({_INTEGER})")
_MEMORY_X86: Final = re.compile(
    r"(?P<sum>[^()%:]*)"
    r"\(\s*(?:%(?P<base>\w+))?\s*(?:,\s*%(?P<index>\w+)\s*(?:,\s*(?P<scale>[1248]))?)?\s*\)"
)
_TERM: Final = re.compile(rf"\s*([-+]?)\s*(?:(0x[0-9a-f]+|\d+)|({_NAME}))\s*")
_CONSTANT_ARM: Final = re.compile(rf"[xw]zr|#?({_INTEGER})")
_MEMORY_ARM: Final = re.compile(
    rf"\[\s*(?P<base>\w+)\s*(?:,\s*(?:#?(?P<number>{_INTEGER})|(?P<index>[xw]\d+)"
    r"(?:\s*,?\s*(?P<extend>lsl|sxtw|uxtw|sxtx)(?:\s*#?(?P<shift>\d))?)?))?\s*\]"
)
_SHIFTS: Final = {None: 0, "1": 0, "2": 1, "4": 2, "8": 3}
_POINTERS: Final = {"x86_64": "rip", "aarch64": "pc"}
_INSTRUCTION_POINTERS: Final = frozenset({"rip", "eip"})
_NO_OPERANDS: Final = ("ip", "orig_ax", "cs", "ss", "flags", "pc", "pstate")
_WIDE: Final = 8
"""Bytes of a register in an address."""


def parse_usdt_arguments(text: str, arch: str) -> tuple[UsdtArgument, ...]:
    """The arguments of a note on `arch`, x86_64 or aarch64. Raises ValueError: it is no such list.

    One whose operand cannot be used is Unreadable and does not spoil the others.
    """
    operand = {"x86_64": _x86, "aarch64": _arm}[arch]
    names = _registers(arch)
    return tuple(_argument(one, operand, names) for one in _NEXT.split(text.strip()) if one)


def with_symbols(
    arguments: Sequence[UsdtArgument],
    symbols: Mapping[str, Collection[int]],
    site: int,
    arch: str,
) -> tuple[UsdtArgument, ...]:
    """The arguments of a site at that address, with the addresses of symbols put in.

    A process may have the file anywhere: how far it is moved is what its instruction pointer is
    away from the site's address. Symbols that are not known, or are several, make it Unreadable.
    """
    pointer = InRegister(*register_file(arch).names[_POINTERS[arch]])
    return tuple(
        replace(one, place=_located(one.place, symbols, site, pointer)) for one in arguments
    )


def _located(
    place: Place, symbols: Mapping[str, Collection[int]], site: int, pointer: InRegister
) -> Place:
    if not isinstance(place, InMemory) or not place.symbol:
        return place
    addresses = symbols.get(place.symbol, ())
    if len(addresses) != 1:
        found = "several symbols" if addresses else "no symbol"
        return Unreadable(f"the file has {found} {place.symbol}")
    (address,) = addresses
    displacement = place.displacement + address - site
    return InMemory((*place.bases, pointer), displacement, place.index)


def _argument(text: str, operand: Operand, names: Names) -> UsdtArgument:
    match = _ARGUMENT.fullmatch(text)
    if match is None:
        raise ValueError(
            f'"{text}" is no argument of a USDT probe: expected SIZE@OPERAND, with a size of 1, '
            "2, 4 or 8 bytes"
        )
    sign, size, is_float, rest = match.groups()
    place: Place
    if is_float:
        place = Unreadable("it is a floating-point number")
    else:
        place = operand(rest.strip(), names) or Unreadable("its operand is none that is known")
    return UsdtArgument(text, int(size), bool(sign), place)


@functools.cache
def _registers(arch: str) -> Names:
    """Registers that an operand may have."""
    names = {
        name: InRegister(*found)
        for name, found in register_file(arch).names.items()
        if not name.endswith(_NO_OPERANDS)
    }
    if arch == "aarch64":
        names["x31"] = names["sp"]
    return names


def _x86(operand: str, names: Names) -> Place | None:
    if operand.startswith("%"):
        return names.get(operand[1:])
    constant = _CONSTANT_X86.fullmatch(operand)
    if constant:
        return Constant(int(constant[1], 0))
    memory = _MEMORY_X86.fullmatch(operand)
    terms = memory and _sum(memory["sum"])
    if not memory or not terms:
        return None
    displacement, symbol = terms
    base, index = memory["base"], memory["index"]
    if base in _INSTRUCTION_POINTERS and symbol and not index:
        base = None
    parts = [names.get(name) for name in (base, index) if name]
    if any(part is None or part.bytes != _WIDE for part in parts):
        return None
    if not parts and not symbol:
        return None
    return InMemory(
        (names[base],) if base else (),
        displacement,
        Index(names[index], _SHIFTS[memory["scale"]]) if index else None,
        symbol,
    )


def _sum(text: str) -> tuple[int, str] | None:
    """`8`, `-16+4`, `name+8` or nothing, as number and name; None: it is something else."""
    number, name, at = 0, "", 0
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None or (at and not term[1]):
            return None
        if term[3]:
            if name or term[1] == "-":
                return None
            name = term[3]
        else:
            number += int(term[1] + term[2], 0)
        at = term.end()
    return number, name


def _arm(operand: str, names: Names) -> Place | None:
    constant = _CONSTANT_ARM.fullmatch(operand)
    if constant:
        return Constant(int(constant[1] or "0", 0))
    memory = _MEMORY_ARM.fullmatch(operand)
    if not memory:
        return names.get(operand)
    base = names.get(memory["base"])
    if base is None or base.bytes != _WIDE:
        return None
    if not memory["index"]:
        return InMemory((base,), int(memory["number"] or "0", 0))
    register, extend = names.get(memory["index"]), memory["extend"] or "lsl"
    if register is None or (register.bytes == _WIDE) is not (extend in {"lsl", "sxtx"}):
        return None
    return InMemory((base,), 0, Index(register, int(memory["shift"] or 0), extend == "sxtw"))
