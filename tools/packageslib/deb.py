# SPDX-License-Identifier: Apache-2.0
"""Writes the .deb, with dpkg-deb. The same tree and description give the same bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Final

from .description import NAME
from .programs import run
from .scripts import DEB_SCRIPTS

if TYPE_CHECKING:
    from pathlib import Path

    from .description import Description
    from .staging import Staged

__all__ = ["build_deb"]

_COMPRESSION: Final = {True: ("-Zxz", "-z6"), False: ("-Znone",)}
"""dpkg of Debian 11 has no zstd."""


def build_deb(staged: Staged, about: Description, folder: Path, *, small: bool = True) -> Path:
    """Write the package into `folder`; big is quick. Its path."""
    target = folder / about.deb_name
    control = staged.root / "DEBIAN"
    texts = {
        "control": control_text(staged, about),
        "conffiles": "".join(f"/{path}\n" for path in staged.settings()),
        "md5sums": md5sums(staged),
        **DEB_SCRIPTS,
    }
    control.mkdir()
    for name, text in texts.items():
        (control / name).write_text(text)
        (control / name).chmod(0o755 if name in DEB_SCRIPTS else 0o644)
    for path in (*control.iterdir(), control, staged.root):
        os.utime(path, (about.epoch_s, about.epoch_s))
    command = ["dpkg-deb", "--root-owner-group", *_COMPRESSION[small], "--build"]
    run([*command, str(staged.root), str(target)], SOURCE_DATE_EPOCH=str(about.epoch_s))
    shutil.rmtree(control)
    return target


def control_text(staged: Staged, about: Description) -> str:
    """The fields of Debian's policy, chapter 5.3."""
    kib = sum((staged.root / path).stat().st_size for path in staged.files()) // 1024
    fields = {
        "Package": NAME,
        "Version": about.ordered_version,
        "Architecture": about.debian_architecture,
        "Maintainer": about.maintainer,
        "Installed-Size": str(kib),
        "Section": "admin",
        "Priority": "optional",
        "Description": "\n ".join((about.summary, *about.text)),
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def md5sums(staged: Staged) -> str:
    """What `dpkg --verify` compares; settings are left out."""
    settings = set(staged.settings())
    lines = []
    for path in staged.files():
        if path not in settings:
            content = (staged.root / path).read_bytes()
            lines.append(f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}  {path}\n")
    return "".join(lines)
