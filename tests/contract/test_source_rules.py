# SPDX-License-Identifier: Apache-2.0
"""Rules for source files that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
THIS_FILE: Final = Path(__file__)
GENERATED: Final = (
    "packages/core/src/tetragon/",
    "packages/sensors/src/tetragon_sensors/_wire.py",
    "packages/core/src/tetragon_core/_syscalls.py",
)
SOURCE: Final = {".py", ".c", ".h", ".proto", ".sh", ""}
MAX_LINES: Final = 300

BANNED: Final = {
    "two places to change at once": r"(?i)\bkeep[ -](it |this |them )?in[ -]sync\b",
    "unfinished": r"\b(TODO|FIXME|XXX)\b",
    "ignore without a rule": r"#\s*(noqa|type:\s*ignore)(?!\s*[:\[])",
    "ignore without a reason": r"#\s*(noqa:\s*[A-Z0-9, ]+|type:\s*ignore\[[\w, -]+\])\s*$",
}
BANNED_NAMES: Final = {"util", "utils", "helpers", "common", "misc"}
REQUIRED_LICENCE: Final = {"bpf/": "GPL-2.0-only OR BSD-2-Clause", "": "Apache-2.0"}


def tracked() -> list[Path]:
    """Every text file of ours that git knows or would take, without generated ones."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [name for name in names.splitlines() if not name.startswith(GENERATED)]
    return [ROOT / name for name in paths if (ROOT / name).is_file()]


def sources() -> list[Path]:
    """Those of them that are programs."""
    texts = [path for path in tracked() if path.suffix in SOURCE and path.name != "LICENSE"]
    return [path for path in texts if path != THIS_FILE and not path.name.startswith(".")]


def offences(pattern: str) -> list[str]:
    """`file:line` of every match in the sources."""
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if re.search(pattern, line)
    ]


@pytest.mark.parametrize("pattern", BANNED.values(), ids=BANNED)
def test_no_banned_words(pattern: str) -> None:
    """No source line matches the pattern."""
    assert [] == offences(pattern)


def test_no_modules_named_for_nothing() -> None:
    """A module is named for its concept."""
    assert [] == [str(path) for path in sources() if path.stem in BANNED_NAMES]


def test_no_long_modules() -> None:
    """A Python file that grows further is split by concept."""
    modules = [path for path in sources() if path.suffix == ".py"]

    long = [path.name for path in modules if len(path.read_text().splitlines()) > MAX_LINES]

    assert [] == long


def test_every_source_names_its_licence() -> None:
    """The SPDX line is in the first two lines: Apache-2.0, or the dual licence below bpf/."""
    wrong = []
    for path in sources():
        name = str(path.relative_to(ROOT))
        licence = next(text for prefix, text in REQUIRED_LICENCE.items() if name.startswith(prefix))
        head = path.read_text(errors="replace").splitlines()[:2]
        ends = [line.rstrip(" */") for line in head]
        if not any(line.endswith(f"SPDX-License-Identifier: {licence}") for line in ends):
            wrong.append(name)

    assert [] == wrong


def test_every_module_and_test_has_a_docstring() -> None:
    """A module says what it is for, a test says what it proves."""
    bare = []
    for path in sources():
        if path.suffix == ".py":
            tree = ast.parse(path.read_text())
            functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
            tests = [node for node in functions if node.name.startswith("test_")]
            bare += [f"{path.name}:{node.name}" for node in tests if not ast.get_docstring(node)]
            bare += [] if ast.get_docstring(tree) else [path.name]

    assert [] == bare
