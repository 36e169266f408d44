# SPDX-License-Identifier: Apache-2.0
"""Writes the `newc` archive that the kernel unpacks as its first root. Writing only."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["CpioWriter"]

MAGIC: Final = "070701"
TRAILER: Final = "TRAILER!!!"
ALIGNMENT: Final = 4


class CpioWriter:
    """An archive that grows with every call; `finish` ends it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inode = 0

    def directory(self, name: str) -> None:
        """Add an empty directory."""
        self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name: str, data: bytes, *, executable: bool = False) -> None:
        """Add a regular file."""
        self._entry(name, stat.S_IFREG | (0o755 if executable else 0o644), data)

    def character_device(self, name: str, major: int, minor: int) -> None:
        """Add a device node, which needs no privilege here."""
        self._entry(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def finish(self) -> None:
        """End the archive."""
        self._entry(TRAILER, 0)

    def _entry(
        self, name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)
    ) -> None:
        self._inode += 1
        encoded = name.encode() + b"\0"
        owner = (0, 0)
        links_and_time = (1, 0)
        numbers = (
            self._inode,
            mode,
            *owner,
            *links_and_time,
            len(data),
            *(0, 0),  # the device that holds the archive
            *device,
            len(encoded),
            0,  # no checksum in this form
        )
        header = MAGIC + "".join(f"{number:08X}" for number in numbers)
        self._padded(header.encode() + encoded)
        self._padded(data)

    def _padded(self, data: bytes) -> None:
        self._file.write(data + bytes(-len(data) % ALIGNMENT))
