# SPDX-License-Identifier: Apache-2.0
"""The descriptor of a module's BTF in the kernel: programs for the module's functions name it."""

from __future__ import annotations

import ctypes as c
import errno
import struct
from typing import TYPE_CHECKING, Final

from tetragon_core.privileges import lacking

from ._ffi import address_of
from .btf import BtfError
from .calls import Command, bpf, close_fd, read_info, request

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["open_module_types"]

_NAME_BYTES: Final = 64
_INFO: Final = struct.Struct("=QIIQII")
"""struct bpf_btf_info: BTF and its size, id, name and its size, is it the kernel's."""


def _ids() -> Iterator[int]:
    last = 0
    while True:
        attributes = request("III", last, 0, 0)
        _, code = bpf(Command.BTF_GET_NEXT_ID, attributes)
        if code:
            return
        last = int(struct.unpack_from("=I", attributes.raw, 4)[0])
        yield last


def _name(fd: int) -> str:
    """Name of the module whose types these are; empty for those of programs."""
    name = c.create_string_buffer(_NAME_BYTES)
    packed = _INFO.pack(0, 0, 0, address_of(name), _NAME_BYTES, 0)
    info = c.create_string_buffer(packed, len(packed))
    if read_info(fd, info):
        return ""
    is_kernels = _INFO.unpack(info.raw)[-1]
    return name.value.decode(errors="replace") if is_kernels else ""


def open_module_types(module: str) -> int:
    """Open a loaded module's types; the descriptor is the caller's to close. Raises BtfError."""
    if lacks := lacking("modules"):
        raise BtfError(f"types of module {module} cannot be read: {lacks}")
    for number in _ids():
        fd, code = bpf(Command.BTF_GET_FD_BY_ID, request("III", number, 0, 0))
        if code == errno.ENOENT:
            continue  # unloaded meanwhile
        if not code and _name(fd) == module:
            return fd
        close_fd(fd)
    raise BtfError(f"the kernel has no types of module {module}: is it loaded?")
