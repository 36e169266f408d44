# SPDX-License-Identifier: Apache-2.0
"""The command line of QEMU. Which options, and why these; nothing runs here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .errors import VmError
from .platforms import AMD64, Platform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .shares import Share

__all__ = ["Machine", "qemu_command"]

COMMON_OPTIONS: Final = (
    *("quiet", "loglevel=4", "oops=panic", "cryptomgr.notests"),
    "panic=-1",  # with -no-reboot a panic ends QEMU
    "lsm=lockdown,capability,yama,bpf",  # Debian leaves bpf out
)
KERNEL_OPTIONS: Final = (*AMD64.kernel_options, *COMMON_OPTIONS)
"""What a machine of this host's architecture is told."""

ICOUNT_CPU: Final = "max,-erms,-la57"
"""Without fast string operations the kernel copies by plain instructions, which count as such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the machine has."""

    kernel: Path
    initramfs: Path
    console_log: Path
    exit_code: Path
    platform: Platform = AMD64
    root: Path = Path("/")
    """The directory of this host that is its root."""
    shares: Sequence[Share] = ()
    memory: str = "2G"
    cpus: int = 1
    icount: bool = False


def qemu_command(machine: Machine) -> list[str]:
    """Arguments that boot `machine`, with the command's output on standard output."""
    platform = machine.platform
    return [
        *(*platform.qemu, "-nodefaults", "-no-user-config", "-no-reboot"),
        *("-display", "none", "-m", machine.memory, "-smp", str(machine.cpus)),
        *processor(machine),
        *("-kernel", str(machine.kernel), "-initrd", str(machine.initramfs)),
        *("-append", kernel_command_line(machine)),
        *("-serial", f"file:{machine.console_log}"),
        *("-chardev", "stdio,id=output,signal=off", *platform.serial_port("output")),
        *("-chardev", f"file,id=code,path={machine.exit_code}", *platform.serial_port("code")),
        *("-device", "virtio-rng-pci"),
        *share(str(machine.root), "host", readonly=True),
        *(
            option
            for number, one in enumerate(machine.shares)
            for option in share(str(one.path), f"share{number}", readonly=one.is_readonly)
        ),
    ]


def processor(machine: Machine) -> list[str]:
    """An emulated CPU; with icount one instruction takes exactly one nanosecond of its time."""
    if machine.icount and machine.platform is not AMD64:
        msg = f"instructions cannot be counted on {machine.platform.architecture}; omit --icount"
        raise VmError(msg)
    if machine.icount:
        counting = ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"]
        return [*counting, "-cpu", ICOUNT_CPU]
    return ["-accel", "tcg,thread=multi", "-cpu", machine.platform.processor]


def kernel_command_line(machine: Machine) -> str:
    """What the kernel is told."""
    # Its own calibration would depend on how busy the host is.
    clock = ["clocksource=tsc", "tsc_early_khz=1000000"] if machine.icount else []
    return " ".join([*machine.platform.kernel_options, *COMMON_OPTIONS, *clock])


def share(path: str, tag: str, *, readonly: bool) -> list[str]:
    """A directory of the host, mounted by `tag` with 9p."""
    # Inode numbers of different host file systems must not meet: multidevs=remap.
    backend = f"local,id={tag},path={path.replace(',', ',,')},security_model=none,multidevs=remap"
    if readonly:
        backend += ",readonly=on"
    return ["-fsdev", backend, "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
