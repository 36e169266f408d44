# SPDX-License-Identifier: Apache-2.0
"""Compact output equals the recorded lines of upstream's client, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from tetragon.events_pb2 import GetEventsResponse
from tetragon_cli.compact import CompactFormat
from tetragon_cli.unprintable import UnprintableEventError

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data/compact-vectors.json").read_text()
)["vectors"]
MODES: dict[str, dict[str, bool]] = {
    "never": {},
    "always": {"colours": True},
    "ts": {"timestamps": True},
    "bare": {"stack_traces": False, "ima_hash": False},
}
# Upstream crashes on these; ours prints an empty piece.
OURS_WHERE_UPSTREAM_CRASHES = {
    "kp-bpf-wrongarg": "🐝 bpf_load nodeA /usr/bin/demo \n",
    "kp-connect-wrongarg": "🔌 connect nodeA /usr/bin/demo \n",
    "kp-trunc-wrongarg": "📝 truncate nodeA /usr/bin/demo \n",
    "lsm-ima-nopath": "🔒 LSM     nodeA /usr/bin/demo file_open\n",
}


def parse(vector: dict[str, Any]) -> GetEventsResponse:
    return json_format.ParseDict(vector["event"], GetEventsResponse())


def cases(*, outcome: str) -> list[Any]:
    """Vector and mode pairs whose recorded outcome is text, an error or a crash."""
    return [
        pytest.param(vector, mode, expected, id=f"{vector['name']}-{mode}")
        for vector in VECTORS
        for mode, expected in vector["out"].items()
        if outcome == ("text" if isinstance(expected, str) else expected["upstream"])
    ]


def test_the_vectors_cover_every_outcome() -> None:
    """The data file was not cut: all four modes of all its events are tried below."""
    counts = [len(cases(outcome=outcome)) for outcome in ("text", "error", "crash")]

    assert len(VECTORS) * len(MODES) == sum(counts)
    assert len(VECTORS) == 101


@pytest.mark.parametrize(("vector", "mode", "expected"), cases(outcome="text"))
def test_line_equals_upstream(vector: dict[str, Any], mode: str, expected: str) -> None:
    """Every event that upstream prints, we print the same."""
    assert expected == CompactFormat(**MODES[mode]).render(parse(vector))


@pytest.mark.parametrize(("vector", "mode", "expected"), cases(outcome="error"))
def test_events_without_a_line_say_why(
    vector: dict[str, Any], mode: str, expected: dict[str, str]
) -> None:
    """Where upstream stops with an error, we raise the error that becomes a note."""
    with pytest.raises(UnprintableEventError) as caught:
        CompactFormat(**MODES[mode]).render(parse(vector))

    assert expected["ends_with"] == str(caught.value)


@pytest.mark.parametrize(("vector", "mode", "expected"), cases(outcome="crash"))
def test_unexpected_argument_types_give_an_empty_piece(
    vector: dict[str, Any], mode: str, expected: dict[str, str]
) -> None:
    """Where upstream crashes, the line has an empty piece in that place."""
    del expected
    text = CompactFormat(**MODES[mode] | {"colours": False}).render(parse(vector))

    assert text.endswith(OURS_WHERE_UPSTREAM_CRASHES[vector["name"]])


def test_unquoted_fields_cannot_drive_the_terminal() -> None:
    """Control characters in fields that upstream prints raw are escaped."""
    event = {"function_name": "f\x1b[2J", "process": {"binary": "/b", "pod": {"name": "\x07"}}}
    response = json_format.ParseDict({"process_kprobe": event}, GetEventsResponse())

    assert CompactFormat().render(response) == "❓ syscall /\\a /b f\\x1b[2J\n"
