# SPDX-License-Identifier: Apache-2.0
"""How many containers the level `runtimes` starts with each runtime."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --starts."""
    parser.addoption(
        "--starts",
        type=int,
        default=12,
        metavar="N",
        help="containers that tests/runtimes/test_every_start.py starts with each runtime (12)",
    )


@pytest.fixture(scope="session")
def starts(pytestconfig: pytest.Config) -> int:
    """The value of --starts."""
    number: int = pytestconfig.getoption("--starts")
    return number
