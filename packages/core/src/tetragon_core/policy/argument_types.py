# SPDX-License-Identifier: Apache-2.0
"""The types an argument can have, and which filters make sense on each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from .operators import OPERATOR_TESTS, Test

__all__ = ["ARGUMENT_TYPES", "ArgumentType", "Shape", "allowed_operators"]


class Shape(Enum):
    """What kind of value a type has, as far as filters see it."""

    INTEGER = "integer"
    TEXT = "text"
    """Bytes or a string."""
    PATH = "path"
    """A text that is the path of a file with an inode."""
    SOCKET = "socket"
    PACKET = "packet"
    SOCKET_ADDRESS = "socket address"
    UNIX_ADDRESS = "unix address"
    CAPABILITIES = "capabilities"
    SYSCALL = "syscall"
    OTHER = "other"
    """Shown in events; nothing can be filtered."""
    UNKNOWN = "unknown"
    """`auto`: known when the kernel has been asked."""


@dataclass(frozen=True, slots=True)
class ArgumentType:
    """One type."""

    shape: Shape
    bits: int = 0
    """Width of an integer; 0 for other shapes."""
    signed: bool = False


def _integers() -> dict[str, ArgumentType]:
    signed = {f"{prefix}{bits}": bits for prefix in ("int", "sint") for bits in (8, 16, 32, 64)}
    unsigned = {f"uint{bits}": bits for bits in (8, 16, 32, 64)}
    types = {name: ArgumentType(Shape.INTEGER, bits, signed=True) for name, bits in signed.items()}
    types |= {name: ArgumentType(Shape.INTEGER, bits) for name, bits in unsigned.items()}
    types["int"] = ArgumentType(Shape.INTEGER, 32, signed=True)
    types["long"] = ArgumentType(Shape.INTEGER, 64, signed=True)
    types["bpf_cmd"] = ArgumentType(Shape.INTEGER, 32, signed=True)
    types["capability"] = ArgumentType(Shape.INTEGER, 32, signed=True)
    return types | {name: ArgumentType(Shape.INTEGER, 64) for name in ("ulong", "size_t")}


_SHAPES: Final = {
    Shape.TEXT: (
        *("string", "filename", "char_buf", "char_iovec", "iov_iter", "data_loc", "net_device"),
    ),
    Shape.PATH: ("fd", "file", "path", "dentry", "kiocb", "linux_binprm"),
    Shape.SOCKET: ("sock", "socket"),
    Shape.PACKET: ("skb",),
    Shape.SOCKET_ADDRESS: ("sockaddr",),
    Shape.UNIX_ADDRESS: ("sockaddr_un",),
    Shape.CAPABILITIES: ("kernel_cap_t", "cap_inheritable", "cap_permitted", "cap_effective"),
    Shape.SYSCALL: ("syscall64",),
    Shape.OTHER: (
        *("cred", "user_namespace", "bpf_attr", "bpf_prog", "bpf_map", "perf_event"),
        *("load_info", "module", "nop", "const_buf"),
    ),
    Shape.UNKNOWN: ("auto",),
}

ARGUMENT_TYPES: Final = _integers() | {
    name: ArgumentType(shape) for shape, names in _SHAPES.items() for name in names
}

_TESTS: Final = {
    Shape.INTEGER: {Test.EQUALITY, Test.ORDER, Test.MASK, Test.RANGE, Test.SET, Test.EXPRESSION},
    Shape.TEXT: {Test.EQUALITY, Test.TEXT},
    Shape.PATH: {Test.EQUALITY, Test.TEXT, Test.FILE_TYPE},
    Shape.SOCKET: {
        *(Test.ADDRESS, Test.PORT, Test.PRIVILEGED_PORT, Test.PROTOCOL, Test.FAMILY, Test.STATE),
    },
    Shape.PACKET: {Test.ADDRESS, Test.PORT, Test.PRIVILEGED_PORT, Test.PROTOCOL, Test.FAMILY},
    Shape.SOCKET_ADDRESS: {Test.ADDRESS, Test.PORT, Test.PRIVILEGED_PORT, Test.FAMILY},
    Shape.UNIX_ADDRESS: {Test.EQUALITY, Test.TEXT, Test.FAMILY},
    Shape.CAPABILITIES: {Test.EQUALITY, Test.ORDER, Test.MASK, Test.GAINED},
    Shape.SYSCALL: {Test.EQUALITY, Test.SET},
    Shape.OTHER: frozenset[Test](),
    Shape.UNKNOWN: frozenset(Test),
}
_DESTINATION: Final = frozenset(
    {
        *("DAddr", "NotDAddr", "DPort", "NotDPort", "DPortPriv", "NotDPortPriv"),
    }
)


def allowed_operators(type_name: str) -> tuple[str, ...]:
    """Operators that filter an argument of that type, in the order of the documentation."""
    shape = ARGUMENT_TYPES[type_name].shape
    names = [name for name, test in OPERATOR_TESTS.items() if test in _TESTS[shape]]
    if shape is Shape.SOCKET_ADDRESS:
        names = [name for name in names if name not in _DESTINATION]
    return tuple(names)
