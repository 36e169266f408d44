# SPDX-License-Identifier: Apache-2.0
"""The types of a kernel: functions and their prototypes, structs and where their members are."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from tetragon_core.policy.problems import did_you_mean

from .btf_members import Member, Resolved, Step, find_member, resolve
from .btf_text import declaration, prototype
from .btf_types import (
    BtfError,
    BtfTypes,
    Kind,
    Parameter,
    open_file,
    open_module,
    open_vmlinux,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "Btf",
    "BtfError",
    "Function",
    "Kind",
    "Member",
    "Parameter",
    "RawTracepoint",
    "Resolved",
    "Step",
]

_ENUMS: Final = frozenset({Kind.ENUM, Kind.ENUM64})


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the kernel."""

    name: str
    type_id: int
    """What a program is attached to."""
    parameters: tuple[Parameter, ...]
    return_type_id: int
    """0 for void."""
    prototype: str
    """In C, as `int security_file_permission(struct file *file, int mask)`."""


@dataclass(frozen=True, slots=True)
class RawTracepoint:
    """What a raw tracepoint hands to a program."""

    name: str
    type_id: int
    """What a tp_btf program is attached to; 0 when the kernel has no such type."""
    parameters: tuple[Parameter, ...]
    prototype: str
    """In C, as `void sched_process_exit(struct task_struct *p)`."""


class Btf(BtfTypes):
    """The types of a kernel or of a module. Lookups read only what they need, and keep it."""

    @classmethod
    def vmlinux(cls) -> Btf:
        """The running kernel's, read once. Raises UnsupportedKernelError."""
        return _vmlinux()

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """That of a file: raw, or the section .BTF of an ELF file. Raises BtfError."""
        return cls(open_file(path), str(path))

    @classmethod
    def module(cls, name: str) -> Btf:
        """That of a loaded module, on top of the running kernel's. Raises BtfError."""
        return _module(name)

    def find_struct(self, name: str) -> int | None:
        """Id of a struct, union or typedef; `struct` or `union` may stand before the name."""
        word, _, rest = name.rpartition(" ")
        kinds: Iterable[Kind] = (Kind.STRUCT, Kind.UNION, Kind.TYPEDEF)
        if word in {"struct", "union"}:
            kinds = (Kind[word.upper()],)
        return next((found for kind in kinds if (found := self.find(rest, kind))), None)

    def struct(self, name: str) -> int:
        """As find_struct. Raises BtfError with near names."""
        found = self.find_struct(name)
        if found is None:
            kinds = frozenset({Kind.STRUCT, Kind.UNION, Kind.TYPEDEF})
            raise BtfError(f'no struct "{name}" in this kernel{self._near(name, kinds)}')
        return found

    def _near(self, name: str, kinds: frozenset[Kind]) -> str:
        """A did-you-mean; only names of about that length that begin alike are compared."""
        near = {
            each
            for each, _ in self.names(kinds)
            if abs(len(each) - len(name)) <= 3 and each[:1] == name[:1]
        }
        return did_you_mean(name, near)

    def find_function(self, name: str) -> Function | None:
        """A function by its name, None when the types do not have it."""
        type_id = self.find(name, Kind.FUNC)
        if not type_id:
            return None
        prototype_id = self.type(type_id).size_or_type
        parameters = self.parameters(prototype_id)
        return_type_id = self.type(prototype_id).size_or_type
        text = prototype(self, name, return_type_id, parameters)
        return Function(name, type_id, parameters, return_type_id, text)

    def find_raw_tracepoint(self, event: str) -> RawTracepoint | None:
        """What the tracepoint `event` hands over, None when the types do not have it.

        The typedef btf_trace_* is there for every event, but only the function __bpf_trace_*,
        which events of one class share, names the parameters (include/trace/bpf_probe.h).
        """
        typedef_id = self.find(f"btf_trace_{event}", Kind.TYPEDEF)
        named = self.find_function(f"__bpf_trace_{event}")
        if named is not None:
            parameters = named.parameters[1:]
        elif typedef_id:
            target = self.pointee(typedef_id)
            parameters = self.parameters(target or 0)[1:]
        else:
            return None
        return RawTracepoint(event, typedef_id, parameters, prototype(self, event, 0, parameters))

    def type_text(self, type_id: int) -> str:
        """A type in C, as `const struct path *`."""
        return declaration(self, type_id)

    def is_pointer(self, type_id: int) -> bool:
        """True for pointers, also behind typedefs and const."""
        return self.skip_modifiers(type_id).kind is Kind.PTR

    def pointee(self, type_id: int) -> int | None:
        """What a pointer points to (0: void); None for a type that is no pointer."""
        found = self.skip_modifiers(type_id)
        return found.size_or_type if found.kind is Kind.PTR else None

    def struct_name(self, type_id: int) -> str | None:
        """Name of a struct or union, or of the one a pointer points to, as `file`; else None."""
        found = self.skip_modifiers(type_id)
        if found.kind is Kind.PTR:
            found = self.skip_modifiers(found.size_or_type)
        return found.name if found.kind in {Kind.STRUCT, Kind.UNION, Kind.FWD} else None

    def is_integer(self, type_id: int) -> bool:
        """True for integers, enums and bool."""
        return self.skip_modifiers(type_id).kind in {Kind.INT, *_ENUMS}

    def is_signed_int(self, type_id: int) -> bool:
        """True for signed integers and enums with negative values."""
        found = self.skip_modifiers(type_id)
        if found.kind in _ENUMS:
            return found.flag
        return found.kind is Kind.INT and self.int_encoding(found.type_id)[0]

    def is_char_pointer(self, type_id: int) -> bool:
        """True for `char *`, however qualified."""
        target = self.pointee(type_id)
        if target is None:
            return False
        found = self.skip_modifiers(target)
        return found.kind is Kind.INT and found.name == "char"

    def member(self, struct: str | int, path: str) -> Member:
        """Where `path` (`f_path.dentry`) is in a struct, given by name or id. Raises BtfError."""
        struct_id = self.struct(struct) if isinstance(struct, str) else struct
        return find_member(self, struct_id, path)

    def has_member(self, struct: str | int, path: str) -> bool:
        """True when the struct is there and has that member."""
        struct_id = self.find_struct(struct) if isinstance(struct, str) else struct
        if struct_id is None:
            return False
        try:
            find_member(self, struct_id, path)
        except BtfError:
            return False
        return True

    def enum_value(self, enum: str, name: str) -> int:
        """Value of a name of an enum, `enum` being a typedef's name, too. Raises BtfError."""
        for kind in (Kind.ENUM, Kind.ENUM64, Kind.TYPEDEF):
            found = self.skip_modifiers(self.find(enum, kind))
            if found.kind in _ENUMS:
                break
        else:
            raise BtfError(f'no enum "{enum}" in this kernel{self._near(enum, _ENUMS)}')
        values = self.enum_values(found.type_id)
        for each in values:
            if each.name == name:
                return each.value
        near = did_you_mean(name, (each.name for each in values))
        raise BtfError(f'enum {enum} has no value "{name}"{near}')

    def resolve(self, type_id: int, path: str) -> Resolved:
        """The way from a pointer's value to a member, through pointers. Raises BtfError."""
        return resolve(self, type_id, path)


@functools.cache
def _vmlinux() -> Btf:
    return Btf(open_vmlinux(), "this kernel")


@functools.cache
def _module(name: str) -> Btf:
    base = _vmlinux()
    return Btf(open_module(name, base.handle), f"module {name}", base)
