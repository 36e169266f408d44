# SPDX-License-Identifier: Apache-2.0
"""Counters and the exception tree."""

from __future__ import annotations

import re

from tetragon_core import errors
from tetragon_core.stats import Counter, Stats


def test_a_snapshot_adds_counts_and_all_sources() -> None:
    """Own counts and several sources of one counter; the rest is zero; it does not change later."""
    stats = Stats()
    stats.add(Counter.EVENTS)
    stats.add(Counter.EVENTS, 2)
    stats.add_source(lambda: {Counter.EVENTS: 10, Counter.RING_LOST_EXEC: 5})
    stats.add_source(lambda: {Counter.RING_LOST_EXEC: 1})

    first = stats.snapshot()
    stats.add(Counter.EVENTS)

    assert first[Counter.EVENTS] == 13
    assert first[Counter.RING_LOST_EXEC] == 6
    assert sum(first.values()) == 19
    assert list(first) == list(Counter)
    assert stats.snapshot()[Counter.EVENTS] == 14


def test_counters_have_distinct_labels_fit_for_metrics() -> None:
    """Two with one value would silently be one."""
    labels = [counter.label for counter in Counter]

    assert len(set(labels)) == len(Counter.__members__)
    assert [label for label in labels if not re.fullmatch("[a-z_]+", label)] == []
    assert all(counter.help_text for counter in Counter)


def test_every_error_has_an_exit_code_and_keeps_its_line() -> None:
    """Each class of the tree is exported, and none exits with success."""
    classes = [getattr(errors, name) for name in errors.__all__]

    assert all(issubclass(cls, errors.TetragonError) for cls in classes)
    assert {cls.__name__: cls.exit_code for cls in classes} == {
        "AlreadyRunningError": 73,
        "ConnectionFailedError": 69,
        "LoadError": 70,
        "PermissionDeniedError": 77,
        "TetragonError": 1,
        "UnsupportedKernelError": 69,
        "UsageError": 2,
    }
    assert str(errors.UsageError("wanted a, found b")) == "wanted a, found b"


def test_a_load_error_keeps_the_verifiers_text_apart() -> None:
    """One line to show, the rest on request."""
    error = errors.LoadError("program on_exec was refused", log="R1 type=ctx")

    assert (str(error), error.log) == ("program on_exec was refused", "R1 type=ctx")
