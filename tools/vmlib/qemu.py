# SPDX-License-Identifier: Apache-2.0
"""The command line of QEMU. Which options, and why these; nothing runs here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Machine", "qemu_command"]

KERNEL_OPTIONS: Final = (
    "console=ttyS0",
    "quiet",
    "loglevel=4",
    "panic=-1",  # with -no-reboot a panic ends QEMU
    "oops=panic",
    "mitigations=off",
    "random.trust_cpu=on",
    "tsc=reliable",
    "no_timer_check",
    "cryptomgr.notests",
    "lsm=lockdown,capability,yama,bpf",  # Debian leaves bpf out
)

ICOUNT_CPU: Final = "max,-erms,-la57"
"""Without fast string operations the kernel copies by plain instructions, which count as such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the machine has."""

    kernel: Path
    initramfs: Path
    console_log: Path
    exit_code: Path
    shares: Sequence[Path] = ()
    memory: str = "2G"
    cpus: int = 1
    icount: bool = False


def qemu_command(machine: Machine) -> list[str]:
    """Arguments that boot `machine`, with the command's output on standard output."""
    return [
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot"),
        *("-display", "none", "-machine", "q35", "-m", machine.memory, "-smp", str(machine.cpus)),
        *processor(machine),
        *("-kernel", str(machine.kernel), "-initrd", str(machine.initramfs)),
        *("-append", kernel_command_line(machine)),
        *("-serial", f"file:{machine.console_log}"),
        *("-chardev", "stdio,id=output,signal=off", "-serial", "chardev:output"),
        *("-serial", f"file:{machine.exit_code}"),
        *("-device", "virtio-rng-pci"),
        *share("/", "host", readonly=True),
        *(
            option
            for number, path in enumerate(machine.shares)
            for option in share(str(path), f"share{number}", readonly=False)
        ),
    ]


def processor(machine: Machine) -> list[str]:
    """An emulated CPU; with icount one instruction takes exactly one nanosecond of its time."""
    if machine.icount:
        counting = ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"]
        return [*counting, "-cpu", ICOUNT_CPU]
    return ["-accel", "tcg,thread=multi", "-cpu", "max"]


def kernel_command_line(machine: Machine) -> str:
    """What the kernel is told."""
    # Its own calibration would depend on how busy the host is.
    clock = ["clocksource=tsc", "tsc_early_khz=1000000"] if machine.icount else []
    return " ".join([*KERNEL_OPTIONS, *clock])


def share(path: str, tag: str, *, readonly: bool) -> list[str]:
    """A directory of the host, mounted by `tag` with 9p."""
    # Inode numbers of different host file systems must not meet: multidevs=remap.
    backend = f"local,id={tag},path={path.replace(',', ',,')},security_model=none,multidevs=remap"
    if readonly:
        backend += ",readonly=on"
    return ["-fsdev", backend, "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
