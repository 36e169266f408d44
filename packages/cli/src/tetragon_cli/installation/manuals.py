# SPDX-License-Identifier: Apache-2.0
"""The man pages, as far as the executable has them."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from .wanted import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .layout import Choices
    from .wanted import Wanted

__all__ = ["manuals"]

_SECTIONS: Final = "158"


def manuals(choices: Choices) -> Iterator[Wanted]:
    """`NAME.SECTION` each."""
    folder = files("tetragon_cli") / "_man"
    if not folder.is_dir():
        return
    for page in sorted(folder.iterdir(), key=lambda one: one.name):
        section = page.name.rpartition(".")[2]
        if section in _SECTIONS:
            path = choices.layout.shared("man") / f"man{section}" / page.name
            yield File(path=path, content=page.read_bytes())
