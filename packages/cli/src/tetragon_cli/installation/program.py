# SPDX-License-Identifier: Apache-2.0
"""The program: its folder, and the name that is in everybody's PATH."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .layout import PROGRAM
from .wanted import Link, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .layout import Choices
    from .wanted import Wanted

__all__ = ["program"]


def program(choices: Choices) -> Iterator[Wanted]:
    """It runs from its folder, so nothing is unpacked at a start."""
    layout = choices.layout
    yield Tree(path=layout.tree, source=choices.source)
    yield Link(path=layout.program, target=f"../lib/{PROGRAM}/{PROGRAM}")
