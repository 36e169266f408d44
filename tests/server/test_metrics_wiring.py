# SPDX-License-Identifier: Apache-2.0
"""What of the metrics runs at all, by the agent's settings."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tetragon_server.config import AgentConfig
from tetragon_server.metrics import AgentMetrics

LOADED = """
import sys
import tetragon_server.running
print([name for name in sys.modules if name.startswith("prometheus")])
"""


@pytest.mark.parametrize(
    ("address", "wanted", "taps"),
    [("", True, 0), ("", False, 0), (":2112", False, 0), (":2112", True, 1)],
)
def test_events_are_counted_for_somebody(address: str, wanted: bool, taps: int) -> None:  # noqa: FBT001  a setting
    """Without an address, or without metrics of events, no event is touched."""
    config = AgentConfig(metrics_server=address, enable_event_metrics=wanted)

    assert taps == len(AgentMetrics(config).taps)


def test_the_library_is_loaded_for_a_page_only() -> None:
    """It takes longer to load than most of the agent."""
    command = [sys.executable, "-c", LOADED]

    assert "[]\n" == subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("binary", {"binary"}),
        (" pod , binary", {"pod", "binary"}),
        ("", {""}),
    ],
)
def test_labels_are_a_list_in_one_text(text: str, labels: set[str]) -> None:
    """As Tetragon's option has it."""
    assert labels == AgentConfig(metrics_label_filter=text).metric_labels
