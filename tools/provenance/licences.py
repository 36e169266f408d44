# SPDX-License-Identifier: Apache-2.0
"""The licences of all components as one text, each different text in it once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .component import Component

__all__ = ["licence_text"]

_HEAD: Final = """\
tetragon-mini is one file that holds what others have made. Each line has the name, the version, the
licence, and which of the texts below are that licence's. Sources are where the bill of materials
(`tetragon-mini version --sbom`) says.

"""
_LINE: Final = "=" * 100


def licence_text(components: Iterable[Component]) -> str:
    """A table of the components, in the order given, and all texts."""
    owners: dict[str, list[str]] = {}
    rows = []
    for one in components:
        numbers = []
        for path in one.texts:
            if path.is_file():
                text = _normal(path.read_text(errors="replace"))
                owners.setdefault(text, []).append(one.name)
                numbers.append(str([*owners].index(text) + 1))
        rows.append((one.name, one.version, one.licence, " ".join(numbers)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    table = [
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]))
        for row in rows
    ]
    texts = [
        f"\n{_LINE}\nText {number}, of {', '.join(sorted(set(names)))}\n{_LINE}\n{text}"
        for number, (text, names) in enumerate(owners.items(), start=1)
    ]
    return "\n".join((_HEAD + table[0], *table[1:], *texts))


def _normal(text: str) -> str:
    """The text without what differs between copies of it: ends of lines and empty lines."""
    lines = [line.rstrip() for line in text.expandtabs().splitlines()]
    return "\n".join(lines).strip("\n") + "\n"
