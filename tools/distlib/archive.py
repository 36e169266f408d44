# SPDX-License-Identifier: Apache-2.0
"""The executable's file: launcher, compressed archive of the tree, and a trailer that finds it."""

from __future__ import annotations

import hashlib
import io
import struct
import subprocess
import tarfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["pack", "tree_archive"]

_MAGIC: Final = b"tetragon-mini\0\0\1"
_TRAILER: Final = struct.Struct("<16sQQ32s")
"""As `struct trailer` in tools/launcher/launcher.h."""
_COMPRESS: Final = ("zstd", "--quiet", "--ultra", "-22", "--long=26", "--check", "--no-progress")


def tree_archive(tree: Path) -> bytes:
    """A tar archive of everything below, the same bytes for the same content."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(tree.rglob("*")):
            name = str(path.relative_to(tree))
            # The launcher reads the first field of names only.
            if len(name) >= tarfile.LENGTH_NAME:
                raise SystemExit(f"{name}: names in the executable have up to 99 bytes")
            entry = tarfile.TarInfo(name)
            if path.is_dir():
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
                continue
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            entry.size = path.stat().st_size
            with path.open("rb") as content:
                archive.addfile(entry, content)
    return written.getvalue()


def pack(launcher: Path, tree: Path, target: Path) -> None:
    """Write the executable; its old file, which may be running, is replaced."""
    archive = tree_archive(tree)
    # Told the size, it takes no more memory than that needs.
    command = (*_COMPRESS, f"--stream-size={len(archive)}")
    packed = subprocess.run(command, input=archive, check=True, stdout=subprocess.PIPE).stdout
    trailer = _TRAILER.pack(_MAGIC, len(packed), len(archive), hashlib.sha256(packed).digest())
    temporary = target.with_name(f".{target.name}.new")
    temporary.write_bytes(launcher.read_bytes() + packed + trailer)
    temporary.chmod(0o755)
    temporary.replace(target)
