# SPDX-License-Identifier: Apache-2.0
"""Tables as upstream's client prints them: columns three blanks apart, sizes in decimal units."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["aligned", "size_text"]

_GAP: Final = "   "
_UNITS: Final = "kMGTPE"


def size_text(size: int) -> str:
    """Decimal units, two decimals from 1 kB on."""
    if size < 1000:
        return f"{size} B"
    value, power = float(size), -1
    while value >= 1000 and power < len(_UNITS) - 1:
        value /= 1000
        power += 1
    return f"{value:.2f} {_UNITS[power]}B"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, each column as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    return [
        _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
