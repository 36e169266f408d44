# SPDX-License-Identifier: Apache-2.0
"""Levels: a test's folder gives it its marker, and `--level` runs the tests of one level.

The levels vm-* are the level `kernel` inside another kernel, and `compiled` is the level `unit`
with the compiled modules; each has an account of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

TESTS: Final = Path(__file__).parent
MARKERS: Final = (
    *("contract", "kernel", "exe", "docs", "roots", "runtimes", "kubernetes", "machine"),
)
"""Folders with a level of their own; every other folder is of the level `unit`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --level."""
    parser.addoption(
        "--level",
        metavar="NAME",
        help=f"unit, compiled, {', '.join(MARKERS)} or vm-KERNEL (default: all)",
    )


def level_of(path: Path) -> str:
    """The level of the test file at `path`."""
    folder = path.relative_to(TESTS).parts[0]
    return folder if folder in MARKERS else "unit"


def selected_level(config: pytest.Config) -> str | None:
    """The level whose tests are to run, None for all."""
    name: str | None = config.getoption("--level")
    if name is None:
        return None
    if name.startswith("vm-"):
        return "kernel"
    if name == "compiled":
        return "unit"
    if name not in {"unit", *MARKERS}:
        msg = f"--level {name}: known are unit, compiled, {', '.join(MARKERS)} and vm-KERNEL"
        raise pytest.UsageError(msg)
    return name


@pytest.hookimpl(tryfirst=True)
def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the tests of other levels: they may need what is not here."""
    wanted = selected_level(config)
    if wanted is None or collection_path.parent != TESTS or not collection_path.is_dir():
        return None
    return True if level_of(collection_path) != wanted else None


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark every test with its level."""
    for item in items:
        level = level_of(item.path)
        if level in MARKERS:
            item.add_marker(level)
