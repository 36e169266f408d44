# SPDX-License-Identifier: Apache-2.0
"""How much of the executable each component is: `PYTHONPATH=tools python -m provenance.sizes TREE`.

What a component adds to the file is about what it is when it is compressed alone.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .add import components_of
from .tree import PROGRAM, content_of_modules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .tree import Item

__all__ = ["sizes", "table"]

_COMPRESS: Final = ("zstd", "--quiet", "--stdout", "-12")

Size = tuple[int, int]
"""Bytes in the tree, and compressed alone."""


def sizes(tree: Path) -> dict[str, Size]:
    """The size of each component that is in the tree, the largest first."""
    modules = content_of_modules(tree / PROGRAM)
    found = {
        one.name: _size([item for item in items if item.name != PROGRAM], modules)
        for one, items in components_of(tree).items()
        if items
    }
    return dict(sorted(found.items(), key=lambda pair: -pair[1][1]))


def table(rows: Mapping[str, Size]) -> str:
    """Lines to read, in KiB."""
    total = tuple(sum(column) for column in zip(*rows.values(), strict=True))
    lines = [f"{'component':40} {'KiB':>8} {'compressed':>10}"]
    for name, (plain, packed) in {**rows, "all": total}.items():
        lines.append(f"{name:40} {plain / 1024:8.0f} {packed / 1024:10.0f}")
    return "\n".join(lines)


def _size(items: Sequence[Item], modules: Mapping[str, bytes]) -> Size:
    parts = [modules[item.name] if item.path is None else item.path.read_bytes() for item in items]
    whole = b"".join(parts)
    return len(whole), len(subprocess.run(_COMPRESS, input=whole, check=True, stdout=-1).stdout)


if __name__ == "__main__":
    print(table(sizes(Path(sys.argv[1]))))
