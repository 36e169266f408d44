# SPDX-License-Identifier: Apache-2.0
"""Gets the plain ELF kernel out of a bzImage.

QEMU boots an ELF kernel through its PVH entry, which saves the seconds that an emulated CPU takes
to run the decompressor. Debian compresses with xz, newer releases with zstd.
"""

from __future__ import annotations

import lzma
import subprocess
from typing import TYPE_CHECKING, Final

from .errors import VmError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["extract_vmlinux"]

ELF_MAGIC: Final = b"\x7fELF"
XZ_MAGIC: Final = b"\xfd7zXZ\x00"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"


def extract_vmlinux(image: Path) -> bytes:
    """The ELF kernel inside `image`."""
    data = image.read_bytes()
    for magic, unpack in ((XZ_MAGIC, unpack_xz), (ZSTD_MAGIC, unpack_zstd)):
        start = data.find(magic)
        while start != -1:
            kernel = unpack(data[start:])
            if kernel.startswith(ELF_MAGIC):
                return kernel
            start = data.find(magic, start + 1)
    msg = f"{image} has no kernel compressed with xz or zstd inside"
    raise VmError(msg)


def unpack_xz(data: bytes) -> bytes:
    """Unpack one xz stream and ignore what follows; empty when it is none."""
    try:
        return lzma.LZMADecompressor().decompress(data)
    except lzma.LZMAError:
        return b""


def unpack_zstd(data: bytes) -> bytes:
    """As `unpack_xz`. The program complains about what follows, but only after all is written."""
    return unpack_program(["zstd", "-dc"], data)


def unpack_program(command: list[str], data: bytes) -> bytes:
    """What `command` makes of `data`, whatever it says at the end of it."""
    try:
        return subprocess.run(command, input=data, capture_output=True, check=False).stdout
    except FileNotFoundError:
        msg = f"{command[0]} is missing; run: tools/setup vm"
        raise VmError(msg) from None
