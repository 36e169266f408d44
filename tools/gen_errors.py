# SPDX-License-Identifier: Apache-2.0
"""Write docs/reference/errors.md: classes of errors, gRPC codes, and where the code raises them.

Messages are read from the source, with `…` for what is filled in. Those about a value that the
user wrote (UsageError and its kin) name the value and are not listed. With --check nothing is
written; exit code 1 says that the page is not what it would be.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from page import by_hand, cell, write_or_check
from tetragon_core.exit_codes import error_classes

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
OUTPUT: Final = ROOT / "docs/reference/errors.md"
LISTED: Final = (
    *("PermissionDeniedError", "UnsupportedKernelError", "LoadError", "AlreadyRunningError"),
    "ConnectionFailedError",
)
LONGEST: Final = 160
"""More of a message than this is left out."""


def generate() -> str:
    """The whole page."""
    lines = [by_hand(OUTPUT, "gen_errors"), "\n## Classes\n\n"]
    lines.append("| class | exit code | what it says |\n|---|---|---|\n")
    lines += [
        f"| `{one.__name__}` | {one.exit_code} | {cell(text)} |\n" for one, text in error_classes()
    ]
    lines.append("\n## Codes of the API\n\n| gRPC code | message | where |\n|---|---|---|\n")
    lines += sorted(_grpc_rows())
    for name in LISTED:
        rows = sorted(set(_raised(name)))
        lines.append(f"\n## {name}\n\n| message | where |\n|---|---|\n")
        lines += [f"| {cell(text)} | `{place}` |\n" for text, place in rows]
    return "".join(lines)


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.glob("packages/*/src/tetragon_*/**/*.py")):
        place = path.relative_to(ROOT).as_posix().partition("/src/")[2]
        yield place, ast.parse(path.read_text())


def _calls(name: str) -> Iterator[tuple[str, list[ast.expr]]]:
    """Where an error of this class is made, and with which arguments."""
    for place, module in _sources():
        for node in ast.walk(module):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == name
            ):
                yield place, node.args


def _raised(name: str) -> Iterator[tuple[str, str]]:
    for place, given in _calls(name):
        text = _text(given[0]) if given else ""
        if text.strip("… "):
            yield text, place


def _grpc_rows() -> Iterator[str]:
    for place, given in _calls("GRPCError"):
        code = given[0].attr if isinstance(given[0], ast.Attribute) else "…"
        text = _text(given[1]) if len(given) > 1 else ""
        shown = cell(text) if text.strip("… ") else "what went wrong, as an error below"
        yield f"| `{code}` | {shown} | `{place}` |\n"


def _text(node: ast.expr) -> str:
    """The message as far as the source has it."""
    if isinstance(node, ast.Constant):
        text = str(node.value)
    elif isinstance(node, ast.JoinedStr):
        parts = (one.value if isinstance(one, ast.Constant) else "…" for one in node.values)
        text = "".join(map(str, parts))
    else:
        text = "…"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


if __name__ == "__main__":
    sys.exit(write_or_check(OUTPUT, generate()))
