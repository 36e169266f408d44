# SPDX-License-Identifier: Apache-2.0
"""One BTF blob: finds types by name and reads single type records, never the whole.

The record layout is that of include/uapi/linux/btf.h. libbpf holds the blob and knows where each
type starts; what was read is kept.
"""

from __future__ import annotations

import ctypes as c
import os
import struct
import weakref
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError, UnsupportedKernelError

from ._ffi import libbpf

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BtfError", "BtfTypes", "EnumValue", "Field", "Kind", "Parameter", "Type"]

VMLINUX: Final = Path("/sys/kernel/btf/vmlinux")


class BtfError(TetragonError):
    """A type, member or value that this kernel does not have."""


class Kind(IntEnum):
    """Kinds of types, numbered as in include/uapi/linux/btf.h; 0 is void."""

    VOID = 0
    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16
    DECL_TAG = 17
    TYPE_TAG = 18
    ENUM64 = 19
    UNKNOWN = 31


MODIFIERS: Final = frozenset({Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.TYPE_TAG})
COMPOSITES: Final = frozenset({Kind.STRUCT, Kind.UNION})
_SIZED: Final = frozenset({Kind.INT, Kind.ENUM, Kind.ENUM64, Kind.FLOAT, *COMPOSITES})


@dataclass(frozen=True, slots=True)
class Type:
    """The head of a type record."""

    type_id: int
    kind: Kind
    name: str
    count: int
    """How many members, parameters or values follow."""
    flag: bool
    """Bit fields (struct), signed values (enum), union (forward declaration)."""
    size_or_type: int
    """Bytes of a sized type, else the type it refers to."""
    tail: int
    """Address of what follows the head."""


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a struct or union as it is recorded."""

    name: str
    type_id: int
    bit_offset: int
    bit_size: int
    """0 for a member that is no bit field."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function; the name may be empty."""

    name: str
    type_id: int


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A named value of an enum."""

    name: str
    value: int


_HEAD: Final = struct.Struct("=III")
_MEMBER: Final = struct.Struct("=III")
_PARAMETER: Final = struct.Struct("=II")
_ENUM64: Final = struct.Struct("=III")


class BtfTypes:
    """The type records of one BTF blob, and of the vmlinux BTF below it for a module's."""

    def __init__(self, handle: int, name: str, base: BtfTypes | None = None) -> None:
        """`handle` is libbpf's and is freed with this object; `base` is kept alive."""
        self.name = name
        self.base = base
        self.handle = handle
        self._types: dict[int, Type] = {}
        self._ids: dict[tuple[str, Kind], int] = {}
        self._fields: dict[int, tuple[Field, ...]] = {}
        self._finalizer = weakref.finalize(self, libbpf().btf__free, handle)

    @property
    def pointer_bytes(self) -> int:
        """Size of a pointer there."""
        return int(libbpf().btf__pointer_size(self.handle)) or 8

    def close(self) -> None:
        """Free the blob; nothing may be asked afterwards. Idempotent."""
        self._finalizer()

    def find(self, name: str, kind: Kind) -> int:
        """Id of the first type of that name and kind, 0 when there is none."""
        key = (name, kind)
        if key not in self._ids:
            found = libbpf().btf__find_by_name_kind(self.handle, name.encode(), kind)
            self._ids[key] = max(0, int(found))
        return self._ids[key]

    def type(self, type_id: int) -> Type:
        """Head of a type record. Raises BtfError for an id that is not there."""
        known = self._types.get(type_id)
        if known is None:
            known = self._types[type_id] = self._read(type_id)
        return known

    def _read(self, type_id: int) -> Type:
        if type_id == 0:
            return Type(0, Kind.VOID, "void", 0, flag=False, size_or_type=0, tail=0)
        address = libbpf().btf__type_by_id(self.handle, type_id)
        if not address:
            raise BtfError(f"{self.name} has no type number {type_id}")
        name_offset, info, size_or_type = _HEAD.unpack(c.string_at(address, _HEAD.size))
        number = info >> 24 & 0x1F
        return Type(
            type_id,
            Kind(number) if number <= Kind.ENUM64 else Kind.UNKNOWN,
            self._text(name_offset),
            info & 0xFFFF,
            flag=bool(info >> 31),
            size_or_type=size_or_type,
            tail=address + _HEAD.size,
        )

    def _text(self, offset: int) -> str:
        if not offset:
            return ""
        return (libbpf().btf__name_by_offset(self.handle, offset) or b"").decode(errors="replace")

    def names(self, kinds: frozenset[Kind]) -> Iterator[tuple[str, int]]:
        """Name and id of every type of these kinds: slow, for error messages and whole lists."""
        for type_id in range(1, libbpf().btf__type_cnt(self.handle)):
            found = self._read(type_id)
            if found.kind in kinds and found.name:
                yield found.name, type_id

    def skip_modifiers(self, type_id: int, *, typedefs: bool = True) -> Type:
        """The type behind const, volatile and the like, and behind typedefs unless told not to."""
        found = self.type(type_id)
        while found.kind in MODIFIERS or (typedefs and found.kind is Kind.TYPEDEF):
            found = self.type(found.size_or_type)
        return found

    def fields(self, type_id: int) -> tuple[Field, ...]:
        """Members of a struct or union, as recorded."""
        known = self._fields.get(type_id)
        if known is None:
            head = self.type(type_id)
            raw = c.string_at(head.tail, head.count * _MEMBER.size)
            known = tuple(
                Field(
                    self._text(name),
                    member_type,
                    place & 0xFFFFFF if head.flag else place,
                    place >> 24 if head.flag else 0,
                )
                for name, member_type, place in _MEMBER.iter_unpack(raw)
            )
            self._fields[type_id] = known
        return known

    def parameters(self, prototype_id: int) -> tuple[Parameter, ...]:
        """Parameters of a function prototype; a trailing one of type void means `...`."""
        head = self.type(prototype_id)
        raw = c.string_at(head.tail, head.count * _PARAMETER.size)
        return tuple(
            Parameter(self._text(name), type_id) for name, type_id in _PARAMETER.iter_unpack(raw)
        )

    def enum_values(self, type_id: int) -> tuple[EnumValue, ...]:
        """Values of an enum, signed as the enum is."""
        head = self.type(type_id)
        if head.kind is Kind.ENUM64:
            raw = c.string_at(head.tail, head.count * _ENUM64.size)
            wide = [(name, low | high << 32) for name, low, high in _ENUM64.iter_unpack(raw)]
            sign = 1 << 64 if head.flag else 0
        else:
            raw = c.string_at(head.tail, head.count * _PARAMETER.size)
            wide = list(_PARAMETER.iter_unpack(raw))
            # before kernel 6.1 the flag was not written and every enum was taken as signed
            sign = 1 << 32
        return tuple(
            EnumValue(self._text(name), value - sign if value >= sign // 2 > 0 else value)
            for name, value in wide
        )

    def array(self, type_id: int) -> tuple[int, int]:
        """Element type and number of elements of an array; 0 elements for a flexible one."""
        element, _, count = struct.unpack("=III", c.string_at(self.type(type_id).tail, 12))
        return element, count

    def int_encoding(self, type_id: int) -> tuple[bool, bool, int]:
        """Of an int: is it signed, is it a bool, and its bits."""
        (word,) = struct.unpack("=I", c.string_at(self.type(type_id).tail, 4))
        return bool(word >> 24 & 1), bool(word >> 24 & 4), word & 0xFF

    def size(self, type_id: int) -> int:
        """Bytes of a type. Raises BtfError for a type without a size."""
        found = self.skip_modifiers(type_id)
        if found.kind in _SIZED:
            return found.size_or_type
        if found.kind is Kind.PTR:
            return self.pointer_bytes
        if found.kind is Kind.ARRAY:
            element, count = self.array(found.type_id)
            return count * self.size(element)
        raise BtfError(f"{found.kind.name.lower()} {found.name or type_id} has no size")


def open_vmlinux() -> int:
    """Handle, for libbpf, of the running kernel's BTF. Raises UnsupportedKernelError."""
    c.set_errno(0)
    handle = libbpf().btf__load_vmlinux_btf()
    if not handle:
        raise UnsupportedKernelError(
            f"the kernel's type information cannot be read ({os.strerror(c.get_errno())}): "
            f"{VMLINUX} is there on kernels built with CONFIG_DEBUG_INFO_BTF=y"
        )
    return int(handle)


def open_file(path: Path) -> int:
    """Handle, for libbpf, of a BTF file, raw or in an ELF file. Raises BtfError."""
    c.set_errno(0)
    handle = libbpf().btf__parse(os.fsencode(path), None)
    if not handle:
        raise BtfError(f"{path} cannot be read as BTF: {os.strerror(c.get_errno())}")
    return int(handle)


def open_module(name: str, base: int) -> int:
    """Handle, for libbpf, of a loaded module's BTF. Raises BtfError."""
    c.set_errno(0)
    handle = libbpf().btf__load_module_btf(name.encode(), base)
    if not handle:
        raise BtfError(
            f"module {name} has no type information here ({os.strerror(c.get_errno())}): "
            "is it loaded? see /sys/kernel/btf"
        )
    return int(handle)
