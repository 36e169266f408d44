# SPDX-License-Identifier: Apache-2.0
"""Names of the types an inode can have."""

from __future__ import annotations

import stat
from typing import Final

from .problems import did_you_mean

__all__ = ["FILE_TYPES", "parse_file_type"]

FILE_TYPES: Final = {
    "sock": stat.S_IFSOCK,
    "socket": stat.S_IFSOCK,
    "lnk": stat.S_IFLNK,
    "link": stat.S_IFLNK,
    "reg": stat.S_IFREG,
    "regular": stat.S_IFREG,
    "blk": stat.S_IFBLK,
    "block": stat.S_IFBLK,
    "dir": stat.S_IFDIR,
    "chr": stat.S_IFCHR,
    "char": stat.S_IFCHR,
    "fifo": stat.S_IFIFO,
    "pipe": stat.S_IFIFO,
}


def parse_file_type(text: str) -> int:
    """Bits of `st_mode & S_IFMT`. Raises ValueError."""
    bits = FILE_TYPES.get(text.strip().lower())
    if bits is None:
        allowed = ", ".join(FILE_TYPES)
        raise ValueError(
            f'unknown file type "{text}"{did_you_mean(text, FILE_TYPES)}; allowed: {allowed}'
        )
    return bits
