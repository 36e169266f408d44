# SPDX-License-Identifier: Apache-2.0
"""Text in a terminal's columns: some characters take two, some none."""

from __future__ import annotations

__all__ = ["fitted"]

_CUT = "…"


def fitted(text: str, width: int) -> str:
    """Printable text, cut or filled up with blanks to exactly `width` columns, at least 1."""
    if text.isascii():
        return f"{text[: width - 1]}{_CUT}" if len(text) > width else text.ljust(width)
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415  # most text is ASCII

    if cell_len(text) > width:
        text = set_cell_size(text, width - 1).rstrip() + _CUT
    return text + " " * (width - cell_len(text))
