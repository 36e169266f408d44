# SPDX-License-Identifier: Apache-2.0
"""User names of the host, read from the passwd file itself.

The name service switch is not asked: a bundled C library may not match the host's plug-ins, and a
directory server must not be able to stall the event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["UserNames"]


class UserNames:
    """uid → name; the file is read again when it has changed."""

    def __init__(self, passwd: Path) -> None:
        self._passwd = passwd
        self._names: dict[int, str] = {}
        self._stamp: tuple[int, int, int] | None = None

    def name(self, uid: int) -> str:
        """The name of `uid`, empty when it has none."""
        self._refresh()
        return self._names.get(uid, "")

    def _refresh(self) -> None:
        try:
            stat = self._passwd.stat()
            stamp = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if stamp == self._stamp:
                return
            text = self._passwd.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        self._stamp = stamp
        self._names = _parse(text)


def _parse(text: str) -> dict[int, str]:
    names: dict[int, str] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2].isdecimal():
            # The first of several names of one uid is the one everything else shows.
            names.setdefault(int(fields[2]), fields[0])
    return names
