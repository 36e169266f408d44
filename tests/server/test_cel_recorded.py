# SPDX-License-Identifier: Apache-2.0
"""Addresses, networks, times and literals: what upstream's own CEL said of them, recorded.

The reference implementation that the other tests ask lacks Kubernetes' libraries.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from server.cel_events import an_exec
from server.cel_reference import our_outcomes

_FILE = Path(__file__).parent.parent / "data" / "cel" / "recorded.txt"
_ROWS = [
    line.split("\t", 1)
    for line in _FILE.read_text("utf-8").splitlines()
    if not line.startswith("#")
]


def test_the_records_have_all_outcomes() -> None:
    """The data file was not cut."""
    outcomes = Counter(expected for expected, _ in _ROWS)

    assert {"true", "false", "error", "rejected"} == set(outcomes)
    assert min(outcomes.values()) > 50


def test_outcome_is_the_recorded_one() -> None:
    """For each expression."""
    event = an_exec()

    assert _ROWS == [[str(our_outcomes(text, [event])[0]).lower(), text] for _, text in _ROWS]
