# SPDX-License-Identifier: Apache-2.0
"""What is going to happen to one path or service, as it is printed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .wanted import Wanted

__all__ = ["Step", "Verb", "line"]


class Verb(StrEnum):
    """The first word of a line."""

    CREATE = "create"
    REPLACE = "replace"
    KEEP = "keep"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One path."""

    verb: Verb
    path: Path
    note: str = ""
    """Why, where that is not plain."""
    thing: Wanted | None = None
    """What is put there."""
    saved: Path | None = None
    """Where what is replaced stays."""

    def __str__(self) -> str:
        """One line."""
        return line(self.verb, str(self.path), self.note)


def line(verb: str, what: str, note: str = "") -> str:
    """As all lines are."""
    return f"{verb:<8} {what}" + (f"  ({note})" if note else "")
