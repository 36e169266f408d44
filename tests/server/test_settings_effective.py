# SPDX-License-Identifier: Apache-2.0
"""Clients are told every setting, in the types that Tetragon uses."""

from __future__ import annotations

import pytest

from tetragon_server.config import OPTIONS, AgentConfig
from tetragon_server.config.ignored import IGNORED
from tetragon_server.config.kinds import DURATION, SIZE
from tetragon_server.config.writing import written
from tetragon_server.settings.effective import effective_values


def test_every_option_is_told() -> None:
    """Those without effect too: scripts look for them."""
    names = {option.name for option in OPTIONS} | {one.name for one in IGNORED}

    assert names == effective_values(AgentConfig()).keys()


def test_types_are_tetragons() -> None:
    """Flags and numbers are what they are, sizes and durations text, lists lists."""
    values = effective_values(AgentConfig(rb_size=8 << 20, enable_ancestors=("base", "lsm")))

    assert {
        "enable-process-cred": False,
        "process-cache-size": 65_536,
        "rb-size": "8M",
        "process-cache-gc-interval": "30s",
        "enable-ancestors": ("base", "lsm"),
        "unix-socket": "",
        "parents-map-enabled": False,
        "release-pinned-bpf": True,
        "event-cache-retries": 15,
        "bpf-lib": "/var/lib/tetragon/",
    }.items() <= values.items()


def test_what_has_no_effect_is_told_as_it_was_written() -> None:
    """An unknown key as well."""
    others = (("parents-map-enabled", "true"), ("cluster-nmae", "c"), ("verbose", "2"))

    values = effective_values(AgentConfig(others=others))

    assert (True, "c", 2) == (
        values["parents-map-enabled"],
        values["cluster-nmae"],
        values["verbose"],
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.25, "0.25s"),
        (30.0, "30s"),
        (60.0, "1m"),
        (90.0, "1m30s"),
        (5400.0, "1h30m"),
        (90_061.0, "25h1m1s"),
    ],
)
def test_durations_are_written_as_they_are_read(seconds: float, text: str) -> None:
    """In units a reader knows."""
    assert (text, seconds) == (written(DURATION, seconds), DURATION.parse(text))


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0"), (1000, "1000"), (1024, "1K"), (8 << 20, "8M"), (3 << 30, "3G"), (1025, "1025")],
)
def test_sizes_are_written_as_they_are_read(size: int, text: str) -> None:
    """With the largest unit that leaves a whole number."""
    assert (text, size) == (written(SIZE, size), SIZE.parse(text))
