# SPDX-License-Identifier: Apache-2.0
"""Events nobody thought of: the lines are those that upstream's client printed for them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tetragon.events_pb2 import GetEventsResponse
from tetragon_cli.compact import CompactFormat
from tetragon_server.jsontext import JsonFormat

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data/random-event-vectors.json").read_text("utf-8")
)["vectors"]
MODES: dict[str, dict[str, bool]] = {
    "never": {},
    "always": {"colours": True},
    "bare": {"stack_traces": False, "ima_hash": False},
}


def events() -> list[GetEventsResponse]:
    return [GetEventsResponse.FromString(base64.b64decode(one["wire"])) for one in VECTORS]


def test_every_kind_of_event_is_among_them() -> None:
    """The data file was not cut; there is no compact line for the one that is missing."""
    kinds = GetEventsResponse.DESCRIPTOR.oneofs_by_name["event"].fields

    assert {kind.name for kind in kinds} - {"rate_limit_info"} == {
        event.WhichOneof("event") for event in events()
    }


@pytest.mark.parametrize("mode", MODES)
def test_compact_lines_equal_upstreams(mode: str) -> None:
    """Byte for byte, whatever fields are set, and of whatever type the arguments are."""
    form = CompactFormat(**MODES[mode])

    assert [one["out"][mode] for one in VECTORS] == [form.render(event) for event in events()]


def test_json_lines_equal_upstreams() -> None:
    """Names, order, values and their types; upstream puts blanks at random: they do not count."""
    form = JsonFormat()

    assert [one["json"] for one in VECTORS] == [
        json.dumps(json.loads(form.render(event)), ensure_ascii=False, separators=(",", ":"))
        for event in events()
    ]
