# SPDX-License-Identifier: Apache-2.0
"""Makes the machine's disk: Debian packages unpacked, a few files of our own, an ext4 image.

Packages come through apt, which checks their signatures. Their maintainer scripts do not run, so
that nothing has to be root: what these would have made is in `packages.FILES`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from vmlib.apt import PrivateApt, find_mirror
from vmlib.errors import VmError
from vmlib.unpacked_root import unpacked_root

from .packages import FILES, LEFT_OUT, LINKS, PACKAGES, SUITE

__all__ = ["find_disk"]

DISK_SIZE: Final = "1G"
GROUPS: Final = "systemd-journal:x:999:\n"
DIRECTORIES: Final = (
    *("host", "proc", "sys", "dev", "run"),
    *(f"usr/local/{name}" for name in ("bin", "lib", "sbin", "share/man", "etc")),
)
MERGED: Final = ("bin", "sbin", "lib", "lib64")


def find_disk(cache: Path, *, refresh: bool = False) -> Path:
    """The image of a root that systemd boots, from the cache or made; nobody may write to it."""
    text = repr((SUITE, PACKAGES, LEFT_OUT, LINKS, FILES, Path(__file__).read_text()))
    image = cache / f"root-{hashlib.sha256(text.encode()).hexdigest()[:16]}.ext4"
    if refresh or not image.exists():
        cache.mkdir(parents=True, exist_ok=True)
        for old in cache.glob("root-*.ext4"):
            old.unlink()
        with tempfile.TemporaryDirectory(prefix="root.", dir=cache) as name:
            make_disk(Path(name)).rename(image)
    return image


def make_disk(work: Path) -> Path:
    """Fetch, unpack and write the image below `work`."""
    apt = PrivateApt(directory=work / "apt", suite=SUITE, mirror=find_mirror())
    tree = unpacked_root(apt, PACKAGES, work, merged=MERGED, left_out=LEFT_OUT)
    add_files(tree)
    return write_image(tree, work / "disk")


def add_files(tree: Path) -> None:
    """Add what maintainer scripts would have made, and what is special about this root."""
    for name in ("passwd", "group"):
        shutil.copy(tree / f"usr/share/base-passwd/{name}.master", tree / "etc" / name)
    with (tree / "etc/group").open("a") as file:
        file.write(GROUPS)
    for name, text in FILES.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if text.startswith("#!") else 0o644)
    for name, target in LINKS.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    for name in DIRECTORIES:
        (tree / name).mkdir(parents=True, exist_ok=True)


def write_image(tree: Path, image: Path) -> Path:
    """Write a file system of the tree, in which everything belongs to root."""
    command = ["mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", str(tree), str(image), DISK_SIZE]
    run(command if os.geteuid() == 0 else ["unshare", "--map-root-user", *command])
    return image


def run(command: list[str]) -> None:
    """Run a preparing command; its own message becomes the error."""
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    except FileNotFoundError:
        msg = f"{command[0]} is missing; run: tools/setup machine"
        raise VmError(msg) from None
    except subprocess.CalledProcessError as error:
        msg = f"{' '.join(command)} failed: {error.stderr.strip()}"
        raise VmError(msg) from None
