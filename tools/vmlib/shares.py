# SPDX-License-Identifier: Apache-2.0
"""A directory of this host that a machine sees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Share", "parse_share"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A directory, and where it is there."""

    path: Path
    place: Path
    is_readonly: bool = False


def parse_share(text: str, *, is_readonly: bool) -> Share:
    """The share of `DIRECTORY` or `DIRECTORY=PLACE`. Raises OSError: there is no such directory."""
    name, _, place = text.partition("=")
    path = Path(name).resolve(strict=True)
    return Share(path=path, place=Path(place) if place else path, is_readonly=is_readonly)
