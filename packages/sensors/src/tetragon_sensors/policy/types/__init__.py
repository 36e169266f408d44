# SPDX-License-Identifier: Apache-2.0
"""All argument types: one name in ARGUMENT_TYPES each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .capabilities import Capability, CapabilitySet
from .files import BinaryProgram, Dentry, Descriptor, File, Kiocb, Path
from .numbers import Integer
from .objects import OBJECT_TYPES
from .packets import Packet
from .sockets import Sock, Socket, SocketAddress, UnixAddress
from .syscall_ids import SyscallNumber
from .texts import Buffer, DataLocation, Device, FileName, String
from .vectors import ConstantBuffer, Iterator, Nothing, Vector

if TYPE_CHECKING:
    from .base import ArgumentType

__all__ = ["ARGUMENT_TYPES", "find_type"]

ARGUMENT_TYPES: Final[tuple[ArgumentType, ...]] = (
    Integer(("int", "int32", "sint32"), "int_arg", 4, signed=True),
    Integer(("uint32",), "uint_arg", 4, signed=False),
    Integer(("int8", "sint8"), "int_arg", 1, signed=True),
    Integer(("int16", "sint16"), "int_arg", 2, signed=True),
    Integer(("uint8",), "uint_arg", 1, signed=False),
    Integer(("uint16",), "uint_arg", 2, signed=False),
    Integer(("int64", "sint64", "long"), "long_arg", 8, signed=True),
    Integer(("uint64", "ulong", "size_t"), "size_arg", 8, signed=False),
    String(),
    FileName(),
    Device(),
    DataLocation(),
    Buffer(),
    Path(),
    Dentry(),
    File(),
    Descriptor(),
    Kiocb(),
    BinaryProgram(),
    Sock(),
    Socket(),
    Packet(),
    SocketAddress(),
    UnixAddress(),
    *OBJECT_TYPES,
    Integer(("bpf_cmd",), "bpf_cmd_arg", 4, signed=True),
    Capability(),
    CapabilitySet("kernel_cap_t"),
    CapabilitySet("cap_inheritable"),
    CapabilitySet("cap_permitted"),
    CapabilitySet("cap_effective"),
    SyscallNumber(),
    ConstantBuffer(),
    Vector(),
    Iterator(),
    Nothing(),
)

_BY_NAME: Final = {name: one for one in ARGUMENT_TYPES for name in one.names}


def find_type(name: str) -> ArgumentType | None:
    """The type a policy calls `name`, None when there is no such type."""
    return _BY_NAME.get(name)
