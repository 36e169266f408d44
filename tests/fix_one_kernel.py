# SPDX-License-Identifier: Apache-2.0
"""Tests of the level `kernel` that show the same on any kernel run on this host and in one VM.

`@pytest.mark.one_kernel("why any kernel will do", vm="6.12")`. Whole agents and clients take most
of the time of an emulated machine, and what they do with a record does not depend on the kernel
that made it. Whatever shows how programs are loaded and attached, what they record, what they
enforce, what is lost and what is left behind has no such mark: it runs everywhere.
"""

from __future__ import annotations

from typing import Final

import pytest

VMS: Final = ("5.10", "6.1", "6.12", "newest")
_LEFT_OUT: Final = pytest.StashKey[int]()


def vm_of(mark: pytest.Mark, test: str) -> str:
    """The VM where a marked test runs; pytest.UsageError when the mark does not tell or why."""
    match mark.args, mark.kwargs:
        case (str(reason),), {"vm": str(vm), **rest} if reason and vm in VMS and not rest:
            return vm
    msg = f'{test}: want one_kernel("why any kernel will do", vm=one of {", ".join(VMS)})'
    raise pytest.UsageError(msg)


def is_elsewhere(mark: pytest.Mark | None, level: str, test: str) -> bool:
    """True when the test is for another VM than that of this level."""
    if mark is None:
        return False
    return level.startswith("vm-") and level != f"vm-{vm_of(mark, test)}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what runs in another VM."""
    level = config.getoption("--level") or ""
    elsewhere = [
        item
        for item in items
        if is_elsewhere(item.get_closest_marker("one_kernel"), level, item.nodeid)
    ]
    config.stash[_LEFT_OUT] = len(elsewhere)
    if elsewhere:
        left_out = set(elsewhere)
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many were left out."""
    if number := config.stash.get(_LEFT_OUT, 0):
        terminalreporter.line(f"{number} tests run on the host and in another VM (one_kernel)")
