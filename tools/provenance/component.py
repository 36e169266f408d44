# SPDX-License-Identifier: Apache-2.0
"""One thing that others, or we, publish under a name and a version, and that is in the tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cyclonedx.spdx import is_expression

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Component", "ProvenanceError"]


class ProvenanceError(Exception):
    """Something in the tree of which the origin, the version or the licence is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What is told of one thing; `purl` is its package URL and its key."""

    name: str
    version: str
    purl: str
    licence: str
    """An SPDX expression."""
    texts: tuple[Path, ...]
    """Files that hold the text of its licence; at least one."""
    hashes: tuple[str, ...] = ()
    """SHA-256 of the files it is published as, of which one was used."""
    cpe: str = ""
    """Its name in vulnerability databases that know no package URLs."""
    note: str = ""
    """What a reader cannot see from the name."""
    needs: tuple[str, ...] = ()
    """Names of components that this one needs, whether they are in the tree or not."""

    def __post_init__(self) -> None:
        if not self.version:
            raise ProvenanceError(f"{self.name}: has no version")
        if not is_expression(self.licence):
            raise ProvenanceError(
                f"{self.name} {self.version}: its licence is not known, it says {self.licence!r}; "
                "add the SPDX expression to the table in tools/provenance"
            )
        if not any(path.is_file() and path.stat().st_size for path in self.texts):
            raise ProvenanceError(
                f"{self.name} {self.version}: there is no text of its licence ({self.licence}) in "
                f"{', '.join(map(str, self.texts)) or 'what it installs'}"
            )
