# SPDX-License-Identifier: Apache-2.0
"""The command line of QEMU for a machine with a disk of its own. Nothing runs here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vmlib.qemu import KERNEL_OPTIONS, share

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Hardware", "qemu_command"]

SYSTEMD_OPTIONS: Final = ("systemd.show_status=1", "systemd.log_color=0", "net.ifnames=0")

PROCESSOR: Final = "Nehalem"
"""An emulated processor without AVX is twice as fast: C libraries use no wider instructions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What the machine has."""

    kernel: Path
    initramfs: Path
    disk: Path
    console_log: Path
    shared: Path
    """A directory of the host, /host there, which cannot be written to."""
    memory: str = "1G"


def qemu_command(hardware: Hardware) -> list[str]:
    """Arguments that boot it, with the second serial port on standard input and output.

    A restart of the machine ends QEMU: whoever started it starts it again with the same disk.
    """
    disk = str(hardware.disk).replace(",", ",,")
    return [
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot"),
        *("-display", "none", "-machine", "q35", "-m", hardware.memory, "-smp", "1"),
        *("-accel", "tcg,thread=multi", "-cpu", PROCESSOR),
        *("-kernel", str(hardware.kernel), "-initrd", str(hardware.initramfs)),
        *("-append", " ".join([*KERNEL_OPTIONS, *SYSTEMD_OPTIONS])),
        # The disk is forgotten with the test, so the host need not bring it to its own disk.
        *("-drive", f"file={disk},format=raw,if=virtio,cache=unsafe"),
        *("-serial", f"file:{hardware.console_log}"),
        *("-chardev", "stdio,id=commands,signal=off", "-serial", "chardev:commands"),
        *("-device", "virtio-rng-pci"),
        *share(str(hardware.shared), "host", readonly=True),
    ]
