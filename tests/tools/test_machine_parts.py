# SPDX-License-Identifier: Apache-2.0
"""The parts of tools/machine that work without booting anything."""

from __future__ import annotations

import subprocess
from pathlib import Path

from machinelib.initramfs import INIT
from machinelib.packages import COMMANDS, LINKS
from machinelib.qemu import Hardware, qemu_command


def test_scripts_are_valid() -> None:
    """Both scripts parse in the shell that runs them."""
    for shell, text in (("sh", INIT), ("bash", COMMANDS)):
        subprocess.run([shell, "-n"], input=text, text=True, check=True)


def test_disk_may_lie_anywhere() -> None:
    """A comma in the path of the disk is no separator of options."""
    hardware = Hardware(
        kernel=Path("/k"),
        initramfs=Path("/i"),
        disk=Path("/a,b/disk"),
        console_log=Path("/c"),
        shared=Path("/s"),
    )

    (drive,) = [word for word in qemu_command(hardware) if word.startswith("file=/a")]

    assert drive.startswith("file=/a,,b/disk,")


def test_links_stay_inside_the_root() -> None:
    """No link is made at an absolute path of this host."""
    assert [] == [name for name in LINKS if name.startswith("/") or ".." in name]
