# SPDX-License-Identifier: Apache-2.0
"""Write the tables of docs/reference/agent-options.md from the agent's description of its options.

With --check nothing is written; exit code 1 says that the page is not what it would be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from page import by_hand, cell, write_or_check
from tetragon_server.config.grouping import option_groups
from tetragon_server.config.ignored import IGNORED
from tetragon_server.config.writing import written

if TYPE_CHECKING:
    from tetragon_server.config import Option

ROOT: Final = Path(__file__).parents[1]
OUTPUT: Final = ROOT / "docs/reference/agent-options.md"

TABLE: Final = "| option | kind | default | what it is for | |\n|---|---|---|---|---|\n"
IGNORED_HEAD: Final = """
## Accepted without effect

Tetragon's other options. They are accepted wherever options are; one that is set to anything but
Tetragon's default gets one warning with what happens instead.

| option | Tetragon's default | what happens instead |
|---|---|---|
"""


def generate() -> str:
    """The whole page."""
    lines = [by_hand(OUTPUT, "gen_options")]
    for title, options in option_groups():
        lines.append(f"\n### {title}\n\n{TABLE}")
        lines += [_row(option) for option in options]
    lines.append(IGNORED_HEAD)
    lines += [
        f"| `{one.name}` | {_code(one.default)} | {one.instead} |\n"
        for one in sorted(IGNORED, key=lambda one: one.name)
    ]
    return "".join(lines)


def _row(option: Option) -> str:
    name = f"`--{option.name}`" + (f", `-{option.short}`" if option.short else "")
    kind = option.kind.name + (", reload" if option.reloads else "")
    default = _code(written(option.kind, option.default))
    remark = "ours" if option.is_ours else option.differs
    return f"| {name} | {kind} | {default} | {cell(option.text)} | {cell(remark)} |\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    sys.exit(write_or_check(OUTPUT, generate()))
