# SPDX-License-Identifier: Apache-2.0
"""Whoever starts at docs/README.md finds every page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[2] / "docs"


def test_every_page_has_a_line() -> None:
    """One, and each leads to a page that is there."""
    links = re.findall(
        r"^- \[\S+\]\((\S+)\)\*?: \S", (DOCS / "README.md").read_text(), re.MULTILINE
    )
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]

    assert sorted(set(pages) - {"README.md"}) == sorted(links)


def test_generated_pages_are_marked() -> None:
    """With a star, and no others."""
    starred = re.findall(r"\((\S+)\)\*", (DOCS / "README.md").read_text())
    generated = {
        path.relative_to(DOCS).as_posix()
        for path in DOCS.rglob("*.md")
        if re.search("from here on by tools/|written by a program", path.read_text())
    }

    assert generated == set(starred)
