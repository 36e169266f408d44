# SPDX-License-Identifier: Apache-2.0
"""What a watch does, against the fake API server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from k8s.fake_api import FakeApi
from k8s.watch_properties import (
    test_a_name_that_is_used_again,
    test_a_version_that_is_too_old,
    test_long_lists_come_in_pages,
    test_the_server_may_end,
    test_watches_that_the_server_ends_go_on,
    test_what_there_is_then_each_change,
    test_who_may_not_list_is_told_the_rule,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from k8s.watch_properties import Worlds

__all__ = [
    "test_a_name_that_is_used_again",
    "test_a_version_that_is_too_old",
    "test_long_lists_come_in_pages",
    "test_the_server_may_end",
    "test_watches_that_the_server_ends_go_on",
    "test_what_there_is_then_each_change",
    "test_who_may_not_list_is_told_the_rule",
]


@pytest.fixture
def worlds(tmp_path: Path) -> Worlds:
    """The fake."""

    @asynccontextmanager
    async def make() -> AsyncIterator[FakeApi]:
        fake = FakeApi(tmp_path)
        await fake.start()
        yield fake
        await fake.stop()

    return make
