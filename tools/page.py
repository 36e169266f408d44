# SPDX-License-Identifier: Apache-2.0
"""The end of a program that makes a page: writes it, or tells whether it is what it would be."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

__all__ = ["by_hand", "cell", "write_or_check"]

ROOT: Final = Path(__file__).parents[1]


def by_hand(page: Path, program: str) -> str:
    """What is written by hand above the mark of tools/PROGRAM.py, and the mark."""
    mark = f"<!-- from here on by tools/{program}.py -->\n"
    above, found, _ = page.read_text().partition(mark)
    if not found:
        raise SystemExit(f"{page}: the line {mark.strip()!r} is missing")
    return above + mark


def cell(text: str) -> str:
    """Text that Markdown shows as it is, also in a table."""
    return re.sub(r"[|*\[\]]", r"\\\g<0>", text).replace("<", "&lt;")


def write_or_check(page: Path, text: str) -> int:
    """With --check among the arguments nothing is written; 1, and a line, for another page."""
    if "--check" not in sys.argv[1:]:
        page.write_text(text)
        return 0
    if page.read_text() == text:
        return 0
    print(f"{page.relative_to(ROOT)} is stale: run `make codegen`", file=sys.stderr)
    return 1
