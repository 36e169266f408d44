# SPDX-License-Identifier: Apache-2.0
"""Builds the machine's first root: busybox and the modules that reach the disk and shared files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vmlib.cpio import CpioWriter
from vmlib.guest import P9_OPTIONS
from vmlib.initramfs import find_busybox
from vmlib.modules import load_order, module_name, read_module

if TYPE_CHECKING:
    from typing import BinaryIO

    from vmlib.kernels import Kernel

__all__ = ["write_initramfs"]

MODULES: Final = (
    *("virtio_pci", "virtio_blk", "ext4", "crc32c_generic", "9pnet_virtio", "9p", "virtio_rng"),
    "autofs4",  # without it systemd complains
)
DIRECTORIES: Final = ("bin", "dev", "proc", "sys", "modules", "root")

INIT: Final = f"""\
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in /modules/*.ko; do
	insmod "$module" || echo "machine: cannot load $module" >/dev/console
done
mount -t ext4 -o rw,noatime /dev/vda /root || {{
	echo "machine: cannot mount the root" >/dev/console
	poweroff -f
}}
mount -t 9p -o ro,cache=loose,{P9_OPTIONS} host /root/host
for directory in proc sys dev; do
	mount --move /$directory /root/$directory
done
exec switch_root /root /sbin/init
"""


def write_initramfs(file: BinaryIO, kernel: Kernel) -> None:
    """Write the archive to `file`."""
    archive = CpioWriter(file)
    for name in DIRECTORIES:
        archive.directory(name)
    archive.character_device("dev/console", 5, 1)
    archive.character_device("dev/null", 1, 3)
    archive.file("bin/busybox", find_busybox().read_bytes(), executable=True)
    for number, path in enumerate(load_order(kernel.modules, MODULES)):
        archive.file(f"modules/{number:03}-{module_name(path.name)}.ko", read_module(path))
    archive.file("init", INIT.encode(), executable=True)
    archive.finish()
