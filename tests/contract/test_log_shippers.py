# SPDX-License-Identifier: Apache-2.0
"""The examples for log shippers fit what the agent writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tetragon import events_pb2
from tetragon_server.config import OPTIONS
from tetragon_server.jsontext import JsonFormat

DIRECTORY: Final = Path(__file__).parents[2] / "contrib/log-shippers"
FILES: Final = sorted(DIRECTORY.glob("*.yaml"))
LINE_BYTES: Final = 1024 * 1024
"""A JSON line of an event with the most arguments, each byte of them escaped."""


def read(name: str) -> Any:
    """The file as its program sees it."""
    return yaml.safe_load((DIRECTORY / name).read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_options_exist(path: Path) -> None:
    """Every option of the agent that an example names is one."""
    names = {f"--{option.name}" for option in OPTIONS}
    used = {word for word in path.read_text().split() if word.startswith("--export-")}

    assert used
    assert used <= names


def test_fluent_bit_reads_the_time() -> None:
    """Its parser's format is that of the events' times."""
    (parser,) = read("fluent-bit.yaml")["service"]["parsers"]
    event = events_pb2.GetEventsResponse(node_name="n")
    event.time.FromDatetime(datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC))
    stamp = json.loads(JsonFormat().text(event))[parser["time_key"]]

    python_format = parser["time_format"].replace("%L", "%f").replace("Z", "%z")
    assert event.time.ToDatetime(UTC) == datetime.strptime(stamp, python_format)  # noqa: DTZ007  the format has a %z


def test_longest_lines_fit() -> None:
    """No shipper leaves out an event for its length."""
    (tail,) = read("fluent-bit.yaml")["pipeline"]["inputs"]
    vector = read("vector.yaml")["sources"]["tetragon"]

    assert int(tail["buffer_max_size"].removesuffix("m")) << 20 > LINE_BYTES
    assert vector["max_line_bytes"] > LINE_BYTES


def test_vector_is_wired() -> None:
    """Every input is a source or a transform that exists, and so is every collector's part."""
    vector = read("vector.yaml")
    known = {*vector["sources"], *vector["transforms"]}
    inputs = [one["inputs"] for part in ("transforms", "sinks") for one in vector[part].values()]
    collector = read("otel-collector.yaml")
    pipeline = collector["service"]["pipelines"]["logs"]

    assert {name for names in inputs for name in names} <= known
    assert all(name in collector[part] for part, names in pipeline.items() for name in names)
