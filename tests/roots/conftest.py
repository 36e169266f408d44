# SPDX-License-Identifier: Apache-2.0
"""The roots in which every test of this level runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exe.executables import BUILT
from roots.private_root import PrivateRoot, open_root

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("bullseye", "bookworm", "trixie", "sid", "busybox", "musl")


@pytest.fixture(params=NAMES)
def root(request: pytest.FixtureRequest) -> Iterator[PrivateRoot]:
    """One root after the other, as if it had just been installed."""
    assert BUILT.exists(), "run `make dist`, which `make test` does"
    with open_root(request.param) as opened:
        yield opened
