# SPDX-License-Identifier: Apache-2.0
"""Numbers of the export: modes of files, the rate limit, durations as Go writes them."""

from __future__ import annotations

import pytest

from server.exporting import Seconds
from tetragon_server.config.kinds import DURATION
from tetragon_server.export.go_durations import duration_text
from tetragon_server.export.permissions import file_mode
from tetragon_server.export.rate_limit import RateLimit


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("600", 0o600),
        ("640", 0o640),
        ("0640", 0o640),
        ("666", 0o664),
        ("777", 0o664),
        ("2", 0o600),
        ("4755", 0o644),
    ],
)
def test_modes_are_made_safe(text: str, mode: int) -> None:
    """No executable bits, nothing for the world to write, and always the owner's own rights."""
    assert file_mode(text) == mode


@pytest.mark.parametrize("text", ["", "rw", "8", "-1", "6 4 0"])
def test_other_texts_are_no_modes(text: str) -> None:
    """What is not octal is refused with a line that says how to write it."""
    with pytest.raises(ValueError, match="octal digits"):
        file_mode(text)


def taken(limit: RateLimit, attempts: int) -> int:
    return sum(limit.take() for _ in range(attempts))


def test_a_minutes_events_may_come_at_once() -> None:
    """The bucket is full at first; what is over it is dropped and counted."""
    limit = RateLimit(6, Seconds())

    assert taken(limit, 10) == 6
    assert limit.dropped == 4


def test_tokens_come_back_one_by_one() -> None:
    """One each time a minute's share has passed, and never more than a minute's worth."""
    clock = Seconds()
    limit = RateLimit(6, clock)
    taken(limit, 6)

    seen = []
    for now in (9.9, 10, 20, 3600):
        clock.now = now
        seen.append(taken(limit, 10))

    assert seen == [0, 1, 1, 6]


def test_a_negative_limit_is_none() -> None:
    """Nothing is dropped, whatever comes."""
    limit = RateLimit(-5, Seconds())

    assert (taken(limit, 1000), limit.dropped) == (1000, 0)


def test_what_was_dropped_is_reported_once() -> None:
    """A report tells what is new; the total stays."""
    limit = RateLimit(1, Seconds())
    taken(limit, 4)

    assert [limit.take_report(), limit.take_report(), limit.dropped] == [3, 0, 3]


def test_the_same_limit_set_again_fills_nothing() -> None:
    """Reading settings again gives no minute's events away; another limit begins full."""
    limit = RateLimit(2, Seconds())
    taken(limit, 2)

    limit.set(2)
    again = taken(limit, 5)
    limit.set(3)

    assert (again, taken(limit, 5)) == (0, 3)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (1e-9, "1ns"),
        (0.0015, "1.5ms"),
        (0.25, "250ms"),
        (2e-6, "2µs"),
        (1, "1s"),
        (1.5, "1.5s"),
        (59.05, "59.05s"),
        (300, "5m0s"),
        (3600, "1h0m0s"),
        (90061, "25h1m1s"),
    ],
)
def test_durations_read_back(seconds: float, text: str) -> None:
    """They are written as Go does it, and mean the same when they are read."""
    assert duration_text(seconds) == text
    assert DURATION.parse(text) == pytest.approx(seconds)
