# SPDX-License-Identifier: Apache-2.0
"""The resources most of the server's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.harness import running_api
from server.policy_agent import policy_agent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server.harness import Api
    from server.policy_agent import PolicyAgent


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """Return a running server, stopped at the end of the test."""
    with running_api(tmp_path) as running:
        yield running


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[PolicyAgent]:
    """Return a running server that has policies, and its client."""
    with policy_agent(tmp_path) as running:
        yield running
