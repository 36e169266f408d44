# SPDX-License-Identifier: Apache-2.0
"""The architectures that machines can have: what QEMU and a kernel of each are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["AMD64", "PLATFORMS", "Platform"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One architecture, always emulated: what it says is the same wherever it runs."""

    architecture: str
    """Debian's name."""
    qemu: tuple[str, ...]
    """Program and kind of machine."""
    processor: str
    kernel_options: tuple[str, ...]
    output_device: str
    exit_code_device: str
    """Serial ports after the console's."""
    has_serial_ports: bool
    """Whether the machine has them by nature; otherwise they are cards."""

    def serial_port(self, name: str) -> list[str]:
        """Options that connect the next port with the character device `name`."""
        if self.has_serial_ports:
            return ["-serial", f"chardev:{name}"]
        return ["-device", f"pci-serial,chardev={name}"]


AMD64: Final = Platform(
    architecture="amd64",
    qemu=("qemu-system-x86_64", "-machine", "q35"),
    processor="max",
    kernel_options=(
        *("console=ttyS0", "mitigations=off", "random.trust_cpu=on"),
        *("tsc=reliable", "no_timer_check"),
    ),
    output_device="/dev/ttyS1",
    exit_code_device="/dev/ttyS2",
    has_serial_ports=True,
)
ARM64: Final = Platform(
    architecture="arm64",
    qemu=("qemu-system-aarch64", "-machine", "virt,gic-version=3"),
    # Signed pointers by QEMU's own function: the architecture's costs half of all time.
    processor="max,pauth-impdef=on",
    kernel_options=("console=ttyAMA0", "mitigations=off", "random.trust_cpu=on"),
    output_device="/dev/ttyS0",
    exit_code_device="/dev/ttyS1",
    has_serial_ports=False,
)

PLATFORMS: Final = {one.architecture: one for one in (AMD64, ARM64)}
