# SPDX-License-Identifier: Apache-2.0
"""Write the tables of docs/reference/metrics.md from the agent's rows of metrics.

With --check nothing is written; exit code 1 says that the page is not what it would be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from page import by_hand, write_or_check
from tetragon_server.metrics.catalog import ABSENT, GROUPS, PROCESS_METRICS

if TYPE_CHECKING:
    from tetragon_server.metrics.family import Family

ROOT: Final = Path(__file__).parents[1]
OUTPUT: Final = ROOT / "docs/reference/metrics.md"

TABLE: Final = """
| metric | type | labels | what it is | Tetragon's |
|---|---|---|---|---|
"""
PROCESS_HEAD: Final = """
### The agent's own process

Made by Prometheus' client library for Python, as by the one for Go: {names}.
"""
ABSENT_HEAD: Final = """
## Absent

Tetragon's other metrics, and why each is not here. Those of the Go runtime (`go_*`) are not either.

| metric | why |
|---|---|
"""


def generate() -> str:
    """The whole page."""
    lines = [by_hand(OUTPUT, "gen_metrics")]
    for title, families in GROUPS.items():
        lines.append(f"\n### {title}\n{TABLE}")
        lines += [_row(family) for family in families]
    names = ", ".join(f"`{name}`" for name in PROCESS_METRICS)
    lines.append(PROCESS_HEAD.format(names=names))
    lines.append(ABSENT_HEAD)
    lines += [
        f"| `{one.name}` | {one.reason} |\n" for one in sorted(ABSENT, key=lambda it: it.name)
    ]
    return "".join(lines)


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    text = (family.text[0].upper() + family.text[1:]).replace("<", "&lt;")
    relation = "ours" if family.is_ours else f"differs: {family.differs}" * bool(family.differs)
    return f"| `{family.name}` | {family.kind} | {labels} | {text} | {relation or 'the same'} |\n"


if __name__ == "__main__":
    sys.exit(write_or_check(OUTPUT, generate()))
