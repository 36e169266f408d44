# SPDX-License-Identifier: Apache-2.0
"""Gets the plain kernel out of a compressed one: ELF of x86, Image of arm64.

QEMU boots an ELF kernel through its PVH entry, which saves the seconds that an emulated CPU takes
to run the decompressor. Debian compresses with xz, newer releases with zstd. An Image is what
Debian has for arm64, in newer releases within a program for EFI that unpacks it.
"""

from __future__ import annotations

import gzip
import lzma
import subprocess
from typing import TYPE_CHECKING, Final

from .errors import VmError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["extract_image", "extract_vmlinux"]

ELF_MAGIC: Final = b"\x7fELF"
XZ_MAGIC: Final = b"\xfd7zXZ\x00"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
GZIP_MAGIC: Final = b"\x1f\x8b"
IMAGE_MAGIC: Final = slice(56, 60), b"ARM\x64"
"""Documentation/arch/arm64/booting.rst of the kernel."""
EFI_MAGIC: Final = slice(4, 8), b"zimg"
EFI_PAYLOAD: Final = slice(8, 12), slice(12, 16)
"""Its offset and size (drivers/firmware/efi/libstub/zboot-header.S)."""


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


def extract_image(image: Path) -> bytes:
    """The Image inside `image`, which may be one, compressed, or a program that unpacks one."""
    data = image.read_bytes()
    if data[EFI_MAGIC[0]] == EFI_MAGIC[1]:
        start, size = (int.from_bytes(data[place], "little") for place in EFI_PAYLOAD)
        data = data[start : start + size]
    if data.startswith(GZIP_MAGIC):
        data = gzip.decompress(data)
    elif data.startswith(ZSTD_MAGIC):
        data = unpack_zstd(data)
    elif data.startswith(XZ_MAGIC):
        data = unpack_xz(data)
    if data[IMAGE_MAGIC[0]] != IMAGE_MAGIC[1]:
        msg = f"{image} has no arm64 kernel inside"
        raise VmError(msg)
    return data


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
