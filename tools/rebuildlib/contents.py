# SPDX-License-Identifier: Apache-2.0
"""What is in an executable: its launcher, and each file of its tree.

Its own reader, of the format in tools/launcher/launcher.h: a mistake of the writer must show.
"""

from __future__ import annotations

import io
import struct
import subprocess
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Contents", "Entry", "contents_of"]

_TRAILER: Final = struct.Struct("<16sQQ32s")
_MAGIC: Final = b"tetragon-mini\0\0\1"
_UNPACK: Final = ("zstd", "--quiet", "--decompress", "--stdout", "--long=26")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder of the tree, with all that the archive says of it."""

    header: tarfile.TarInfo
    content: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """The parts of an executable; `entries` are in the order of the archive."""

    launcher: bytes
    entries: dict[str, Entry]


def contents_of(executable: Path) -> Contents:
    """Take an executable apart; raises ValueError when it has another form."""
    whole = executable.read_bytes()
    magic, packed_bytes, archive_bytes, _ = _TRAILER.unpack(whole[-_TRAILER.size :])
    if magic != _MAGIC:
        raise ValueError(f"{executable}: is no executable of tetragon-mini, or of another version")
    end = len(whole) - _TRAILER.size
    packed = whole[end - packed_bytes : end]
    archive = subprocess.run(_UNPACK, input=packed, check=True, stdout=subprocess.PIPE).stdout
    if len(archive) != archive_bytes:
        raise ValueError(f"{executable}: has {len(archive)} bytes, says {archive_bytes}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        entries = {one.name: Entry(one, _read(opened, one)) for one in opened}
    return Contents(whole[: end - packed_bytes], entries)


def _read(archive: tarfile.TarFile, header: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(header)
    return b"" if file is None else file.read()
