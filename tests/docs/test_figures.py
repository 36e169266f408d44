# SPDX-License-Identifier: Apache-2.0
"""Whoever reads a figure can measure it: a table of figures names the command that printed them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from docs.pages import PAGES, page

if TYPE_CHECKING:
    from markdown_it.token import Token

FIGURE: Final = re.compile(r"~?[\d.,]+ ?(ms|µs|ns|s|MB|MiB|KiB|kB|%|events/s)( .*)?")
COMMAND: Final = re.compile(r"\b(make [a-z]|tools/[a-z]|tetragon-mini [a-z])")
FEW: Final = 4
"""A table with fewer cells of figures is about limits, not about measurements."""


def figures(section: list[Token]) -> int:
    """How many cells of the section's tables are measurements."""
    cells = [
        section[position + 1].content
        for position, token in enumerate(section)
        if token.type == "td_open"
    ]
    return sum(FIGURE.fullmatch(cell.strip()) is not None for cell in cells)


@pytest.mark.parametrize("name", PAGES)
def test_figures_have_a_command(name: str) -> None:
    """In the same section, or above the first one of the page."""
    top, *rest = [section for section in page(name).sections if section]
    head = text_of([*top, *(rest[0] if rest else [])])
    lacking = [
        section[1].content
        for section in rest
        if figures(section) >= FEW and not COMMAND.search(text_of(section) + head)
    ]

    assert [] == lacking


def text_of(section: list[Token]) -> str:
    """What stands in it."""
    return "\n".join(token.content for token in section)
