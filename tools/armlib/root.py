# SPDX-License-Identifier: Apache-2.0
"""Makes the machine's root: Debian's arm64 packages and the locked Python packages, unpacked.

Nothing of it runs here. Packages come through apt, which checks their signatures, and pip, which
checks their hashes.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Final

from vmlib.apt import PrivateApt, find_mirror
from vmlib.unpacked_root import unpacked_root

from .wheels import PYTHON, download, unpack

__all__ = ["find_root"]

SUITE: Final = "bookworm"
PACKAGES: Final = (
    *("base-files", "base-passwd", "bash", "busybox-static", "coreutils", "dash", "findutils"),
    *("grep", "hostname", "iproute2", "kmod", "libc-bin", "mawk", "mount", "procps", "sed"),
    *("util-linux", "xz-utils"),
    *("python3", "libbpf1", "libbpfcc"),  # what the agent needs
    *("bpftool", "curl", "gcc", "libc6-dev", "make", "openssh-client", "systemtap-sdt-dev"),
)
MERGED: Final = ("bin", "sbin", "lib")
LINKS: Final = {"usr/bin/cc": "gcc", "usr/bin/awk": "mawk"}
LEFT_OUT: Final = ("./usr/share/doc", "./usr/share/locale", "./usr/share/man")
SITE: Final = f"usr/local/lib/python{PYTHON}/dist-packages"


def find_root(cache: Path, locks: list[Path]) -> Path:
    """The root below `cache`, made when it is not there or of other packages."""
    text = repr((SUITE, PACKAGES, LINKS, LEFT_OUT, [lock.read_text() for lock in locks]))
    root = cache / f"root-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if not root.exists():
        cache.mkdir(parents=True, exist_ok=True)
        for old in cache.glob("root-*"):
            shutil.rmtree(old)
        with tempfile.TemporaryDirectory(prefix="making.", dir=cache) as name:
            make_root(Path(name), locks).rename(root)
    return root


def make_root(work: Path, locks: list[Path]) -> Path:
    """Fetch and unpack everything below `work`."""
    download(locks, work / "wheels")
    apt = PrivateApt(
        directory=work / "apt", suite=SUITE, mirror=find_mirror(), architecture="arm64"
    )
    tree = unpacked_root(apt, PACKAGES, work, merged=MERGED, left_out=LEFT_OUT)
    unpack(work / "wheels", tree / SITE)
    add_files(tree)
    return tree


def add_files(tree: Path) -> None:
    """Add what the packages' scripts would have made, which do not run."""
    for name in ("passwd", "group"):
        shutil.copy(tree / f"usr/share/base-passwd/{name}.master", tree / "etc" / name)
    for link, target in LINKS.items():
        (tree / link).unlink(missing_ok=True)
        (tree / link).symlink_to(target)
    for name in ("dev", "proc", "run", "sys", "tmp"):
        (tree / name).mkdir(exist_ok=True)
    (tree / "tmp").chmod(0o1777)
