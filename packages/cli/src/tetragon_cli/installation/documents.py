# SPDX-License-Identifier: Apache-2.0
"""What the executable is made of and under which licences, as far as it has that with it."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from .layout import PROGRAM
from .wanted import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .layout import Choices
    from .wanted import Wanted

__all__ = ["documents"]

_NAMES: Final = ("licenses.txt", "sbom.cdx.json")


def documents(choices: Choices) -> Iterator[Wanted]:
    """The same that `version --licenses` and `version --sbom` print."""
    folder = files("tetragon_cli") / "_provenance"
    for name in _NAMES:
        document = folder / name
        if document.is_file():
            path = choices.layout.shared("doc") / PROGRAM / name
            yield File(path=path, content=document.read_bytes())
