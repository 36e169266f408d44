# SPDX-License-Identifier: Apache-2.0
"""Builds the machine's first root: busybox, modules that reach the host's files, two scripts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .cpio import CpioWriter
from .errors import VmError
from .guest import GuestCommand, first_script, second_script
from .modules import load_order, module_name, read_module

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from .kernels import Kernel
    from .shares import Share

__all__ = ["write_initramfs"]

MODULES: Final = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_rng")
DIRECTORIES: Final = ("bin", "dev", "proc", "sys", "modules", "lower", "upper", "root")


def write_initramfs(
    file: BinaryIO,
    kernel: Kernel,
    guest: GuestCommand,
    shares: Sequence[Share],
    root: Path = Path("/"),
) -> None:
    """Write the archive to `file`; `root` is the directory that becomes the machine's root."""
    archive = CpioWriter(file)
    for name in DIRECTORIES:
        archive.directory(name)
    archive.character_device("dev/console", 5, 1)
    archive.character_device("dev/null", 1, 3)
    archive.file("bin/busybox", find_busybox(root).read_bytes(), executable=True)
    for number, path in enumerate(load_order(kernel.modules, MODULES)):
        archive.file(f"modules/{number:03}-{module_name(path.name)}.ko", read_module(path))
    modules = kernel.modules if root == Path("/") else None
    init = first_script(release=kernel.release, modules=modules, shares=shares)
    archive.file("init", init.encode(), executable=True)
    archive.file("second", second_script(guest, kernel.platform).encode())
    archive.finish()


def find_busybox(root: Path = Path("/")) -> Path:
    """The static busybox: nothing else is there before the root is mounted."""
    found = shutil.which("busybox", path=f"{root / 'usr/bin'}:{root / 'bin'}")
    if found is None:
        msg = "busybox is missing; run: tools/setup vm"
        raise VmError(msg)
    return Path(found)
