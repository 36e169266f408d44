# SPDX-License-Identifier: Apache-2.0
"""The Markdown pages of the project: code blocks, what is said of each, links and headings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

__all__ = ["PAGES", "ROOT", "Block", "Page", "page", "slug"]

ROOT: Final = Path(__file__).parents[2]
_PATTERNS: Final = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/**/*.md", "contrib/**/*.md"),
    *("lima/**/*.md", "packages/*/README.md", "bpf/README.md", "tests/README.md"),
)
_SHELL: Final = frozenset({"", "sh", "bash", "console", "shell"})
_COMMENT: Final = re.compile(r"<!--(.*?)-->\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code."""

    text: str
    language: str
    line: int
    marker: str
    """The comment before it; empty for none."""

    @property
    def is_shell(self) -> bool:
        """Whether it has commands, rather than data in some language."""
        return self.language in _SHELL


@dataclass(slots=True)
class Page:
    """One file; `name` is its path in the tree."""

    name: str
    text: str
    blocks: list[Block] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    codes: list[str] = field(default_factory=list)
    """What stands in back-ticks."""
    sections: list[list[Token]] = field(default_factory=list)
    """The tokens from each heading to the next, whatever its level."""


def slug(title: str) -> str:
    """The anchor that forges make of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@cache
def page(name: str) -> Page:
    """The page at a path in the tree."""
    made = Page(name, (ROOT / name).read_text())
    tokens = MarkdownIt("commonmark").enable("table").parse(made.text)
    made.sections.append([])
    before = ""
    for position, token in enumerate(tokens):
        if token.type == "heading_open":
            _add_heading(made, tokens[position + 1])
        made.sections[-1].append(token)
        if token.type in {"fence", "code_block"}:
            line = token.map[0] + 1 if token.map else 0
            made.blocks.append(Block(token.content, token.info.strip(), line, before))
        elif token.type == "inline":
            _add_inline(made, token)
        found = _COMMENT.search(token.content) if token.type == "html_block" else None
        before = found[1].strip() if found else ""
    return made


def _add_heading(made: Page, title: Token) -> None:
    shown = "".join(child.content for child in title.children or ())
    name = slug(shown)
    number = sum(1 for known in made.anchors if re.fullmatch(re.escape(name) + r"(-\d+)?", known))
    made.anchors.add(f"{name}-{number}" if number else name)
    made.sections.append([])


def _add_inline(made: Page, token: Token) -> None:
    for child in token.children or ():
        if child.type == "code_inline":
            made.codes.append(child.content)
        elif child.type in {"link_open", "image"}:
            made.links.append(str(child.attrs.get("href") or child.attrs.get("src")))


def _names() -> Iterator[str]:
    for pattern in _PATTERNS:
        yield from (str(path.relative_to(ROOT)) for path in sorted(ROOT.glob(pattern)))


PAGES: Final = tuple(_names())
