# SPDX-License-Identifier: Apache-2.0
"""How the rate of a cgroup is written."""

from __future__ import annotations

import pytest

from tetragon_core.throttling import CgroupRate
from tetragon_server.config.rates import RATE, read_rate

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("1000,1s", CgroupRate(1000, SECOND)),
        ("10, 1m30s", CgroupRate(10, 90 * SECOND)),
        ("1,1ms", CgroupRate(1, 1_000_000)),
        ("0,1s", None),
        ("10,0", None),
        ("10,", None),
    ],
)
def test_rates(text: str, expected: CgroupRate | None) -> None:
    """A zero on either side switches it off, as no text does."""
    assert expected == read_rate(text)
    assert text == RATE.parse(text)


@pytest.mark.parametrize("text", ["10", "sure,1s", "1,nope", "-1,1s", ",1s", "1,2h", "1.5,1s"])
def test_what_is_no_rate(text: str) -> None:
    """It is refused in one line."""
    with pytest.raises(ValueError, match=r"write it like|too long"):
        RATE.parse(text)
