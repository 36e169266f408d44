# SPDX-License-Identifier: Apache-2.0
"""The roots of Debian's releases: what debootstrap installs as the smallest system.

Packages are checked with Debian's archive keyring; the mirror is the one of this machine's own apt.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from vmlib.apt import KEYRING, find_mirror
from vmlib.errors import VmError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SUITES", "make_debian"]

SUITES: Final = ("bullseye", "bookworm", "trixie", "sid")
"""Debian 11 (glibc 2.31), 12, 13 and unstable; Debian 10 is on no ordinary mirror any more."""


def make_debian(root: Path) -> None:
    """Install the suite that `root` is named after into it, with dpkg and apt working in it."""
    suite = root.name
    without_syncs = root / "etc/dpkg/dpkg.cfg.d/without-syncs"
    without_syncs.parent.mkdir(parents=True)
    without_syncs.write_text("force-unsafe-io\n")
    log = root.with_name(f"{suite}.log")
    command = ["debootstrap", "--variant=minbase", f"--keyring={KEYRING}", suite, str(root)]
    # What it mounts below the root stays in a mount namespace of its own.
    command = ["unshare", "--mount", *command, find_mirror()]
    with log.open("wb") as output:
        done = subprocess.run(command, stdout=output, stderr=output, check=False)
    if done.returncode != 0:
        last = (log.read_text(errors="replace").strip().splitlines() or ["no message"])[-1]
        msg = f"debootstrap could not make a root of {suite}: {last} (all of it: {log})"
        raise VmError(msg)
    without_syncs.unlink()
    for left in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(root / left)
        (root / left / "partial").mkdir(parents=True)
