# SPDX-License-Identifier: Apache-2.0
"""Roots without glibc: one that has only busybox, and one with musl and a program that needs it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from vmlib.apt import PrivateApt, find_mirror

__all__ = ["make_busybox", "make_musl"]

BUSYBOX: Final = Path("/bin/busybox")
DIRECTORIES: Final = ("bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "var")
USERS: Final = "root:x:0:0:root:/root:/bin/sh\n"
GROUPS: Final = "root:x:0:\n"
MUSL_SUITE: Final = "bookworm"
MUSL_LIBRARY: Final = "lib/x86_64-linux-musl/libc.so"
MUSL_LOADER: Final = "lib/ld-musl-x86_64.so.1"
PROGRAM: Final = """\
#include <pwd.h>
#include <stdio.h>

int main(void)
{
	struct passwd *user = getpwuid(0);

	return user == NULL || fputs("", stdout) < 0;
}
"""
"""What takes the place of busybox's `true` in the root of musl."""


def make_busybox(root: Path) -> None:
    """A root whose only program is a static busybox under all its names; there is no library."""
    for name in DIRECTORIES:
        (root / name).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text(USERS)
    (root / "etc/group").write_text(GROUPS)
    shutil.copy(BUSYBOX, root / "bin/busybox")
    names = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True)
    for name in set(names.stdout.split()) - {"busybox"}:
        (root / "bin" / name).symlink_to("busybox")


def make_musl(root: Path) -> None:
    """The root of busybox with Debian's musl, and /bin/true as a program linked with it."""
    make_busybox(root)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=".musl-") as name:
        place = Path(name)
        apt = PrivateApt(directory=place / "apt", suite=MUSL_SUITE, mirror=find_mirror())
        apt.update()
        for deb in apt.download_all(("musl", "musl-dev"), place / "debs"):
            subprocess.run(["dpkg", "-x", str(deb), str(place / "tree")], check=True)
        (root / MUSL_LOADER).parent.mkdir()
        shutil.copy(place / "tree" / MUSL_LIBRARY, root / MUSL_LOADER)
        (root / "bin/true").unlink()
        _compile(place / "tree", root / "bin/true")


def _compile(musl: Path, target: Path) -> None:
    objects = musl / "usr/lib/x86_64-linux-musl"
    command: list[str | Path] = ["gcc", "-nostdinc", "-nostdlib", "-no-pie", "-o", target]
    command += [f"-Wl,--dynamic-linker=/{MUSL_LOADER}", objects / "crt1.o", objects / "crti.o"]
    command += ["-isystem", musl / "usr/include/x86_64-linux-musl", "-x", "c", "-", "-x", "none"]
    command += ["-L", (musl / MUSL_LIBRARY).parent, "-l:libc.so", objects / "crtn.o"]
    subprocess.run(command, input=PROGRAM, text=True, check=True)
