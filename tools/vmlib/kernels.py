# SPDX-License-Identifier: Apache-2.0
"""Debian kernels by short name, downloaded once and unpacked below a cache directory.

The flavour named like the architecture is taken because it has 9p, over which the machine sees
this host's files.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .apt import PrivateApt, find_mirror
from .errors import VmError
from .platforms import AMD64, Platform
from .vmlinux import extract_image, extract_vmlinux

__all__ = ["SUITES", "Kernel", "find_kernel"]

SUITES: Final = {"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie", "newest": "sid"}
PART_PACKAGES: Final = ("linux-binary-", "linux-modules-")
"""Newer releases keep the image and the modules in packages of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """An unpacked kernel."""

    release: str
    """What `uname -r` prints in it."""
    image: Path
    modules: Path
    platform: Platform = AMD64


def find_kernel(
    name: str, cache: Path, platform: Platform = AMD64, *, refresh: bool = False
) -> Kernel:
    """The kernel called `name`, from the cache or downloaded; `refresh` looks for a newer one."""
    if name not in SUITES:
        msg = f"unknown kernel {name!r}; known are: {', '.join(SUITES)}"
        raise VmError(msg)
    known_as = name if platform is AMD64 else f"{name}-{platform.architecture}"
    link = cache / "kernels" / known_as
    if refresh or not link.exists():
        apt = PrivateApt(
            directory=cache / "apt" / known_as,
            suite=SUITES[name],
            mirror=find_mirror(),
            architecture=platform.architecture,
        )
        link.parent.mkdir(parents=True, exist_ok=True)
        # Machines run side by side: the first that wants a kernel fetches it for all.
        with link.with_name(f".{known_as}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if refresh or not link.exists():
                install_kernel(apt, platform, link)
    return load_kernel(link.resolve(), platform)


def install_kernel(apt: PrivateApt, platform: Platform, link: Path) -> None:
    """Download the suite's kernel and point `link` at it."""
    apt.update()
    meta = f"linux-image-{platform.architecture}"
    images = [package for package in apt.depends(meta) if package.startswith("linux-image")]
    if not images:
        msg = f"{meta} of suite {apt.suite} names no kernel package"
        raise VmError(msg)
    directory = link.parent / images[0].removeprefix("linux-image-")
    if not directory.exists():
        unpack_kernel(apt, images[0], directory, platform)
    link.unlink(missing_ok=True)
    link.symlink_to(directory.name)


def unpack_kernel(apt: PrivateApt, package: str, directory: Path, platform: Platform) -> None:
    """Unpack `package` with the packages of its parts; `directory` appears when complete."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unpack.", dir=directory.parent) as name:
        work = Path(name)
        parts = [other for other in apt.depends(package) if other.startswith(PART_PACKAGES)]
        for part in (package, *parts):
            deb = apt.download(part, work / "debs")
            run(["dpkg", "-x", str(deb), str(work / "tree")])
        modules = modules_directory(work / "tree")
        # depmod wants lib/modules below its base directory, newer packages have usr/lib/modules.
        base = modules.parent.parent.parent
        run(["depmod", "-b", str(base), modules.name])
        extract = extract_vmlinux if platform is AMD64 else extract_image
        (work / "tree/vmlinux").write_bytes(extract(image_file(work / "tree", modules)))
        shutil.move(work / "tree", directory)


def load_kernel(directory: Path, platform: Platform) -> Kernel:
    """The kernel that `unpack_kernel` left in `directory`."""
    modules = modules_directory(directory)
    return Kernel(
        release=modules.name, image=directory / "vmlinux", modules=modules, platform=platform
    )


def modules_directory(tree: Path) -> Path:
    """The directory that has the kernel's release as its name."""
    for place in ("usr/lib/modules", "lib/modules"):
        for candidate in (tree / place).glob("*/kernel"):
            return candidate.parent
    msg = f"no kernel modules below {tree}"
    raise VmError(msg)


def image_file(tree: Path, modules: Path) -> Path:
    """The compressed kernel image."""
    for candidate in (tree / "boot" / f"vmlinuz-{modules.name}", modules / "vmlinuz"):
        if candidate.exists():
            return candidate
    msg = f"no kernel image below {tree}"
    raise VmError(msg)


def run(command: list[str]) -> None:
    """Run a preparing command; its own message becomes the error."""
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        msg = f"{command[0]} is missing; run: tools/setup vm"
        raise VmError(msg) from None
    except subprocess.CalledProcessError as error:
        msg = f"{' '.join(command)} failed: {error.stderr.strip()}"
        raise VmError(msg) from None
