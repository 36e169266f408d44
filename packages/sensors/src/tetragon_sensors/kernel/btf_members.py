# SPDX-License-Identifier: Apache-2.0
"""Where a member lies: paths like `f_path.dentry` in one struct, or across pointers.

Anonymous structs and unions are transparent, as in C.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.policy.problems import did_you_mean

from .btf_text import declaration
from .btf_types import COMPOSITES, BtfError, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .btf_types import BtfTypes, Field

__all__ = ["MAXIMUM_DEPTH", "Member", "Resolved", "Step", "find_member", "resolve"]

MAXIMUM_DEPTH: Final = 10
"""Members and elements that one path may name."""

_COMPONENT: Final = re.compile(r"([A-Za-z_]\w*)((?:\[\d+\])*)")


@dataclass(frozen=True, slots=True)
class Member:
    """Where a member is in its struct, and what to load to get it."""

    offset_bytes: int
    """Of the member, or of the smallest aligned unit that holds all of a bit field."""
    size_bytes: int
    type_id: int
    bit_offset: int = 0
    """First bit of a bit field in its unit, counted from the least significant."""
    bit_size: int = 0
    """0 for a member that is no bit field."""


class Step(NamedTuple):
    """Add `offset` to the address; then, if `dereference`, load the next address from there."""

    offset: int
    dereference: bool


@dataclass(frozen=True, slots=True)
class Resolved:
    """The way from an address (a pointer's value) to a member.

    After the last step, which never dereferences, the address is that of the member.
    """

    steps: tuple[Step, ...]
    type_id: int
    """Of the member."""
    size: int
    """Bytes to read there; 0 for a flexible array."""
    bit_offset: int = 0
    """As in Member."""
    bit_size: int = 0


class _Found(NamedTuple):
    bit_offset: int
    field: Field


def _flattened(types: BtfTypes, type_id: int, base_bits: int = 0) -> Iterator[_Found]:
    for field in types.fields(type_id):
        place = base_bits + field.bit_offset
        if field.name:
            yield _Found(place, field)
            continue
        inner = types.skip_modifiers(field.type_id)
        if inner.kind in COMPOSITES:
            yield from _flattened(types, inner.type_id, place)


def _components(path: str) -> list[tuple[str, list[int]]]:
    """`a.b[2]` as [("a", []), ("b", [2])]. Raises BtfError."""
    parts = []
    for text in path.split("."):
        match = _COMPONENT.fullmatch(text)
        if not match:
            raise BtfError(
                f'"{text}" in "{path}" is no member: write names joined by dots, '
                "each followed by [NUMBER] for an element of an array"
            )
        parts.append((match[1], [int(number) for number in re.findall(r"\d+", match[2])]))
    depth = len(parts) + sum(len(indices) for _, indices in parts)
    if depth > MAXIMUM_DEPTH:
        raise BtfError(f'"{path}" goes {depth} levels deep; at most {MAXIMUM_DEPTH} are possible')
    return parts


class _Walk:
    """A place while a path is followed: the address so far, and the type that is there."""

    def __init__(self, types: BtfTypes, type_id: int, path: str, *, pointers: bool) -> None:
        self.types = types
        self.type_id = type_id
        self.path = path
        self.pointers = pointers
        self.steps: list[Step] = []
        self.bits = 0
        self.bit_size = 0

    def _text(self, type_id: int) -> str:
        return declaration(self.types, type_id)

    def _follow_pointer(self, target: int, name: str) -> None:
        if not self.pointers:
            raise BtfError(
                f'{self._text(self.type_id)} is a pointer, so "{name}" of "{self.path}" '
                "is in another struct"
            )
        self.steps.append(Step(self.bits // 8, dereference=True))
        self.bits = 0
        self.type_id = target

    def enter(self, name: str) -> None:
        """Go to the member `name` of what is here, through pointers."""
        here = self.types.skip_modifiers(self.type_id)
        while here.kind is Kind.PTR:
            self._follow_pointer(here.size_or_type, name)
            here = self.types.skip_modifiers(self.type_id)
        if here.kind not in COMPOSITES:
            raise BtfError(self._not_a_struct(name, here.kind))
        for found in _flattened(self.types, here.type_id):
            if found.field.name == name:
                self.bits += found.bit_offset
                self.bit_size = found.field.bit_size
                self.type_id = found.field.type_id
                return
        names = (found.field.name for found in _flattened(self.types, here.type_id))
        raise BtfError(
            f'{self._text(here.type_id)} has no member "{name}"{did_you_mean(name, names)}'
            f"{self._of_path(name)}"
        )

    def _of_path(self, name: str) -> str:
        return "" if name == self.path else f' (in "{self.path}")'

    def _not_a_struct(self, name: str, kind: Kind) -> str:
        why = "whose members are not known here" if kind is Kind.FWD else "which has no members"
        return f'"{name}"{self._of_path(name)} is looked for in {self._text(self.type_id)}, {why}'

    def index(self, number: int, name: str) -> None:
        """Go to an element of the array or pointer that is here."""
        here = self.types.skip_modifiers(self.type_id)
        if here.kind is Kind.ARRAY:
            element, count = self.types.array(here.type_id)
            if count and number >= count:
                raise BtfError(
                    f'"{name}[{number}]"{self._of_path(name)} is outside of '
                    f"{declaration(self.types, self.type_id, name)}"
                )
            self.type_id = element
        elif here.kind is Kind.PTR:
            self._follow_pointer(here.size_or_type, f"{name}[{number}]")
        else:
            raise BtfError(
                f'"{name}"{self._of_path(name)} is {self._text(self.type_id)}, not an array'
            )
        self.bits += number * self.types.size(self.type_id) * 8

    def walk(self) -> None:
        """Follow the whole path."""
        for name, indices in _components(self.path):
            self.enter(name)
            for number in indices:
                self.index(number, name)

    def member(self) -> Member:
        """What is here, with the unit to load for a bit field (little endian)."""
        size = self.types.size(self.type_id)
        if not self.bit_size:
            return Member(self.bits // 8, size, self.type_id)
        offset = self.bits // 8 // size * size
        while self.bits + self.bit_size > (offset + size) * 8:
            size *= 2
            offset = self.bits // 8 // size * size
        return Member(offset, size, self.type_id, self.bits - offset * 8, self.bit_size)


def find_member(types: BtfTypes, struct_id: int, path: str) -> Member:
    """The member `path` in a struct or in structs that are inside of it. Raises BtfError."""
    walk = _Walk(types, struct_id, path, pointers=False)
    walk.walk()
    return walk.member()


def resolve(types: BtfTypes, type_id: int, path: str) -> Resolved:
    """Follow `path` from an address: the value of a pointer of this type, or a struct's place.

    Pointers on the way are followed. Raises BtfError naming the component.
    """
    start = types.skip_modifiers(type_id)
    # the value of the pointer is the address the steps begin with
    first = start.size_or_type if start.kind is Kind.PTR else type_id
    walk = _Walk(types, first, path, pointers=True)
    walk.walk()
    member = walk.member()
    steps = (*walk.steps, Step(member.offset_bytes, dereference=False))
    return Resolved(steps, member.type_id, member.size_bytes, member.bit_offset, member.bit_size)
