# SPDX-License-Identifier: Apache-2.0
"""An image of busybox, made here: no registry and no network is needed."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NAME", "Image", "make_image"]

NAME: Final = "localhost/bb:1"
_DIRECTORIES: Final = ("bin", "dev", "etc", "proc", "sys", "tmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The same files for runtimes with images and for those without."""

    archive: Path
    """As `docker save` writes it, which podman, containerd and docker load."""
    root: Path
    """A root directory, for runtimes that have no images; never written to."""


def make_image(directory: Path) -> Image:
    """Make both below `directory`."""
    busybox = shutil.which("busybox") or "/bin/busybox"
    root = directory / "root"
    for name in _DIRECTORIES:
        (root / name).mkdir(parents=True)
    shutil.copy(busybox, root / "bin/busybox")
    listed = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True)
    for name in sorted({*listed.stdout.split()} - {"busybox"}):
        (root / "bin" / name).symlink_to("busybox")
    return Image(archive=_pack(root, directory / "image.tar"), root=root)


def _pack(root: Path, archive: Path) -> Path:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(root, arcname=".")
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Env": ["PATH=/bin"],
                "Cmd": ["/bin/sleep", "1000000"],
                "Labels": {"made": "here"},
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [NAME], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as tar:
        _add(tar, "layer.tar", layer.getvalue())
        _add(tar, config_name, config)
        _add(tar, "manifest.json", json.dumps(manifest).encode())
    return archive


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
