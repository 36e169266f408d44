# SPDX-License-Identifier: Apache-2.0
"""Whose process it is, in one word: for the formats made for reading along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.users import UserNames

from .compact.text import escape

if TYPE_CHECKING:
    from tetragon.tetragon_pb2 import Process

__all__ = ["PASSWD", "UserTexts"]

PASSWD: Final = Path("/etc/passwd")


class UserTexts:
    """Looks names up once for each number."""

    def __init__(self, passwd: Path) -> None:
        self._names = UserNames(passwd)
        self._known: dict[int, str] = {}

    def __call__(self, process: Process) -> str:
        """What the agent says, else this host's name for the number, else the number."""
        if process.user.name:
            return escape(process.user.name)
        if not process.HasField("uid"):
            return "?"
        uid = process.uid.value
        if uid not in self._known:
            self._known[uid] = escape(self._names.name(uid)) or str(uid)
        return self._known[uid]
