# SPDX-License-Identifier: Apache-2.0
"""Filters of the API, of the agent and of the documents are the same."""

from __future__ import annotations

from pathlib import Path

from tetragon.events_pb2 import EventType, Filter
from tetragon_cli.event_filters import EVENT_TYPES
from tetragon_server.filters.rows import ROWS

DOCUMENT = Path(__file__).parents[2] / "docs/reference/filters.md"
FIELDS = [field.name for field in Filter.DESCRIPTOR.fields]


def test_every_field_has_a_row() -> None:
    """A field that the API gains is compiled somewhere, in the same order."""
    assert list(ROWS) == FIELDS


def test_every_field_is_documented() -> None:
    """It has a line in the table, in the API's order."""
    section = DOCUMENT.read_text().split("\n## Fields\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]

    assert [line.split("`")[1] for line in rows] == FIELDS


def test_the_client_knows_every_event_type() -> None:
    """Its list is written out, so that --help needs no protobuf."""
    assert sorted(EventType.keys()) == list(EVENT_TYPES)
