# SPDX-License-Identifier: Apache-2.0
"""The end of a program that makes a page: writes it, or tells whether it is what it would be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

__all__ = ["write_or_check"]

ROOT: Final = Path(__file__).parents[1]


def write_or_check(page: Path, text: str) -> int:
    """With --check among the arguments nothing is written; 1, and a line, for another page."""
    if "--check" not in sys.argv[1:]:
        page.write_text(text)
        return 0
    if page.read_text() == text:
        return 0
    print(f"{page.relative_to(ROOT)} is stale: run `make codegen`", file=sys.stderr)
    return 1
